extension VectorTable {
  /// Everything that has columns can be named, a view too; what it is good for is for others to say.
  /// Row security came with PostgreSQL 9.5.
  static func tableQuery(hasRowSecurity: Bool) -> String {
    """
    SELECT c.oid, n.nspname::text, c.relkind::text, c.reltuples::float8, pg_has_role(c.relowner, 'USAGE'),
           c.relhastriggers, c.relkind = 'p' OR EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = c.oid),
           \(hasRowSecurity ? "row_security_active(c.oid)" : "false")
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
      AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2::text END
    """
  }

  /// Identity columns came with PostgreSQL 10; a 9.4 base has not their column in the catalogue.
  static func columnQuery(hasIdentity: Bool) -> String {
    """
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.atttypid, a.attnotnull,
           a.atthasdef OR \(hasIdentity ? "a.attidentity <> ''" : "false"),
           EXISTS (SELECT 1 FROM pg_index i
                   WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indnatts = 1 AND i.indisunique
                     AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL),
           a.attstorage::text
    FROM pg_attribute a
    WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
    """
  }

  /// Whatever is no index of PostgreSQL's own or of Greenplum's may serve vectors. An index on an expression has no
  /// column number; its text names the column.
  static let indexQuery = """
    SELECT i.indexrelid::regclass::text, m.amname::text, o.opcname::text, coalesce(x.reloptions, '{}')::text[],
           pg_get_indexdef(i.indexrelid), i.indisvalid,
           EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam
    JOIN pg_opclass o ON o.oid = i.indclass[0]
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = $2
    WHERE i.indrelid = $1::int8::oid
      AND m.amname NOT IN ('btree', 'hash', 'gin', 'gist', 'spgist', 'brin', 'bitmap')
      AND (i.indkey[0] = a.attnum
           OR i.indkey[0] = 0 AND position(quote_ident($2) in pg_get_indexdef(i.indexrelid, 1, true)) > 0)
    ORDER BY i.indisvalid DESC, i.indexrelid
    """
}
