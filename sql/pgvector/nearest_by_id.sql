-- The rows nearest to the row :id, which comes first itself.
\if :{?id} \else
\set id 0
\endif
\if :{?top_k} \else
\set top_k 10
\endif
SELECT "id", "class", "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) AS "distance"
FROM "public"."image_search"
WHERE "image_vector" IS NOT NULL
  AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) IS NOT NULL
ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)
LIMIT :'top_k'::bigint;
