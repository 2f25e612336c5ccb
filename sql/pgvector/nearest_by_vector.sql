-- The rows nearest to the vector :query (that of the first row, unless psql is given another).
\if :{?query} \else
SELECT CAST("image_vector" AS text) AS "query"
FROM "public"."image_search" WHERE "image_vector" IS NOT NULL ORDER BY "id" LIMIT 1 \gset
\endif
\if :{?top_k} \else
\set top_k 10
\endif
SELECT "id", "class", "image_vector" <-> :'query'::vector AS "distance"
FROM "public"."image_search"
WHERE "image_vector" IS NOT NULL
ORDER BY "image_vector" <-> :'query'::vector
LIMIT :'top_k'::bigint;
