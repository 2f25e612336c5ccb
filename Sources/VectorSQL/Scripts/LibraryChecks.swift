extension LibraryStatement {
  static let recall = LibraryStatement(
    name: "recall",
    summary: "How many of the true :top_k neighbours the index finds: 1 is all of them."
  ) { target in
    Built(
      sql: .perDialect { dialect throws(RenderingError) in
        guard dialect.capabilities.lateral else { return recallOfOneRow(target) }
        return recallOfSample(target, try dialect.spelling(of: target.metric, for: target.column.element))
      }
    ) { dialect in
      let standard = Int64(dialect.settings.numbers[.efSearch]?.standard ?? 100)
      let name = dialect.settings.numbers[.efSearch]?.name
      let candidates = name.map {
        "SET LOCAL \(.keyword($0)) = \(SQL.bind(.text(String(standard)), name: "ef_search"))" as SQL
      }
      return dialect.settingsPrelude.map { SQL(trusted: $0.text) } + ["SET LOCAL enable_seqscan = off"]
        + (candidates.map { [$0] } ?? [])
    }
  }

  static let nearDuplicates = LibraryStatement(
    name: "near_duplicates",
    summary: "Pairs of rows that lie within :radius of each other, each pair once."
  ) { target in
    var join = NeighborJoin(queries: target.side, neighbors: target.side, by: target.metric, limit: 10)
    join.eachPairOnce = true
    join.maximumDistance = 0.1
    return Built(sql: join.sql, settings: join.effectiveSettings)
  }

  static let classPurity = LibraryStatement(
    name: "class_purity",
    summary: "For each class, the share of its :sample rows whose :top_k nearest others vote for that class."
  ) { target in
    var join = NeighborJoin(queries: target.side, neighbors: target.side, by: target.metric, limit: 5)
    join.leavesOutSameKey = true
    join.sample = 200
    let row = NeighborJoin.queryName(target.key)
    let own = NeighborJoin.queryName(target.label)
    let place: SQL =
      "row_number() OVER (PARTITION BY \(id: row) ORDER BY count(*) DESC, min(\(id: "distance"))) AS \(id: "place")"
    let votes = [
      .select(["\(id: row)", "\(id: own)", "\(id: target.label)", place]),
      "FROM \(join.sql.asBlock) AS \(id: "neighbour")",
      "GROUP BY \(id: row), \(id: own), \(id: target.label)",
    ].clauses
    let agrees: SQL = "CASE WHEN \(id: target.label) = \(id: own) THEN 1.0 ELSE 0.0 END"
    let sql = [
      .select([
        "\(id: own) AS \(id: target.label)", "count(*) AS \(id: "rows")",
        "round(avg(\(agrees)), 3) AS \(id: "purity")",
      ]),
      "FROM \(votes.asBlock) AS \(id: "vote")",
      "WHERE \(id: "place") = 1",
      "GROUP BY \(id: own)",
      "ORDER BY \(id: "purity"), \(id: own)",
    ].clauses
    return Built(sql: sql, settings: join.effectiveSettings)
  }

  /// Each sampled row is searched twice, by the index and exactly; a hit counts when it is no farther than the last
  /// of the exact ones, so equal distances do no harm.
  private static func recallOfSample(_ target: SearchTarget, _ spelling: MetricSpelling) -> SQL {
    let (left, right): (SQL, SQL) = ("\(id: "q").\(target.column.sql)", "\(id: "n").\(target.column.sql)")
    let limit = SQL.bind(.int8(10), name: "top_k")
    func neighbors(by order: SQL) -> SQL {
      [
        "SELECT \(spelling.exactDistance(right, left)) AS \(id: "distance")",
        "FROM \(table: target.table) AS \(id: "n")",
        "WHERE \(right) IS NOT NULL",
        "ORDER BY \(order)",
        "LIMIT \(limit)",
      ].clauses.asBlock
    }
    let truth = [
      #"SELECT max("distance") AS "farthest", count(*) AS "wanted""#,
      "FROM \(neighbors(by: spelling.exactOrder(right, left))) AS \(id: "exact")",
    ].clauses
    let found = [
      #"SELECT count(*) AS "found""#,
      "FROM \(neighbors(by: spelling.order(right, left))) AS \(id: "index")",
      #"WHERE "index"."distance" <= "truth"."farthest""#,
    ].clauses
    let sample = [
      "SELECT *",
      "FROM \(table: target.table)",
      "WHERE \(target.column.sql) IS NOT NULL",
      "ORDER BY md5(CAST(\(id: target.key) AS text))",
      "LIMIT \(SQL.bind(.int8(20), name: "sample"))",
    ].clauses.asBlock
    return [
      #"SELECT count(*) AS "queries", sum("found") / sum("wanted") AS "recall""#,
      "FROM \(sample) AS \(id: "q")",
      "CROSS JOIN LATERAL \(truth.asBlock) AS \(id: "truth")",
      "CROSS JOIN LATERAL \(found.asBlock) AS \(id: "hits")",
    ].clauses
  }

  private static func recallOfOneRow(_ target: SearchTarget) -> SQL {
    var byIndex = target.search(to: target.row)
    var exactly = byIndex
    exactly.exact = true
    byIndex.outputs = [.init(column: target.key)]
    exactly.outputs = byIndex.outputs
    return [
      #"SELECT 1 AS "queries", count(*) / CAST(\#(SQL.bind(.int8(10), name: "top_k")) AS numeric) AS "recall""#,
      "FROM \(byIndex.sql.asBlock) AS \(id: "index")",
      "WHERE \(id: target.key) IN (SELECT \(id: target.key) FROM \(exactly.sql.asBlock) AS \(id: "exact"))",
    ].clauses
  }
}

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
        // Greenplum refuses a size beside an aggregate over segments, unless the aggregate is a table of its own.
        let content: SQL = [
          .select([
            #"count(*) AS "rows""#, #"count(\#(target.column.sql)) AS "vectors""#,
            #"count(DISTINCT \#(id: target.label)) AS "classes""#,
            #"min(\#(dimensions)) AS "least_dimension""#, #"max(\#(dimensions)) AS "greatest_dimension""#,
          ]),
          "FROM \(table: target.table)",
        ].clauses
        return [
          .select([
            #""content".*"#, #"(\#(storage(target))) AS "storage""#,
            #"pg_size_pretty(\#(size(target, dialect))) AS "size""#,
            #"\#(rowsEstimated(target, dialect)) AS "rows_estimated""#,
          ]),
          #"FROM (\#(content)) AS "content""#,
        ].clauses
      }
    )
  }

  /// On Citus the rows of a distributed table lie in its shards, and the table itself is an empty shell.
  private static func size(_ target: SearchTarget, _ dialect: Dialect) -> SQL {
    let table = regclass(target)
    guard dialect.capabilities.citus else { return "pg_total_relation_size(\(table))" }
    return """
      CASE WHEN \(isDistributed(target)) THEN citus_total_relation_size(\(table)) \
      ELSE pg_total_relation_size(\(table)) END
      """
  }

  private static func rowsEstimated(_ target: SearchTarget, _ dialect: Dialect) -> SQL {
    let table = regclass(target)
    let own: SQL = "(SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = \(table))"
    guard dialect.capabilities.citus else { return own }
    return """
      CASE WHEN \(isDistributed(target)) THEN (SELECT sum(CAST(result AS bigint)) FROM run_command_on_shards(\(table), \
      'SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = CAST(''%s'' AS regclass)') WHERE success) \
      ELSE \(own) END
      """
  }

  private static func isDistributed(_ target: SearchTarget) -> SQL {
    "EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = \(regclass(target)))"
  }

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
