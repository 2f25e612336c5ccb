/// A search by several vectors at once: the rows whose weighted sum of distances is least.
///
///     WeightedSearch(table: "products", columns: ["id"], key: "id", terms: [
///       .init(shape, near: a, by: .cosine, weight: 0.7), .init(text, near: b, by: .cosine, weight: 0.3),
///     ], limit: 10)
public struct WeightedSearch: Sendable {
  /// The table searched.
  public var table: QualifiedName
  /// What each row shows before its `distance`, the weighted sum.
  public var outputs: [VectorSearch.Output]
  /// The column that names a row.
  public var key: Identifier
  /// The vectors and their weights.
  public var terms: [Term]
  /// The most rows returned.
  public var limit: Int
  /// Conditions that each row must meet.
  public var filters: [Condition] = []
  /// How many candidates each term's index contributes; nil compares with every row.
  public var candidates: Int?
  /// The settings of each term's search; those that it cannot do without are added.
  public var settings = SearchSettings()

  /// A search by several vectors.
  public init(
    table: QualifiedName,
    columns: [Identifier],
    key: Identifier,
    terms: [Term],
    limit: Int,
    candidates: Int? = nil
  ) {
    self.table = table
    outputs = columns.map(VectorSearch.Output.init(column:))
    self.key = key
    self.terms = terms
    self.limit = limit
    self.candidates = candidates
  }

  /// One vector of the search.
  public struct Term: Sendable, Hashable {
    /// The column of vectors.
    public let column: VectorColumn
    /// The vector that the column's is compared with.
    public let vector: [Float]
    /// What near means.
    public let metric: Metric
    /// How much the distance counts; not negative.
    public let weight: Double

    /// A vector and its weight.
    public init(_ column: VectorColumn, near vector: [Float], by metric: Metric, weight: Double = 1) {
      self.column = column
      self.vector = vector
      self.metric = metric
      self.weight = weight
    }
  }

  /// The search as a statement with its settings.
  /// - Throws: `RenderingError` for a vector of another dimension, a metric the dialect lacks, a number out of range.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> RenderedSearch {
    let query = try sql.rendered(for: dialect, layout: layout)
    guard candidates != nil else { return RenderedSearch(query: query, rows: limit) }
    var exhaustive = self
    exhaustive.candidates = nil
    return RenderedSearch(query: query, rows: limit) { [exhaustive] () throws(RenderingError) in
      try exhaustive.sql.rendered(for: dialect, layout: layout)
    }
  }

  /// The settings asked for, and those without which a term would contribute fewer candidates.
  public func effectiveSettings(for dialect: Dialect) -> SearchSettings {
    guard let candidates else { return SearchSettings() }
    return settings.completed(rows: candidates, losesRows: !filters.isEmpty, index: nil, for: dialect)
  }

  /// The query as a fragment, which carries its settings.
  public var sql: SQL {
    .perDialect { dialect throws(RenderingError) in
      try body(dialect).requiring(effectiveSettings(for: dialect))
    }
  }

  private func body(_ dialect: Dialect) throws(RenderingError) -> SQL {
    try check()
    var conditions = filters
    if candidates != nil {
      conditions.append(.atom("\(id: key) IN \(try candidateKeys(dialect).asBlock)"))
    }
    conditions += terms.map { .atom("\($0.column.sql) IS NOT NULL") }
    return [
      "SELECT \(outputs.map(\.declaration).joined(separator: ", ")), \(try sum(dialect)) AS \(id: "distance")",
      "FROM \(table: table)",
      "WHERE \(Condition.all(conditions))",
      "ORDER BY \(id: "distance"), \(id: key)",
      "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "top_k"))",
    ].clauses
  }

  private func sum(_ dialect: Dialect) throws(RenderingError) -> SQL {
    var summands: [SQL] = []
    for term in terms {
      let spelling = try dialect.spelling(of: term.metric, for: term.column.element)
      let distance = spelling.exactDistance(term.column.sql, .vector(term.vector, as: term.column.element))
      summands.append("\(term.weight) * \(distance)")
    }
    return summands.joined(separator: " + ")
  }

  private func candidateKeys(_ dialect: Dialect) throws(RenderingError) -> SQL {
    var branches: [SQL] = []
    for term in terms {
      let spelling = try dialect.spelling(of: term.metric, for: term.column.element)
      let order = spelling.order(term.column.sql, .vector(term.vector, as: term.column.element))
      let filter: SQL = filters.isEmpty ? .empty : " WHERE \(Condition.all(filters))"
      let count = SQL.bind(.int8(Int64(candidates ?? limit)), name: "candidates")
      branches.append(
        "(SELECT \(id: key) FROM \(table: table)\(filter) ORDER BY \(order) LIMIT \(count))"
      )
    }
    return branches.joined(separator: .line.appending("UNION ALL").appending(.line))
  }

  private func check() throws(RenderingError) {
    try RenderingError.check(limit, in: 1...Int(Int32.max), "the number of rows")
    if let candidates {
      try RenderingError.check(candidates, in: limit...Int(Int32.max), "the number of candidates")
    }
    guard !terms.isEmpty, terms.allSatisfy({ $0.weight >= 0 && $0.weight.isFinite }) else {
      throw RenderingError(.invalidShape, "a weighted search needs vectors with finite weights of 0 or more")
    }
    for term in terms { try term.column.check(term.vector, for: term.metric) }
  }
}
