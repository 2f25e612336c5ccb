-- The :top_k rows of each class nearest to the row :id, by comparing with every row.
\if :{?id} \else
\set id 0
\endif
\if :{?top_k} \else
\set top_k 3
\endif
SELECT "id", "class", "distance"
FROM (
  SELECT "id", "class", l2_distance("image_vector", (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)) AS "distance",
    row_number() OVER (PARTITION BY "class" ORDER BY l2_distance("image_vector", (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)), "id") AS "rank"
  FROM "public"."image_search"
  WHERE "image_vector" IS NOT NULL
    AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) IS NOT NULL
) AS "hit"
WHERE "rank" <= :'top_k'::bigint
ORDER BY "class", "rank";
