-- The table's indexes: method, options, size, validity, and how far a build has come.
SELECT coalesce(i.relname, '(being built)') AS "index",
  am.amname AS "method",
  array_to_string(i.reloptions, ', ') AS "options",
  pg_size_pretty(pg_relation_size(i.oid)) AS "size",
  x.indisvalid AS "valid",
  p.phase AS "phase",
  round(100.0 * p.tuples_done / nullif(p.tuples_total, 0), 1) AS "percent_of_rows"
FROM (
  SELECT indexrelid AS oid FROM pg_index WHERE indrelid = CAST('"public"."image_search"' AS regclass)
  UNION
  SELECT index_relid FROM pg_stat_progress_create_index WHERE relid = CAST('"public"."image_search"' AS regclass)
) AS k
LEFT JOIN pg_index AS x ON x.indexrelid = k.oid
LEFT JOIN pg_class AS i ON i.oid = k.oid
LEFT JOIN pg_am AS am ON am.oid = i.relam
LEFT JOIN pg_stat_progress_create_index AS p ON p.index_relid = k.oid
ORDER BY 1;
