-- For each class, the share of its :sample rows whose :top_k nearest others vote for that class.
\if :{?sample} \else
\set sample 200
\endif
\if :{?top_k} \else
\set top_k 5
\endif
BEGIN;
SET LOCAL hnsw.iterative_scan = strict_order;
SELECT "query_class" AS "class",
  count(*) AS "rows",
  round(avg(CASE WHEN "class" = "query_class" THEN 1.0 ELSE 0.0 END), 3) AS "purity"
FROM (
  SELECT "query_id",
    "query_class",
    "class",
    row_number() OVER (PARTITION BY "query_id" ORDER BY count(*) DESC, min("distance")) AS "place"
  FROM (
    SELECT "q"."id" AS "query_id", "q"."class" AS "query_class", "hit"."id", "hit"."class", "hit"."distance"
    FROM (
      SELECT *
      FROM "public"."image_search"
      WHERE "image_vector" IS NOT NULL
      ORDER BY md5(CAST("id" AS text)), "id"
      LIMIT :'sample'::bigint
    ) AS "q"
    CROSS JOIN LATERAL (
      SELECT "n"."id", "n"."class", "n"."image_vector" <-> "q"."image_vector" AS "distance"
      FROM "public"."image_search" AS "n"
      WHERE "n"."id" <> "q"."id"
        AND "n"."image_vector" IS NOT NULL
      ORDER BY "n"."image_vector" <-> "q"."image_vector"
      LIMIT :'top_k'::bigint
    ) AS "hit"
    WHERE "q"."image_vector" IS NOT NULL
    ORDER BY "q"."id", "hit"."distance"
  ) AS "neighbour"
  GROUP BY "query_id", "query_class", "class"
) AS "vote"
WHERE "place" = 1
GROUP BY "query_class"
ORDER BY "purity", "query_class";
COMMIT;
