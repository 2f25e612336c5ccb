-- The image-search tutorial's statements, as they are but for DISTRIBUTED BY and the length.
CREATE TABLE IF NOT EXISTS public.image_search (id INTEGER NOT NULL, class TEXT, image_vector REAL[], PRIMARY KEY(id));
ALTER TABLE public.image_search ALTER COLUMN image_vector SET STORAGE PLAIN;
CREATE INDEX image_search_vector ON public.image_search USING ann (image_vector) WITH (dim = '4', hnsw_m = '100', pq_enable = '0');
COPY public.image_search FROM STDIN WITH (FORMAT text, DELIMITER '|');
0|frog|{0.25,1.5,0,3.125}
1|truck|{2.5,0.5,1.25,0}
2|truck|{2.25,0.75,1.5,0.125}
3|deer|{0,0.125,2.75,1}
4|cat|{0.5,1.25,0.25,2.875}
\.
SELECT id, class, l2_distance(image_vector, Array[2.5, 0.5, 1.25, 0.0]::real[]) AS distance FROM public.image_search
ORDER BY image_vector <-> Array[2.5, 0.5, 1.25, 0.0]::real[] LIMIT 3;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id, class, l2_distance(image_vector, Array[2.5, 0.5, 1.25, 0.0]::real[]) AS distance FROM public.image_search
ORDER BY image_vector <-> Array[2.5, 0.5, 1.25, 0.0]::real[] LIMIT 3;
PREPARE search(real[]) AS SELECT id, sqrt(image_vector <-> $1) AS score FROM public.image_search ORDER BY image_vector <-> $1 LIMIT 2;
EXECUTE search('{0.5,1.25,0.25,2.875}');
-- an unchanged program may set what the sandbox does not know
SET fastann.index_scan_mode = 'snapshot';
SET fastann.pq_amp = 10;
SELECT id FROM public.image_search ORDER BY image_vector <-> '{0,0,3,1}'::real[] LIMIT 1;
\d image_search
