-- The rows nearest to the row :id by comparing with every row, without an index.
\if :{?id} \else
\set id 0
\endif
\if :{?top_k} \else
\set top_k 10
\endif
SELECT "id", "class", l2_distance("image_vector", (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)) AS "distance"
FROM "public"."image_search"
WHERE "image_vector" IS NOT NULL
  AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) IS NOT NULL
ORDER BY l2_distance("image_vector", (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)), "id"
LIMIT :'top_k'::bigint;
