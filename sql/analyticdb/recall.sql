-- How many of the true :top_k neighbours the index finds: 1 is all of them.
\if :{?ef_search} \else
\set ef_search '100'
\endif
\if :{?top_k} \else
\set top_k 10
\endif
\if :{?id} \else
\set id 0
\endif
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL fastann.hnsw_ef_search = :'ef_search';
SELECT 1 AS "queries", count(*) / CAST(:'top_k'::bigint AS numeric) AS "recall"
FROM (
  SELECT "id", sqrt("image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)) AS "distance"
  FROM "public"."image_search"
  WHERE (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) IS NOT NULL
  ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)
  LIMIT :'top_k'::bigint
) AS "index"
WHERE "id" IN (SELECT "id" FROM (
  SELECT "id", sqrt(l2_squared_distance("image_vector", (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint))) AS "distance"
  FROM "public"."image_search"
  WHERE "image_vector" IS NOT NULL
    AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) IS NOT NULL
  ORDER BY l2_squared_distance("image_vector", (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint))
  LIMIT :'top_k'::bigint
) AS "exact");
COMMIT;
