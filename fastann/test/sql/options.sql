-- CREATE INDEX ... USING ann: spelling, ranges, defaults, what the sandbox cannot carry.
CREATE TABLE docs (id int PRIMARY KEY, v real[]);
ALTER TABLE docs ALTER COLUMN v SET STORAGE PLAIN;
INSERT INTO docs SELECT i, ARRAY[i, i % 7, i % 11] FROM generate_series(1, 200) i;

-- every spelling in use
CREATE INDEX a ON docs USING ann (v) WITH (dim=3, distancemeasure=l2, hnsw_m=64, hnsw_ef_construction=600, pq_enable=0);
CREATE INDEX b ON docs USING ann (v) WITH (dim='3', distancemeasure='IP', hnsw_m='100', pq_enable='0');
CREATE INDEX c ON docs USING ann (v) WITH ("dim" = 3, "distancemeasure" = "Cosine", external_storage = 0);
CREATE INDEX d ON docs USING ANN (v) WITH (DIM = 3, DISTANCEMEASURE = COSINE, HNSW_M = 10, HNSW_EF_CONSTRUCTION = 40,
                                          PQ_ENABLE = 0, PQ_SEGMENTS = 3, PQ_CENTERS = 256, EXTERNAL_STORAGE = 0);
\d docs
DROP INDEX b, c, d;

-- ranges
CREATE INDEX ON docs USING ann (v) WITH (dim = 0);
CREATE INDEX ON docs USING ann (v) WITH (dim = 8193);
CREATE INDEX ON docs USING ann (v) WITH (dim = 'three');
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, distancemeasure = hamming);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, hnsw_m = 9);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, hnsw_m = 1001);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, hnsw_ef_construction = 39);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, hnsw_ef_construction = 4001);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, pq_enable = 2);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, pq_segments = 257);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, pq_centers = 255);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, external_storage = 2);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, m = 16);
CREATE INDEX ON docs USING ann (v) WITH ("DIM" = 3);

-- dim
CREATE INDEX ON docs USING ann (v);
CREATE INDEX ON docs USING ann (v) WITH (distancemeasure = l2);
CREATE INDEX ON docs USING ann (v) WITH (dim = 4);
CREATE INDEX ON docs USING ann (v) WITH (dim = 2001);
CREATE INDEX ON docs USING ann (v) WITH (dim = 8192);

-- what the sandbox does not carry: a warning, or an error when it is strict
CREATE INDEX b ON docs USING ann (v) WITH (dim = 3, pq_enable = 1, pq_segments = 3);
CREATE INDEX c ON docs USING ann (v) WITH (dim = 3, external_storage = 1);
CREATE INDEX d ON docs USING ann (v) WITH (dim = 3, hnsw_m = 1000, hnsw_ef_construction = 40);
DROP INDEX b, c, d;
SET fastann.sandbox_strict = on;
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, pq_enable = 1, pq_segments = 3);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, external_storage = 1);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, hnsw_m = 101);
CREATE INDEX b ON docs USING ann (v) WITH (dim = 3, hnsw_m = 100);
RESET fastann.sandbox_strict;

-- product quantization must fit the dimensions even where it is not carried
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, pq_enable = 1);
CREATE INDEX ON docs USING ann (v) WITH (dim = 3, pq_enable = 1, pq_segments = 2);

-- what an ann index cannot be
CREATE INDEX ON docs USING ann (v, id) WITH (dim = 3);
CREATE INDEX ON docs USING ann (v) INCLUDE (id) WITH (dim = 3);
CREATE UNIQUE INDEX ON docs USING ann (v) WITH (dim = 3);
CREATE INDEX ON docs USING ann (id) WITH (dim = 1);
CREATE TABLE doubles (v double precision[]);
CREATE INDEX ON doubles USING ann (v) WITH (dim = 3);

-- and what it can be
CREATE INDEX partial ON docs USING ann (v) WITH (dim = 3) WHERE id % 2 = 0;
CREATE INDEX CONCURRENTLY concurrent ON docs USING ann (v) WITH (dim = 3);
CREATE INDEX IF NOT EXISTS concurrent ON docs USING ann (v) WITH (dim = 3);
