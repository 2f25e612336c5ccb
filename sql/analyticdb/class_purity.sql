-- For each class, the share of its :sample rows whose :top_k nearest others vote for that class.
\if :{?sample} \else
\set sample 200
\endif
\if :{?top_k} \else
\set top_k 5
\endif
SELECT "query_class" AS "class",
  count(*) AS "rows",
  round(avg(CASE WHEN "class" = "query_class" THEN 1.0 ELSE 0.0 END), 3) AS "purity"
FROM (
  SELECT "query_id",
    "query_class",
    "class",
    row_number() OVER (PARTITION BY "query_id" ORDER BY count(*) DESC, min("distance")) AS "place"
  FROM (
    SELECT "query_id", "query_class", "id", "class", "distance"
    FROM (
      SELECT "q"."id" AS "query_id", "q"."class" AS "query_class",
        "n"."id", "n"."class",
        sqrt(l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "distance",
        row_number() OVER (PARTITION BY "q"."id" ORDER BY l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "rank"
      FROM (
        SELECT *
        FROM "public"."image_search"
        WHERE "image_vector" IS NOT NULL
        ORDER BY md5(CAST("id" AS text)), "id"
        LIMIT :'sample'::bigint
      ) AS "q" CROSS JOIN "public"."image_search" AS "n"
      WHERE "n"."id" <> "q"."id"
        AND "q"."image_vector" IS NOT NULL
        AND "n"."image_vector" IS NOT NULL
    ) AS "hit"
    WHERE "rank" <= :'top_k'::bigint
    ORDER BY "query_id", "distance"
  ) AS "neighbour"
  GROUP BY "query_id", "query_class", "class"
) AS "vote"
WHERE "place" = 1
GROUP BY "query_class"
ORDER BY "purity", "query_class";
