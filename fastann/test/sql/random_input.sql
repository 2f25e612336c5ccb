-- Random arrays, most of them no vectors: every outcome is a sane number or one of our errors.
SELECT setseed(0.75);
CREATE FUNCTION random_array() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    pool text[] := CASE WHEN random() < 0.85 THEN '{0,1,-1,0.5,7}'::text[]
                        ELSE '{0,1,-1,NaN,Infinity,-Infinity,NULL,3e38,-3e38,1e-45,1e-30,65504}'::text[] END;
    row text := '';
    n int := CASE WHEN random() < 0.85 THEN 5 ELSE floor(random() * 40)::int END;
BEGIN
    FOR i IN 1..n LOOP
        row := row || CASE WHEN i > 1 THEN ',' ELSE '' END || pool[1 + floor(random() * array_length(pool, 1))::int];
    END LOOP;
    RETURN CASE WHEN n = 0 THEN '{}' WHEN random() < 0.1 THEN format('{{%s},{%s}}', row, row) ELSE format('{%s}', row) END;
END
$$;
CREATE TABLE docs (l2 real[], ip real[], cosine real[], half float2[]);
CREATE INDEX ON docs USING ann (l2) WITH (dim = 5, distancemeasure = l2);
CREATE INDEX ON docs USING ann (ip) WITH (dim = 5, distancemeasure = ip);
CREATE INDEX ON docs USING ann (cosine) WITH (dim = 5, distancemeasure = cosine);
CREATE INDEX ON docs USING ann (half) WITH (dim = 5, distancemeasure = l2);
SET enable_seqscan = off;

DO $$
DECLARE
    a text;
    b text;
    d float8;
    done int := 0;
    refused int := 0;
    statement text;
BEGIN
    FOR i IN 1..2500 LOOP
        a := random_array();
        b := random_array();
        statement := (ARRAY['SELECT l2_distance($1::real[], $2::real[])', 'SELECT $1::real[] <-> $2::real[]',
                            'SELECT abs($1::real[] <#> $2::real[])', 'SELECT $1::real[] <=> $2::real[]',
                            'SELECT hm_distance($1::real[], $2::real[])', 'SELECT $1::real[]::float2[] <-> $2::real[]::float2[]',
                            'SELECT $1::real[]::float2[] <=> $2::real[]::float2[]',
                            'INSERT INTO docs(l2) VALUES ($1::real[]) RETURNING 0', 'INSERT INTO docs(ip) VALUES ($1::real[]) RETURNING 0',
                            'INSERT INTO docs(cosine) VALUES ($1::real[]) RETURNING 0', 'INSERT INTO docs(half) VALUES ($1::real[]) RETURNING 0',
                            'SELECT l2 <-> $1::real[] FROM docs ORDER BY l2 <-> $1::real[] LIMIT 1',
                            'SELECT abs(ip <#> $1::real[]) FROM docs ORDER BY ip <#> $1::real[] LIMIT 1',
                            'SELECT cosine <=> $1::real[] FROM docs ORDER BY cosine <=> $1::real[] LIMIT 1'])[1 + i % 14];
        BEGIN
            EXECUTE statement INTO d USING a, b;
            IF d < 0 OR d = 'Infinity' OR (d = 'NaN' AND statement NOT LIKE '%<=>%') THEN
                RAISE WARNING '% gives % for % and %', statement, d, a, b;
            END IF;
            done := done + 1;
        EXCEPTION
            -- data exception, array subscript error, null value not allowed
            WHEN SQLSTATE '22000' OR SQLSTATE '2202E' OR SQLSTATE '22004' THEN refused := refused + 1;
        END;
    END LOOP;
    RAISE NOTICE 'enough done: %, enough refused: %', done > 500, refused > 500;
END
$$;
VACUUM docs;
SELECT count(*) > 0 AS searched FROM (SELECT FROM docs ORDER BY l2 <-> '{1,1,1,1,1}' LIMIT 5) s;
