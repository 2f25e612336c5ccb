extension LibraryStatement {
  static let indexStatus = LibraryStatement(
    name: "index_status",
    summary: "The table's indexes: method, options, size, validity, and how far a build has come."
  ) { target in
    Built(
      sql: .perDialect { dialect in
        dialect.capabilities.progressViews ? indexesWithProgress(target) : indexes(target)
      }
    )
  }

  static let tableHealth = LibraryStatement(
    name: "table_health",
    summary: "The table's rows, vectors, classes, dimensions, storage and size."
  ) { target in
    Built(
      sql: .perDialect { dialect throws(RenderingError) in
        let type = try dialect.type(of: target.column.element)
        let dimensions = type.dimensions?(target.column.sql) ?? "NULL"
        return [
          .select([
            #"count(*) AS "rows""#, #"count(\#(target.column.sql)) AS "vectors""#,
            #"count(DISTINCT \#(id: target.label)) AS "classes""#,
            #"min(\#(dimensions)) AS "least_dimension""#, #"max(\#(dimensions)) AS "greatest_dimension""#,
            #"(\#(storage(target))) AS "storage""#,
            #"pg_size_pretty(pg_total_relation_size(\#(regclass(target)))) AS "size""#,
            #"(SELECT \#(estimate) FROM pg_class WHERE oid = \#(regclass(target))) AS "rows_estimated""#,
          ]),
          "FROM \(table: target.table)",
        ].clauses
      }
    )
  }

  private static let estimate: SQL = "CAST(reltuples AS bigint)"

  private static func regclass(_ target: SearchTarget) -> SQL {
    "CAST(\(.keyword(SQLValue.quotedLiteral(target.table.quoted))) AS regclass)"
  }

  private static func storage(_ target: SearchTarget) -> SQL {
    """
    SELECT CASE attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END \
    FROM pg_attribute WHERE attrelid = \(regclass(target)) \
    AND attname = \(.keyword(SQLValue.quotedLiteral(target.column.name.name)))
    """
  }

  private static func indexes(_ target: SearchTarget) -> SQL {
    [
      .select([
        #"i.relname AS "index""#, #"am.amname AS "method""#,
        #"array_to_string(i.reloptions, ', ') AS "options""#,
        #"pg_size_pretty(pg_relation_size(i.oid)) AS "size""#, #"x.indisvalid AS "valid""#,
      ]),
      "FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_am AS am ON am.oid = i.relam",
      "WHERE x.indrelid = \(regclass(target))",
      "ORDER BY i.relname",
    ].clauses
  }

  /// A build in another session is not in the catalogue before it commits, so progress is joined from both sides.
  private static func indexesWithProgress(_ target: SearchTarget) -> SQL {
    let known = [
      "SELECT indexrelid AS oid FROM pg_index WHERE indrelid = \(regclass(target))",
      "UNION",
      "SELECT index_relid FROM pg_stat_progress_create_index WHERE relid = \(regclass(target))",
    ].clauses
    return [
      .select([
        #"coalesce(i.relname, '(being built)') AS "index""#, #"am.amname AS "method""#,
        #"array_to_string(i.reloptions, ', ') AS "options""#,
        #"pg_size_pretty(pg_relation_size(i.oid)) AS "size""#, #"x.indisvalid AS "valid""#,
        #"p.phase AS "phase""#,
        #"round(100.0 * p.tuples_done / nullif(p.tuples_total, 0), 1) AS "percent_of_rows""#,
      ]),
      "FROM \(known.asBlock) AS k",
      "LEFT JOIN pg_index AS x ON x.indexrelid = k.oid",
      "LEFT JOIN pg_class AS i ON i.oid = k.oid",
      "LEFT JOIN pg_am AS am ON am.oid = i.relam",
      "LEFT JOIN pg_stat_progress_create_index AS p ON p.index_relid = k.oid",
      "ORDER BY 1",
    ].clauses
  }
}
