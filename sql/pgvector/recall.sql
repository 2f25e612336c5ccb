-- How many of the true :top_k neighbours the index finds: 1 is all of them.
\if :{?ef_search} \else
\set ef_search '40'
\endif
\if :{?sample} \else
\set sample 20
\endif
\if :{?top_k} \else
\set top_k 10
\endif
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL hnsw.ef_search = :'ef_search';
SELECT count(*) AS "queries", sum("found") / sum("wanted") AS "recall"
FROM (
  SELECT *
  FROM "public"."image_search"
  WHERE "image_vector" IS NOT NULL
  ORDER BY md5(CAST("id" AS text))
  LIMIT :'sample'::bigint
) AS "q"
CROSS JOIN LATERAL (
  SELECT max("distance") AS "farthest", count(*) AS "wanted"
  FROM (
    SELECT l2_distance("n"."image_vector", "q"."image_vector") AS "distance"
    FROM "public"."image_search" AS "n"
    WHERE "n"."image_vector" IS NOT NULL
    ORDER BY l2_distance("n"."image_vector", "q"."image_vector")
    LIMIT :'top_k'::bigint
  ) AS "exact"
) AS "truth"
CROSS JOIN LATERAL (
  SELECT count(*) AS "found"
  FROM (
    SELECT l2_distance("n"."image_vector", "q"."image_vector") AS "distance"
    FROM "public"."image_search" AS "n"
    WHERE "n"."image_vector" IS NOT NULL
    ORDER BY "n"."image_vector" <-> "q"."image_vector"
    LIMIT :'top_k'::bigint
  ) AS "index"
  WHERE "index"."distance" <= "truth"."farthest"
) AS "hits";
COMMIT;
