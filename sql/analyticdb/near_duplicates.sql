-- Pairs of rows that lie within :radius of each other, each pair once.
\if :{?top_k} \else
\set top_k 10
\endif
\if :{?radius} \else
\set radius '0.1'
\endif
SELECT "query_id", "query_class", "id", "class", "distance"
FROM (
  SELECT "q"."id" AS "query_id", "q"."class" AS "query_class",
    "n"."id", "n"."class",
    sqrt(l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "distance",
    row_number() OVER (PARTITION BY "q"."id" ORDER BY l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "rank"
  FROM "public"."image_search" AS "q" CROSS JOIN "public"."image_search" AS "n"
  WHERE "n"."id" > "q"."id"
    AND "q"."image_vector" IS NOT NULL
    AND "n"."image_vector" IS NOT NULL
) AS "hit"
WHERE "rank" <= :'top_k'::bigint
  AND "hit"."distance" <= :'radius'::double precision
ORDER BY "query_id", "distance";
