-- Settings: they act on the scan, keep to it, and say that this is a sandbox.
SELECT fastann_sandbox_version();
SHOW fastann.sandbox;
SET fastann.sandbox = off;
SHOW adbpg_version;
SELECT setting LIKE '%sandbox%' AS says_what_it_is FROM pg_settings WHERE name = 'adbpg_version';
-- AnalyticDB's clients set these; they change nothing here
SET optimizer = off;
SET rds_ann_struct_first_row_threshold = 0;
RESET optimizer;
SELECT name, setting, min_val, max_val, context FROM pg_settings WHERE name LIKE 'fastann.%' ORDER BY name;

SET fastann.hnsw_ef_search = 0;
SET fastann.hnsw_ef_search = 10001;
SET fastann.hnsw_max_scan_points = 0;
SET fastann.build_parallel_processes = 65;

CREATE TABLE docs (id int PRIMARY KEY, v real[]);
SELECT setseed(0.5);
INSERT INTO docs SELECT i, array(SELECT random()::real FROM generate_series(1, 16) WHERE i = i) FROM generate_series(1, 3000) i;
CREATE INDEX ON docs USING ann (v) WITH (dim = 16, hnsw_m = 16, hnsw_ef_construction = 64);
SET enable_seqscan = off;
CREATE VIEW reached AS SELECT id FROM docs ORDER BY v <-> array_fill(0.5::real, ARRAY[16]);

-- the number of points bounds what a scan without LIMIT returns; it is looked at before each further pass, and one
-- pass with 100 candidates and 16 links each comes across about half of these points; the levels of a graph are random:
-- sixty graphs gave 33 to 121 rows where one point was allowed
SET fastann.hnsw_max_scan_points = 1;
SELECT count(*) BETWEEN 1 AND 400 AS one FROM reached;
SET fastann.hnsw_max_scan_points = 500;
SELECT count(*) BETWEEN 500 AND 2200 AS some FROM reached;
SET fastann.hnsw_max_scan_points = 8000000;
SELECT count(*) BETWEEN 2700 AND 3000 AS nearly_all FROM reached;
SET work_mem = '64kB';
SELECT count(*) BETWEEN 2700 AND 3000 AS whatever_the_memory FROM reached;
RESET work_mem;

-- a filter gets its rows as long as there are points left
SELECT count(*) FROM (SELECT id FROM docs WHERE id % 100 = 0 ORDER BY v <-> array_fill(0.5::real, ARRAY[16]) LIMIT 5) s;
SET fastann.hnsw_max_scan_points = 10;
SELECT count(*) < 5 AS short FROM (SELECT id FROM docs WHERE id % 1000 = 0 ORDER BY v <-> array_fill(0.5::real, ARRAY[16]) LIMIT 5) s;
RESET fastann.hnsw_max_scan_points;

-- the order is the operator's, through every batch of candidates
SET fastann.hnsw_ef_search = 5;
SELECT bool_and(ordered) AS ordered
FROM (SELECT coalesce(d >= lag(d) OVER (ORDER BY n), true) AS ordered
      FROM (SELECT row_number() OVER () AS n, d
            FROM (SELECT v <-> array_fill(0.5::real, ARRAY[16]) AS d FROM docs ORDER BY v <-> array_fill(0.5::real, ARRAY[16]) LIMIT 800) a) b) c;
-- more candidates, more of the true neighbours
CREATE FUNCTION found() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM docs q,
        LATERAL (SELECT id FROM docs ORDER BY docs.v <-> q.v LIMIT 10) a
    WHERE q.id <= 100 AND a.id IN (SELECT id FROM docs ORDER BY (docs.v <-> q.v) + 0 LIMIT 10)
$$;
SET fastann.hnsw_ef_search = 1;
SELECT found() AS few \gset
SET fastann.hnsw_ef_search = 400;
SELECT found() AS many \gset
SELECT :few < :many AS ef_search_acts, :many >= 990 AS nearly_exact;

-- pgvector's own settings are as they were, also after an error in a scan
SET fastann.hnsw_ef_search = 77;
SELECT count(*) > 0 AS rows FROM reached;
SELECT id FROM docs ORDER BY v <-> '{1,2}' LIMIT 1;
SELECT name, setting FROM pg_settings
WHERE name IN ('hnsw.ef_search', 'hnsw.iterative_scan', 'hnsw.max_scan_tuples', 'hnsw.scan_mem_multiplier') ORDER BY name;

-- SET LOCAL ends with its transaction; settings made before the library is loaded hold
BEGIN;
SET LOCAL fastann.hnsw_ef_search = 200;
SHOW fastann.hnsw_ef_search;
COMMIT;
SHOW fastann.hnsw_ef_search;
\c
BEGIN;
SET LOCAL fastann.hnsw_max_scan_points = 1;
SET LOCAL fastann.hnsw_ef_search = 20000;
SET LOCAL enable_seqscan = off;
SELECT count(*) BETWEEN 1 AND 400 AS one FROM reached;
SHOW fastann.hnsw_ef_search;
COMMIT;
SHOW fastann.hnsw_max_scan_points;
