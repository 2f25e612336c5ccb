-- The life of an index: writes, vacuum, reindex, parallel builds, partitions, plans.
SET enable_seqscan = off;
CREATE FUNCTION vec(i int) RETURNS real[] LANGUAGE sql IMMUTABLE AS
    'SELECT array_agg((hashint4(i * 100 + j) / 2147483648.0)::real ORDER BY j) FROM generate_series(1, 8) j';
CREATE TABLE docs (id int PRIMARY KEY, v real[]) WITH (autovacuum_enabled = off);
INSERT INTO docs SELECT i, vec(i) FROM generate_series(1, 2000) i;
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 8, hnsw_m = 16, hnsw_ef_construction = 64);
-- of 50 stored vectors, how many the index finds as their own nearest; it is approximate
CREATE FUNCTION found(operator text DEFAULT '<->') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (SELECT id, v FROM docs ORDER BY id LIMIT 50) q,
        LATERAL (SELECT id FROM docs ORDER BY docs.v %s q.v LIMIT 1) a WHERE a.id = q.id', operator) INTO n;
    RETURN CASE WHEN n >= 48 THEN 'at least 48' ELSE n::text END;
END
$$;
SELECT found();

UPDATE docs SET v = vec(-id) WHERE id % 2 = 0;
SELECT found();
DELETE FROM docs WHERE id % 3 = 0;
SELECT found();
VACUUM docs;
SELECT found();
INSERT INTO docs SELECT i, vec(i) FROM generate_series(2001, 3000) i;
SELECT found();
SELECT count(*) FROM docs WHERE id % 3 = 0 AND id <= 2000;
VACUUM FULL docs;
SELECT found();
REINDEX INDEX docs_v;
SELECT found();
REINDEX INDEX CONCURRENTLY docs_v;
SELECT found();
BEGIN;
INSERT INTO docs SELECT 5000, array_fill(9::real, ARRAY[8]);
SELECT id FROM docs ORDER BY v <-> '{9,9,9,9,9,9,9,9}' LIMIT 1;
ROLLBACK;
SELECT id <> 5000 AS rolled_back_row_is_gone FROM docs ORDER BY v <-> '{9,9,9,9,9,9,9,9}' LIMIT 1;

-- parallel builds, of every measure
SET min_parallel_table_scan_size = 0;
ALTER TABLE docs SET (parallel_workers = 2);
SET fastann.build_parallel_processes = 3;
DROP INDEX docs_v;
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 8, hnsw_m = 16, hnsw_ef_construction = 64);
SELECT found();
CREATE INDEX docs_cosine ON docs USING ann (v) WITH (dim = 8, distancemeasure = cosine);
SELECT found('<=>');
INSERT INTO docs VALUES (6000, '{1,2}');
CREATE TABLE mixed AS SELECT i AS id, CASE WHEN i = 1500 THEN '{1,2,3}' ELSE ARRAY[i, 1, 2, 3]::real[] END AS v FROM generate_series(1, 2000) i;
ALTER TABLE mixed SET (parallel_workers = 2);
\set VERBOSITY terse
CREATE INDEX ON mixed USING ann (v) WITH (dim = 4);
\set VERBOSITY default
SET fastann.build_parallel_processes = 1;
DROP INDEX docs_cosine;
REINDEX TABLE docs;
SELECT found();
SHOW max_parallel_maintenance_workers;
SELECT current_setting('fastann.build_index') AS build_index;
SET maintenance_work_mem = '1MB';
SET client_min_messages = warning;
REINDEX TABLE docs;
RESET client_min_messages;
SELECT found();

-- temporary and unlogged tables
CREATE TEMP TABLE scratch (id int, v real[]);
CREATE INDEX ON scratch USING ann (v) WITH (dim = 2);
INSERT INTO scratch SELECT i, ARRAY[i, -i] FROM generate_series(1, 100) i;
SELECT id FROM scratch ORDER BY v <-> '{42,-42}' LIMIT 1;
CREATE UNLOGGED TABLE unlogged (id int, v real[]);
CREATE INDEX ON unlogged USING ann (v) WITH (dim = 2, distancemeasure = ip);
INSERT INTO unlogged SELECT i, ARRAY[i, -i] FROM generate_series(1, 100) i;
SELECT id FROM unlogged ORDER BY v <#> '{42,-42}' LIMIT 1;
ALTER TABLE unlogged SET LOGGED;
SELECT id FROM unlogged ORDER BY v <#> '{42,-42}' LIMIT 1;

-- partitions
CREATE TABLE parts (id int, v real[]) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE INDEX ON parts USING ann (v) WITH (dim = 2, distancemeasure = cosine);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
INSERT INTO parts SELECT i, ARRAY[i, 200 - i] FROM generate_series(0, 199) i;
EXPLAIN (COSTS OFF) SELECT id FROM parts ORDER BY v <=> '{100,100}' LIMIT 3;
SELECT id FROM parts ORDER BY v <=> '{100,100}' LIMIT 1;
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE $q$EXPLAIN (COSTS OFF) SELECT id FROM parts ORDER BY v <-> '{100,100}' LIMIT 3$q$ LOOP
        IF line LIKE '%Scan%' THEN RAISE NOTICE '%', trim(line); END IF;
    END LOOP;
END
$$;
SELECT id FROM parts ORDER BY v <-> '{100,100}' LIMIT 1;

-- prepared, generic and custom; a query vector from PL/pgSQL; a cursor; a join
PREPARE nearest(real[]) AS SELECT id FROM parts_1 ORDER BY v <=> $1 LIMIT 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE nearest('{30,170}');
EXECUTE nearest('{40,160}');
EXECUTE nearest('{1}');
EXECUTE nearest(NULL) \g /dev/null
SET plan_cache_mode = force_custom_plan;
EXECUTE nearest('{50,150}');
RESET plan_cache_mode;
DO $$
DECLARE
    q real[] := '{0,0}';
    n int;
BEGIN
    FOR i IN 1..3 LOOP
        q[1] := 10 * i;
        q[2] := 200 - 10 * i;
        SELECT id INTO n FROM parts_1 ORDER BY v <=> q LIMIT 1;
        RAISE NOTICE '%', n;
    END LOOP;
END
$$;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM parts_1 ORDER BY v <=> '{50,150}';
FETCH 1 FROM c;
CLOSE c;
COMMIT;
SELECT q, id FROM unnest(ARRAY[20, 60]) q, LATERAL (SELECT id FROM parts_1 ORDER BY v <=> ARRAY[q, 200 - q]::real[] LIMIT 1) a;

-- an expression; the extension's objects belong to it
CREATE TABLE texts (id int, t text);
INSERT INTO texts SELECT i, format('{%s,%s}', i, i) FROM generate_series(1, 50) i;
CREATE FUNCTION as_vector(text) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT $1::real[]';
CREATE INDEX ON texts USING ann (as_vector(t)) WITH (dim = 2);
SELECT id FROM texts ORDER BY as_vector(t) <-> '{33,33}' LIMIT 1;
\set VERBOSITY terse
DROP EXTENSION fastann;
SELECT count(*) FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fastann') AND deptype = 'e' AND classid = 'pg_am'::regclass;
