-- The table's rows, vectors, classes, dimensions, storage and size.
SELECT "content".*,
  (SELECT CASE attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END FROM pg_attribute WHERE attrelid = CAST('"public"."image_search"' AS regclass) AND attname = 'image_vector') AS "storage",
  pg_size_pretty(pg_total_relation_size(CAST('"public"."image_search"' AS regclass))) AS "size",
  (SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = CAST('"public"."image_search"' AS regclass)) AS "rows_estimated"
FROM (SELECT count(*) AS "rows",
  count("image_vector") AS "vectors",
  count(DISTINCT "class") AS "classes",
  min(array_length("image_vector", 1)) AS "least_dimension",
  max(array_length("image_vector", 1)) AS "greatest_dimension"
FROM "public"."image_search") AS "content";
