-- Pairs of rows that lie within :radius of each other, each pair once.
\if :{?top_k} \else
\set top_k 10
\endif
\if :{?radius} \else
\set radius '0.1'
\endif
BEGIN;
SET LOCAL hnsw.iterative_scan = strict_order;
SELECT "q"."id" AS "query_id", "q"."class" AS "query_class", "hit"."id", "hit"."class", "hit"."distance"
FROM "public"."image_search" AS "q"
CROSS JOIN LATERAL (
  SELECT "n"."id", "n"."class", "n"."image_vector" <-> "q"."image_vector" AS "distance"
  FROM "public"."image_search" AS "n"
  WHERE "n"."id" > "q"."id"
    AND "n"."image_vector" IS NOT NULL
  ORDER BY "n"."image_vector" <-> "q"."image_vector"
  LIMIT :'top_k'::bigint
) AS "hit"
WHERE "q"."image_vector" IS NOT NULL
  AND "hit"."distance" <= :'radius'::double precision
ORDER BY "q"."id", "hit"."distance";
COMMIT;
