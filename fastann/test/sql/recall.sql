-- Recall@20 over 20,000 clustered vectors is at least 0.95 under each measure.
SELECT setseed(0.25);
CREATE TABLE centres AS
SELECT k, array(SELECT random_normal()::real FROM generate_series(1, 48) WHERE k = k) AS c FROM generate_series(1, 100) k;
CREATE TABLE docs (id int PRIMARY KEY, v real[]);
ALTER TABLE docs ALTER COLUMN v SET STORAGE PLAIN;
INSERT INTO docs
SELECT i, array(SELECT (x + 0.6 * random_normal())::real FROM unnest(c) x WHERE i = i)
FROM generate_series(1, 20000) i JOIN centres ON k = 1 + i % 100;
CREATE TABLE queries AS SELECT id, v FROM docs WHERE id % 200 = 7;
CREATE INDEX by_l2 ON docs USING ann (v) WITH (dim = 48, distancemeasure = l2, hnsw_m = 16, hnsw_ef_construction = 100);
CREATE INDEX by_ip ON docs USING ann (v) WITH (dim = 48, distancemeasure = ip, hnsw_m = 16, hnsw_ef_construction = 100);
CREATE INDEX by_cosine ON docs USING ann (v) WITH (dim = 48, distancemeasure = cosine, hnsw_m = 16, hnsw_ef_construction = 100);
ANALYZE docs;

CREATE FUNCTION recall(operator text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    hits float8;
BEGIN
    EXECUTE format(
        'WITH exact AS MATERIALIZED (SELECT q.id AS query, e.id FROM queries q,
                 LATERAL (SELECT id FROM docs ORDER BY (docs.v %1$s q.v) + 0 LIMIT 20) e),
             found AS MATERIALIZED (SELECT q.id AS query, a.id FROM queries q,
                 LATERAL (SELECT id FROM docs ORDER BY docs.v %1$s q.v LIMIT 20) a)
         SELECT count(*)::float8 / (SELECT count(*) FROM exact) FROM exact JOIN found USING (query, id)', operator) INTO hits;
    RETURN hits;
END
$$;
CREATE TABLE shares AS SELECT op, recall(op) AS share FROM unnest(ARRAY['<->', '<#>', '<=>']) AS op;
SELECT op, share >= 0.95 AS enough FROM shares;
-- the numbers themselves differ from machine to machine, so they go past the expected output
SELECT string_agg(op || ' ' || round(share::numeric, 4), ', ') AS numbers FROM shares \gset
\setenv RECALL :numbers
\! echo "       recall@20: $RECALL" >&3
DO $$
DECLARE
    op text;
    plan text;
BEGIN
    FOREACH op IN ARRAY ARRAY['<->', '<#>', '<=>'] LOOP
        FOR plan IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT id FROM docs ORDER BY v %s array_fill(0.5::real, ARRAY[48]) LIMIT 20', op) LOOP
            IF plan LIKE '%Scan%' THEN RAISE NOTICE '% by %', op, substring(plan FROM '\w+ Scan.*'); END IF;
        END LOOP;
    END LOOP;
END
$$;
