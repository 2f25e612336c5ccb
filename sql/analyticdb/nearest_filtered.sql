-- The rows of the class :class nearest to the row :id (its own class, unless psql is given another).
\if :{?id} \else
\set id 0
\endif
\if :{?class} \else
SELECT "class" AS "class"
FROM "public"."image_search" WHERE "id" = :'id'::bigint \gset
\endif
\if :{?top_k} \else
\set top_k 10
\endif
SELECT "id", "class", sqrt("image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)) AS "distance"
FROM "public"."image_search"
WHERE "class" = :'class'
  AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) IS NOT NULL
ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)
LIMIT :'top_k'::bigint;
