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
  /// Only so many rows of the first table, chosen by a hash of the key: the same rows in every run.
  public var sample: Int?
  /// Compares every pair, whatever index there is.
  public var exact = false
  /// The knobs of each row's search.
  public var settings = SearchSettings()

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
      return dialect.capabilities.lateral ? lateral(spelling) : window(spelling)
    }
  }

  /// The join as statements.
  /// - Throws: `RenderingError` for a metric the dialect lacks, or a number out of range.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> RenderedSearch {
    RenderedSearch(
      settings: try effectiveSettings(for: dialect).statements(for: dialect),
      query: try sql.rendered(for: dialect, layout: layout)
    )
  }

  /// The settings asked for, and those without which rows would get fewer neighbours than the limit.
  public func effectiveSettings(for dialect: Dialect) -> SearchSettings {
    guard dialect.capabilities.lateral, !exact else { return SearchSettings() }
    return settings.completed(rows: limit, losesRows: leavesOutSameKey || eachPairOnce, for: dialect)
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
