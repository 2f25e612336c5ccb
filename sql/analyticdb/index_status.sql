-- The table's indexes: method, options, size, validity, and how far a build has come.
SELECT i.relname AS "index",
  am.amname AS "method",
  array_to_string(i.reloptions, ', ') AS "options",
  pg_size_pretty(pg_relation_size(i.oid)) AS "size",
  x.indisvalid AS "valid"
FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_am AS am ON am.oid = i.relam
WHERE x.indrelid = CAST('"public"."image_search"' AS regclass)
ORDER BY i.relname;
