/// For each row of one table, the nearest rows of another (or of the same): a kNN join.
///
/// Where the server has `LATERAL` an index serves each row's search; elsewhere every pair is compared.
/// The columns of the first table appear as `query_<name>`, those of the second under their own names, and the true
/// distance as `distance`.
public struct NeighborJoin: Sendable {
  /// The rows that neighbours are looked for.
  public var queries: Side
  /// Where they are looked for.
  public var neighbors: Side
  /// What near means.
  public var metric: Metric
  /// How many neighbours each row gets.
  public var limit: Int
  /// Leaves out the neighbour whose key is the row's own, for a table joined with itself.
  public var leavesOutSameKey = false
  /// Each pair once: a row's neighbours are looked for among greater keys.
  public var eachPairOnce = false
  /// The greatest distance a neighbour may have.
  public var maximumDistance: Double?
  /// The number of rows taken from the first table (nil: all), chosen by a hash of the key: the same rows in every run.
  public var sample: Int?
  /// Compares every pair, without an index.
  public var exact = false
  /// The settings of each row's search.
  public var settings = SearchSettings()
  /// The index that serves each row's search, where the catalogue was looked at.
  public var index: ServingIndex?

  /// A join of two tables.
  public init(queries: Side, neighbors: Side, by metric: Metric, limit: Int) {
    self.queries = queries
    self.neighbors = neighbors
    self.metric = metric
    self.limit = limit
  }

  /// A table, its key and its vectors.
  public struct Side: Sendable, Hashable {
    /// The table.
    public var table: QualifiedName
    /// The column that names a row.
    public var key: Identifier
    /// The column of vectors.
    public var column: VectorColumn
    /// The columns shown.
    public var outputs: [Identifier]

    /// One side of a join; shows the key unless it is told otherwise.
    public init(table: QualifiedName, key: Identifier, column: VectorColumn, outputs: [Identifier]? = nil) {
      self.table = table
      self.key = key
      self.column = column
      self.outputs = outputs ?? [key]
    }
  }

  /// The join as a fragment.
  public var sql: SQL {
    .perDialect { dialect throws(RenderingError) in
      try check()
      let spelling = try dialect.spelling(of: metric, for: neighbors.column.element)
      let rows = dialect.capabilities.lateral ? lateral(spelling) : window(spelling)
      return rows.requiring(effectiveSettings(for: dialect))
    }
  }

  /// The join as statements.
  /// - Throws: `RenderingError` for a metric the dialect lacks, or a number out of range.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> RenderedSearch {
    RenderedSearch(query: try sql.rendered(for: dialect, layout: layout))
  }

  /// The settings asked for, and those without which rows would get fewer neighbours than the limit.
  public func effectiveSettings(for dialect: Dialect) -> SearchSettings {
    guard dialect.capabilities.lateral, !exact else { return SearchSettings() }
    return settings.completed(
      rows: limit,
      losesRows: leavesOutSameKey || eachPairOnce,
      index: index,
      for: dialect
    )
  }

  /// The name under which a column of the first table appears.
  public static func queryName(_ column: Identifier) -> Identifier {
    Identifier(unchecked: "query_" + column.name)
  }

  private func check() throws(RenderingError) {
    try RenderingError.check(limit, in: 1...Int(Int32.max), "the number of neighbours")
    if let sample { try RenderingError.check(sample, in: 1...Int(Int32.max), "the sample") }
    if let left = queries.column.dimension, let right = neighbors.column.dimension, left != right {
      throw RenderingError(
        .dimensionMismatch,
        "vectors of \(left) and of \(right) dimensions have no distance"
      )
    }
    for output in queries.outputs where output.name.utf8.count + 6 > Identifier.maximumBytes {
      throw RenderingError(.invalidShape, "the name query_\(output.name) is too long for PostgreSQL")
    }
  }
}

extension NeighborJoin {
  func lateral(_ spelling: MetricSpelling) -> SQL {
    let order = exact ? spelling.exactOrder : spelling.order
    let distance = exact ? spelling.exactDistance : spelling.distance
    let inner = [
      "SELECT \(neighborOutputs), \(distance(right, left)) AS \(id: "distance")",
      "FROM \(table: neighbors.table) AS \(id: "n")",
      whereClause(innerConditions + [.atom("\(right) IS NOT NULL")]),
      "ORDER BY \(order(right, left))",
      "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "top_k"))",
    ].clauses
    return [
      "SELECT \(outerOutputs)",
      "FROM \(source) AS \(id: "q")",
      "CROSS JOIN LATERAL \(inner.asBlock) AS \(id: "hit")",
      whereClause([.atom("\(left) IS NOT NULL")] + near),
      "ORDER BY \(id: "q").\(id: queries.key), \(id: "hit").\(id: "distance")",
    ].clauses
  }

  func window(_ spelling: MetricSpelling) -> SQL {
    let partition: SQL = "PARTITION BY \(id: "q").\(id: queries.key)"
    let rank: SQL = "row_number() OVER (\(partition) ORDER BY \(spelling.exactOrder(right, left)))"
    let numbers = SQL.select([
      queryOutputs, neighborOutputs, "\(spelling.exactDistance(right, left)) AS \(id: "distance")",
      "\(rank) AS \(id: "rank")",
    ])
    let pairs = [
      numbers,
      "FROM \(source) AS \(id: "q") CROSS JOIN \(table: neighbors.table) AS \(id: "n")",
      whereClause(innerConditions + [.atom("\(left) IS NOT NULL"), .atom("\(right) IS NOT NULL")]),
    ].clauses
    let kept = Condition.atom("\(id: "rank") <= \(SQL.bind(.int8(Int64(limit)), name: "top_k"))")
    let names = queries.outputs.map(Self.queryName) + neighbors.outputs + ["distance"]
    return [
      "SELECT \(names.map(SQL.identifier).joined(separator: ", "))",
      "FROM \(pairs.asBlock) AS \(id: "hit")",
      whereClause([kept] + near),
      "ORDER BY \(id: Self.queryName(queries.outputs.first ?? queries.key)), \(id: "distance")",
    ].clauses
  }

  private var left: SQL { "\(id: "q").\(queries.column.sql)" }
  private var right: SQL { "\(id: "n").\(neighbors.column.sql)" }

  private var source: SQL {
    guard let sample else {
      let table = queries.table
      return .perDialect { dialect in
        // Citus joins a table with itself by other columns than its distribution when one side is a result of its own.
        dialect.capabilities.citus ? "(SELECT * FROM \(table: table) OFFSET 0)" : .name(table)
      }
    }
    return [
      "SELECT *",
      "FROM \(table: queries.table)",
      "WHERE \(queries.column.sql) IS NOT NULL",
      "ORDER BY md5(CAST(\(id: queries.key) AS text)), \(id: queries.key)",
      "LIMIT \(SQL.bind(.int8(Int64(sample)), name: "sample"))",
    ].clauses.asBlock
  }

  private var innerConditions: [Condition] {
    let (own, other): (SQL, SQL) = ("\(id: "q").\(id: queries.key)", "\(id: "n").\(id: neighbors.key)")
    if eachPairOnce { return [.atom("\(other) > \(own)")] }
    return leavesOutSameKey ? [.atom("\(other) <> \(own)")] : []
  }

  private var near: [Condition] {
    var conditions: [Condition] = []
    if let maximumDistance {
      conditions.append(
        .atom("\(id: "hit").\(id: "distance") <= \(VectorSearch.radius(maximumDistance))")
      )
    }
    return conditions
  }

  private var neighborOutputs: SQL {
    neighbors.outputs.map { "\(id: "n").\(id: $0)" }.joined(separator: ", ")
  }

  private var queryOutputs: SQL {
    queries.outputs.map { "\(id: "q").\(id: $0) AS \(id: Self.queryName($0))" }.joined(separator: ", ")
  }

  private var outerOutputs: SQL {
    let hits = (neighbors.outputs + ["distance"]).map { "\(id: "hit").\(id: $0)" as SQL }
    return "\(queryOutputs), \(hits.joined(separator: ", "))"
  }

  private func whereClause(_ conditions: [Condition]) -> SQL {
    conditions.isEmpty ? .empty : "WHERE \(Condition.all(conditions))"
  }
}
