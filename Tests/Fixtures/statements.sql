-- Statements for the lexer, one between two lines "-- §". psql runs the file as it is; the tests split it by the
-- lexer and, independently, by those lines.
-- §
SELECT 1 AS one;
-- §
SELECT 1;
-- §
SELECT 'simple';
-- §
SELECT 'it''s';
-- §
SELECT '';
-- §
SELECT '''';
-- §
SELECT 'semi;colon';
-- §
SELECT 'double""quote';
-- §
SELECT 'back\slash';
-- §
SELECT '--no comment';
-- §
SELECT '/* no comment */';
-- §
SELECT '$$ no dollar $$';
-- §
SELECT E'a\nb';
-- §
SELECT E'it\'s; quoted';
-- §
SELECT E'back\\slash;';
-- §
SELECT e'tab\there';
-- §
SELECT E'\x41\102\u0043';
-- §
SELECT E'\U00000044;';
-- §
SELECT E'two''quotes;';
-- §
SELECT E'end\\';
-- §
SELECT E'\'\'';
-- §
SELECT U&'d\0061t\+000061;';
-- §
SELECT u&'d!0061t' UESCAPE '!';
-- §
SELECT U&'it''s \0041';
-- §
SELECT U&'backslash \\ ;';
-- §
SELECT U&"d\0061ta" FROM (SELECT 1 AS "data") t;
-- §
SELECT U&"d*0061ta;" UESCAPE '*' FROM (SELECT 1 AS "data;") t;
-- §
SELECT B'0101';
-- §
SELECT b'1';
-- §
SELECT B'';
-- §
SELECT X'1F';
-- §
SELECT x'ff';
-- §
SELECT N'national; text';
-- §
SELECT n'it''s';
-- §
SELECT $$dollar; quoted$$;
-- §
SELECT $$it's$$;
-- §
SELECT $$$$;
-- §
SELECT $a$one$a$;
-- §
SELECT $a$ $b$ inner; $b$ $a$;
-- §
SELECT $a$ $$ inner; $$ $a$;
-- §
SELECT $_tag1$ x; $_tag1$;
-- §
SELECT $ä$ umlaut; $ä$;
-- §
SELECT $Tag$ $tag$ ; $Tag$;
-- §
SELECT $a$ $ $b $ab$ ; $a$;
-- §
SELECT $q$ $a$ ; $b$ $q$;
-- §
SELECT $outer$ 'quote ; $outer$;
-- §
SELECT $outer$ "ident ; $outer$;
-- §
SELECT $outer$ /* comment ; $outer$;
-- §
SELECT $outer$ -- comment ; $outer$;
-- §
SELECT a$b FROM (SELECT 1 AS a$b) t;
-- §
SELECT a$$ FROM (SELECT 2 AS a$$) t;
-- §
SELECT "a;b" FROM (SELECT 3 AS "a;b") t;
-- §
SELECT "a""b;" FROM (SELECT 4 AS "a""b;") t;
-- §
SELECT "a'b" FROM (SELECT 5 AS "a'b") t;
-- §
SELECT "$$" FROM (SELECT 6 AS "$$") t;
-- §
SELECT "--x" FROM (SELECT 7 AS "--x") t;
-- §
SELECT "/*x" FROM (SELECT 8 AS "/*x") t;
-- §
SELECT "SELECT" FROM (SELECT 9 AS "SELECT") t;
-- §
SELECT "ünïcode" FROM (SELECT 10 AS "ünïcode") t;
-- §
SELECT ünïcode FROM (SELECT 11 AS ünïcode) t;
-- §
SELECT 日本 FROM (SELECT 12 AS 日本) t;
-- §
SELECT '日本; 語';
-- §
SELECT '🙂; emoji';
-- §
SELECT 1 /* comment */ + 2;
-- §
SELECT 1 /* ; */ + 3;
-- §
SELECT 1 /* ' */ + 4;
-- §
SELECT 1 /* " */ + 5;
-- §
SELECT 1 /* $$ */ + 6;
-- §
SELECT 1 /* a /* nested ; */ b */ + 7;
-- §
SELECT 1 /* /* /* deep ; */ */ */ + 8;
-- §
SELECT 1 /* -- inside */ + 9;
-- §
SELECT 1 /**/ + 10;
-- §
SELECT 1 /***/ + 11;
-- §
SELECT 1 /* * / ; */ + 12;
-- §
SELECT 1 /*/ ; /*/ ; */ */ + 13;
-- §
SELECT /* leading ; */ 14;
-- §
SELECT 15 /* trailing ; */;
-- §
SELECT 1.5;
-- §
SELECT .5;
-- §
SELECT 1.;
-- §
SELECT 1e5;
-- §
SELECT 1E-5;
-- §
SELECT 1.5e+3;
-- §
SELECT 1_000_000;
-- §
SELECT 0xFF;
-- §
SELECT 0x_1f;
-- §
SELECT 0o17;
-- §
SELECT 0b101;
-- §
SELECT 0b_1;
-- §
SELECT 1_0.2_5;
-- §
SELECT - 1;
-- §
SELECT -(-1);
-- §
SELECT 2--1 ; not a statement
;
-- §
SELECT 3-(-1);
-- §
SELECT + 4;
-- §
SELECT 5 +-5;
-- §
SELECT 5 * -5;
-- §
SELECT 6 % 4;
-- §
SELECT 2 ^ 3;
-- §
SELECT |/ 25;
-- §
SELECT ||/ 27;
-- §
SELECT @ -5;
-- §
SELECT ~ 5;
-- §
SELECT 5 & 3;
-- §
SELECT 5 | 3;
-- §
SELECT 5 # 3;
-- §
SELECT 1 << 4;
-- §
SELECT 256 >> 4;
-- §
SELECT 'a' || 'b;';
-- §
SELECT 1 <> 2;
-- §
SELECT 1 != 2;
-- §
SELECT 1 <= 2;
-- §
SELECT 2 >= 1;
-- §
SELECT 1 = 1;
-- §
SELECT 'abc' ~ 'b;?';
-- §
SELECT 'abc' ~* 'B';
-- §
SELECT 'abc' !~ 'd';
-- §
SELECT 'abc' !~* 'D';
-- §
SELECT 'abc' LIKE 'a%';
-- §
SELECT 'abc' ILIKE 'A_C';
-- §
SELECT 'a%c' LIKE 'a\%c';
-- §
SELECT 'a;c' LIKE 'a#;c' ESCAPE '#';
-- §
SELECT '1'::int;
-- §
SELECT '1' :: int + 1;
-- §
SELECT CAST('2' AS integer);
-- §
SELECT '{1,2}'::int[];
-- §
SELECT '{{1,2},{3,4}}'::int[];
-- §
SELECT ('{1,2,3}'::int[])[2];
-- §
SELECT ('{1,2,3}'::int[])[1:2];
-- §
SELECT ('{1,2,3}'::int[])[2 : 3];
-- §
SELECT ARRAY[1,2,3];
-- §
SELECT ARRAY[[1,2],[3,4]];
-- §
SELECT ARRAY['a;b', 'c'];
-- §
SELECT '{"a;b",c}'::text[];
-- §
SELECT '[1,2)'::int4range;
-- §
SELECT int4range(1, 5) @> 3;
-- §
SELECT ARRAY[1,2] <@ ARRAY[1,2,3];
-- §
SELECT ARRAY[1,2] && ARRAY[2];
-- §
SELECT '{"a": 1}'::jsonb -> 'a';
-- §
SELECT '{"a": "x;y"}'::jsonb ->> 'a';
-- §
SELECT '{"a": {"b": 2}}'::jsonb #> '{a,b}';
-- §
SELECT '{"a": {"b": 2}}'::jsonb #>> '{a,b}';
-- §
SELECT '{"a": 1}'::jsonb ? 'a';
-- §
SELECT '{"a": 1}'::jsonb ?| ARRAY['a','b'];
-- §
SELECT '{"a": 1}'::jsonb ?& ARRAY['a','b'];
-- §
SELECT '{"a": 1}'::jsonb @> '{"a": 1}';
-- §
SELECT '{"a":[1,2]}'::jsonb @? '$.a[*] ? (@ > 1)';
-- §
SELECT '{"a":[1,2]}'::jsonb @@ '$.a[0] == 1';
-- §
SELECT '{"a": 1}'::jsonb - 'a';
-- §
SELECT '{"a": 1}'::jsonb || '{"b": 2}';
-- §
SELECT (1, 'a;b');
-- §
SELECT ROW(1, NULL, '');
-- §
SELECT NULL;
-- §
SELECT true AND NOT false;
-- §
SELECT CASE WHEN 1 = 1 THEN 'a;' ELSE 'b' END;
-- §
SELECT CASE 1 WHEN 1 THEN 'x' END;
-- §
SELECT (CASE WHEN true THEN (CASE WHEN false THEN 1 ELSE 2 END) END);
-- §
SELECT 1 AS end;
-- §
SELECT 2 AS begin;
-- §
SELECT 3 AS atomic;
-- §
SELECT 4 AS "case";
-- §
SELECT count(*) FROM generate_series(1, 10);
-- §
SELECT generate_series(1, 3);
-- §
SELECT * FROM generate_series(1, 2) g;
-- §
SELECT * FROM (VALUES (1, 'a;'), (2, 'b')) v (n, t);
-- §
VALUES (1), (2);
-- §
TABLE pg_am LIMIT 0;
-- §
SELECT sum(n) FILTER (WHERE n > 1) FROM generate_series(1, 3) n;
-- §
SELECT n, row_number() OVER (ORDER BY n DESC) FROM generate_series(1, 3) n ORDER BY 1;
-- §
SELECT n, sum(n) OVER w FROM generate_series(1, 3) n WINDOW w AS (ORDER BY n) ORDER BY 1;
-- §
WITH t AS (SELECT 1 AS a) SELECT a FROM t;
-- §
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT string_agg(n::text, ';') FROM r;
-- §
SELECT string_agg(x, ';' ORDER BY x) FROM unnest(ARRAY['b','a']) x;
-- §
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FROM generate_series(1, 3) n;
-- §
SELECT EXISTS (SELECT 1);
-- §
SELECT 1 IN (1, 2);
-- §
SELECT 1 = ANY (ARRAY[1, 2]);
-- §
SELECT 1 BETWEEN 0 AND 2;
-- §
SELECT 1 IS DISTINCT FROM NULL;
-- §
SELECT COALESCE(NULL, 'x;');
-- §
SELECT date '2026-01-31' + 1;
-- §
SELECT timestamp '2026-01-31 12:00:00';
-- §
SELECT interval '1 day; nope';
-- §
SELECT interval '1 day 02:00';
-- §
SELECT time '04:05:06';
-- §
SELECT EXTRACT(year FROM date '2026-05-01');
-- §
SELECT POSITION(';' IN 'a;b');
-- §
SELECT SUBSTRING('a;b;c' FROM 3 FOR 1);
-- §
SELECT TRIM(BOTH ';' FROM ';;a;;');
-- §
SELECT OVERLAY('abcd' PLACING ';' FROM 2 FOR 1);
-- §
SELECT split_part('a;b;c', ';', 2);
-- §
SELECT regexp_replace('a1;b2', '[0-9];?', '#', 'g');
-- §
SELECT quote_literal('it''s; \x');
-- §
SELECT quote_ident('a"b;');
-- §
SELECT format('%I %L %s', 'a;b', 'c''d', 'e');
-- §
SELECT length('ä;ö');
-- §
SELECT octet_length('ä;ö');
-- §
SELECT md5('a;b');
-- §
SELECT chr(59);
-- §
SELECT ascii(';');
-- §
SELECT '\x3b'::bytea;
-- §
SELECT decode('3b', 'hex');
-- §
SELECT xmlparse(CONTENT '<a>;</a>')::text;
-- §
SELECT 1 nope nope;
-- §
SELECT 'unknown'::nosuchtype;
-- §
SELECT nosuchcolumn;
-- §
SELECT * FROM no_such_table;
-- §
SELECT 1 +;
-- §
SELECT 1/0;
-- §
FOO BAR;
-- §
CREATE TABLE t1 (id int PRIMARY KEY, name text DEFAULT 'a;b', "odd;name" int);
-- §
INSERT INTO t1 VALUES (1, 'x;y', 2), (2, E'q\'r', 3);
-- §
INSERT INTO t1 (id) VALUES (3) RETURNING name;
-- §
INSERT INTO t1 VALUES (1, 'dup', 0);
-- §
INSERT INTO t1 VALUES (1, 'up;', 0) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name RETURNING *;
-- §
UPDATE t1 SET name = name || ';' WHERE id = 2 RETURNING name;
-- §
DELETE FROM t1 WHERE id = 3 RETURNING id;
-- §
SELECT * FROM t1 ORDER BY id;
-- §
SELECT "odd;name" FROM t1 ORDER BY 1;
-- §
ALTER TABLE t1 ADD COLUMN note text;
-- §
ALTER TABLE t1 ALTER COLUMN note SET DEFAULT $$n;o$$;
-- §
ALTER TABLE t1 RENAME COLUMN note TO "no;te";
-- §
COMMENT ON TABLE t1 IS 'a comment; with -- dashes';
-- §
COMMENT ON COLUMN t1.name IS $c$it's; /* here */$c$;
-- §
SELECT obj_description('t1'::regclass);
-- §
CREATE INDEX t1_name ON t1 (lower(name)) WHERE name <> ';';
-- §
CREATE UNIQUE INDEX IF NOT EXISTS t1_id ON t1 USING btree (id) INCLUDE (name);
-- §
CREATE VIEW v1 AS SELECT id, 'v;' || name AS n FROM t1;
-- §
SELECT n FROM v1 ORDER BY id;
-- §
CREATE SEQUENCE s1 START 10;
-- §
SELECT nextval('s1');
-- §
CREATE TYPE mood AS ENUM ('sad;', 'ok', 'hap''py');
-- §
SELECT 'sad;'::mood;
-- §
CREATE TYPE pair AS (a int, b text);
-- §
SELECT (ROW(1, 'x;')::pair).b;
-- §
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
-- §
SELECT 0::posint;
-- §
CREATE SCHEMA "sch;ema";
-- §
CREATE TABLE "sch;ema"."ta;ble" ("co;l" int);
-- §
INSERT INTO "sch;ema"."ta;ble" VALUES (1);
-- §
SELECT "co;l" FROM "sch;ema"."ta;ble";
-- §
CREATE RULE r1 AS ON DELETE TO v1 DO INSTEAD (UPDATE t1 SET id = id WHERE false; DELETE FROM t1 WHERE false);
-- §
CREATE OR REPLACE RULE r2 AS ON UPDATE TO v1 DO INSTEAD NOTHING;
-- §
DELETE FROM v1;
-- §
SET search_path = public, "sch;ema";
-- §
SHOW search_path;
-- §
RESET search_path;
-- §
SET LOCAL work_mem = '1MB';
-- §
SET application_name = 'corpus; test';
-- §
SHOW application_name;
-- §
PREPARE p1 (int, text) AS SELECT $1 + 1, $2 || ';';
-- §
EXECUTE p1 (1, 'a;b');
-- §
DEALLOCATE p1;
-- §
BEGIN;
-- §
INSERT INTO t1 (id) VALUES (50);
-- §
SAVEPOINT s;
-- §
INSERT INTO t1 (id) VALUES (50);
-- §
ROLLBACK TO SAVEPOINT s;
-- §
RELEASE SAVEPOINT s;
-- §
COMMIT;
-- §
SELECT count(*) FROM t1;
-- §
START TRANSACTION ISOLATION LEVEL REPEATABLE READ;
-- §
SELECT 1 FROM nosuch;
-- §
SELECT 2;
-- §
ROLLBACK;
-- §
BEGIN;
-- §
DECLARE c CURSOR FOR SELECT n FROM generate_series(1, 5) n;
-- §
FETCH 2 FROM c;
-- §
CLOSE c;
-- §
END;
-- §
DO $$ BEGIN PERFORM 1; END $$;
-- §
DO $do$ BEGIN EXECUTE 'SELECT ''a;b'''; EXECUTE $q$SELECT 1; $q$; END; $do$;
-- §
DO LANGUAGE plpgsql $$ DECLARE x text := 'it''s;'; BEGIN IF x = '' THEN RAISE EXCEPTION 'no;'; END IF; END $$;
-- §
DO $$ BEGIN RAISE EXCEPTION 'raised; %', 1; END $$;
-- §
DO 'BEGIN PERFORM 1; END';
-- §
DO E'BEGIN PERFORM \'a;b\'; END';
-- §
CREATE FUNCTION f1(a int) RETURNS int LANGUAGE sql AS $$ SELECT a + 1; $$;
-- §
SELECT f1(1);
-- §
CREATE FUNCTION f2() RETURNS text LANGUAGE sql AS 'SELECT ''x;y'';';
-- §
SELECT f2();
-- §
CREATE FUNCTION f3(x int) RETURNS int LANGUAGE plpgsql AS $body$ BEGIN IF x > 0 THEN RETURN x; END IF; RETURN -x; END; $body$;
-- §
SELECT f3(-4);
-- §
CREATE FUNCTION f4(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE RETURN a + b;
-- §
SELECT f4(1), f4(b => 5, a => 1), f4(a := 2);
-- §
CREATE FUNCTION f5() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;
-- §
SELECT f5();
-- §
CREATE OR REPLACE FUNCTION f6(x int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN x > 0 THEN 'p;' ELSE 'n;' END; END;
-- §
SELECT f6(1);
-- §
CREATE FUNCTION f7(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE x WHEN 1 THEN CASE WHEN true THEN 10 END ELSE 20 END; END;
-- §
SELECT f7(1);
-- §
CREATE FUNCTION f8() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT (CASE WHEN true THEN 1 END); END;
-- §
SELECT f8();
-- §
CREATE PROCEDURE pr1(x int) LANGUAGE sql BEGIN ATOMIC INSERT INTO t1 (id) VALUES (x); DELETE FROM t1 WHERE id = x; END;
-- §
CALL pr1(77);
-- §
CREATE OR REPLACE PROCEDURE pr2() LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM 1; END $$;
-- §
CALL pr2();
-- §
create function f9() returns int language sql begin atomic; end;
-- §
CREATE FUNCTION f10(OUT a int, OUT b text) LANGUAGE sql AS $$ SELECT 1, 'b;'::text $$;
-- §
SELECT * FROM f10();
-- §
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'trig;'; RETURN NEW; END $$;
-- §
CREATE TRIGGER tr BEFORE INSERT ON t1 FOR EACH ROW WHEN (NEW.name = ';') EXECUTE FUNCTION tf();
-- §
INSERT INTO t1 (id, name) VALUES (60, ';') RETURNING name;
-- §
CREATE POLICY pol ON t1 USING (name <> ';');
-- §
CREATE AGGREGATE agg1 (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
-- §
SELECT agg1(n) FROM generate_series(1, 4) n;
-- §
CREATE OPERATOR +++ (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int);
-- §
SELECT 1 OPERATOR(public.+++) 2;
-- §
CREATE OPERATOR <-> (FUNCTION = int4mi, LEFTARG = int, RIGHTARG = int);
-- §
SELECT 5 <-> 3;
-- §
SELECT 5<->-3;
-- §
SELECT 5 <->3--; comment
;
-- §
CREATE OPERATOR @#@ (FUNCTION = int4mul, LEFTARG = int, RIGHTARG = int);
-- §
SELECT 5@#@3;
-- §
SELECT 4@-5;
-- §
GRANT SELECT ON t1 TO PUBLIC;
-- §
REVOKE SELECT ON t1 FROM PUBLIC;
-- §
EXPLAIN (COSTS off) SELECT 1;
-- §
EXPLAIN (COSTS off, FORMAT json) SELECT ';';
-- §
ANALYZE t1;
-- §
VACUUM t1;
-- §
LOCK TABLE t1;
-- §
TRUNCATE t1;
-- §
MERGE INTO t1 USING (VALUES (1, 'm;')) s(i, n) ON t1.id = s.i WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.i, s.n);
-- §
CREATE TABLE gen (a int GENERATED ALWAYS AS IDENTITY, b int GENERATED ALWAYS AS (a * 2) STORED);
-- §
INSERT INTO gen DEFAULT VALUES RETURNING a, b;
-- §
CREATE TABLE part (k int, v text) PARTITION BY LIST (v);
-- §
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a;', 'b');
-- §
INSERT INTO part VALUES (1, 'a;') RETURNING tableoid::regclass;
-- §
CREATE STATISTICS st (ndistinct) ON a, b FROM gen;
-- §
SELECT json_object('a;': 1);
-- §
SELECT JSON_VALUE('{"a": "x;"}', '$.a');
-- §
SELECT x.* FROM XMLTABLE('/r/i' PASSING '<r><i>;</i></r>' COLUMNS v text PATH '.') x;
-- §
SELECT GREATEST(1, 2), LEAST(1, 2), NULLIF(1, 1);
-- §
SELECT a.b FROM (SELECT 1 AS b) a;
-- §
SELECT t.* FROM (VALUES (1)) AS t(x);
-- §
SELECT 1 WHERE 'a' IN ('a', ';');
-- §
SELECT ALL 1;
-- §
SELECT DISTINCT ON (n % 2) n FROM generate_series(1, 4) n ORDER BY n % 2, n;
-- §
SELECT 1 UNION SELECT 2 ORDER BY 1;
-- §
SELECT 1 EXCEPT SELECT 1;
-- §
SELECT n FROM generate_series(1, 9) n ORDER BY n OFFSET 2 FETCH FIRST 2 ROWS ONLY;
-- §
SELECT $1;
-- §
SELECT 'a';
-- §
SELECT 'b';
-- §
NOTIFY ch, 'pay;load';
-- §
LISTEN ch;
-- §
UNLISTEN *;
-- §
DISCARD PLANS;
-- §
SET standard_conforming_strings = on;
-- §
SELECT current_setting('server_version_num')::int > 90000;
-- §
SELECT pg_typeof('x;'::varchar(5));
-- §
SELECT '5 ; 6'::text COLLATE "C";
-- §
SELECT GROUPING(a) FROM (VALUES (1)) v(a) GROUP BY ROLLUP (a) ORDER BY 1;
-- §
SELECT 1 AS "x", 2 AS "y;z";
-- §
SELECT E'a' 'b';
-- §
SELECT 'a' 'b';
-- §
SELECT 'first part; '
  'second part; '
  'third';
-- §
SELECT E'escape \'one\'; '
  'still \tescaped ;';
-- §
SELECT 'one' -- a comment between; the parts
  'two;';
-- §
SELECT 'one'
-- two comments;
-- here;
  'two';
-- §
SELECT 'one' /* not here */
 'two';
-- §
SELECT U&'\0041;'
'\0042';
-- §
SELECT X'1'
'F';
-- §
SELECT B'01'
  '10';
-- §
SELECT
  1, -- one;
  2  -- two; 'quote
  , 3;
-- §
SELECT 1 -- comment with ' quote
;
-- §
-- comment before; the statement
SELECT 'after a comment';
-- §
/* block;
   comment */ SELECT 'after a block';
-- §
/* a /* nested;
   */ comment; */
SELECT 'after a nested one';
-- §
SELECT $$
  multi;
  line
$$;
-- §
SELECT 'multi;
line''s;
';
-- §
SELECT "multi;
line" FROM (SELECT 1 AS "multi;
line") t;
-- §
SELECT $x$
-- ; '
/* ;
$x$ || ';';
-- §
CREATE FUNCTION g1(x int) RETURNS int
LANGUAGE sql
BEGIN ATOMIC
  -- a comment; END
  SELECT 'END;'::text;
  SELECT /* END; */ x;
END;
-- §
SELECT g1(3);
-- §
CREATE OR REPLACE PROCEDURE g2()
LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO t1 (id, name)
  SELECT 90, CASE WHEN true THEN ';' ELSE 'END' END;
  DELETE FROM t1 WHERE id = 90;
END;
-- §
CALL g2();
-- §
CREATE FUNCTION g3() RETURNS TABLE (begin_at int, ending text)
LANGUAGE plpgsql AS $fn$
DECLARE
  r record; -- ;
BEGIN
  FOR r IN SELECT n FROM generate_series(1, 2) n LOOP
    begin_at := r.n; ending := ';' || r.n;
    RETURN NEXT;
  END LOOP;
END;
$fn$;
-- §
SELECT * FROM g3();
-- §
CREATE FUNCTION g4() RETURNS int LANGUAGE sql
BEGIN ATOMIC
  SELECT c."end" FROM (SELECT 1 AS "end") c;
END;
-- §
SELECT g4();
-- §
CREATE FUNCTION g5("begin" int, "atomic" int) RETURNS int LANGUAGE sql AS $$ SELECT $1 + $2; $$;
-- §
SELECT g5(1, 2);
-- §
CREATE TABLE cp (a int, b text);
-- §
COPY cp FROM STDIN;
1	one; 'quote
2	two $$ "x
3	/* not a comment
\.
-- §
COPY cp (a, b) FROM STDIN WITH (FORMAT csv);
4,"four; ""x"""
5,-- no comment
\.
-- §
COPY cp (a) FROM stdin;
\.
-- §
copy cp from stdin with (delimiter ';');
6;six
7;SELECT 1
\.
-- §
COPY cp FROM STDIN;
8	tab\there
9	\N
\.
-- §
COPY cp FROM STDIN;
bad	number
\.
-- §
SELECT * FROM cp ORDER BY a;
-- §
SELECT


  'blank lines;'


;
-- §


SELECT 'leading blank lines';
-- §
SELECT	'tabs;'	AS	x;
-- §
SELECT(1);
-- §
SELECT(2);
-- §
select'no';
-- §
select'blanks';
-- §
SELECT 1;
-- §
SELECT 2;
-- §
SELECT 1;
-- §
SELECT 2;
-- §
SELECT ((((1;2))));
-- §
SELECT 'after an unbalanced parenthesis';
-- §
WITH x AS (
  SELECT ';' AS s -- ;
), y AS (
  SELECT $$;$$ AS s
)
SELECT x.s || y.s FROM x, y;
-- §
INSERT INTO cp VALUES
  (10, 'a;'),
  (11, E'b\';'),
  (12, $$c;$$)
RETURNING b;
