/// A search ready to run: settings that must share a transaction with the query, and the query.
public struct RenderedSearch: Sendable, Hashable {
  /// `SET LOCAL` statements; where there are any, they and the query belong in one transaction.
  public let settings: [Statement]
  /// The query.
  public let query: Statement
}

extension VectorSearch {
  /// The search as statements.
  /// - Throws: `RenderingError` for a vector of another dimension, a metric the dialect lacks, a setting out of range.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> RenderedSearch {
    RenderedSearch(
      settings: try effectiveSettings(for: dialect).statements(for: dialect),
      query: try sql.rendered(for: dialect, layout: layout)
    )
  }

  /// The query as a fragment, to be used inside others.
  public var sql: SQL {
    .perDialect { dialect throws(RenderingError) in
      try check()
      return try statement(dialect)
    }
  }

  /// The settings asked for, and those without which the server would return fewer rows than the limit.
  ///
  /// A graph search keeps `ef_search` candidates and returns no more than those, so a greater limit raises it; and
  /// filters take rows away after the graph was searched, so pgvector is asked to go on until there are enough.
  public func effectiveSettings(for dialect: Dialect) -> SearchSettings {
    guard !exact else { return SearchSettings() }
    var effective = settings
    if let setting = dialect.settings.numbers[.efSearch], let standard = setting.standard,
      effective.efSearch == nil, fetched > standard
    {
      effective.efSearch = min(fetched, setting.range.upperBound)
    }
    let needsMore = !filters.isEmpty || subject.leavesOutItself || fetched > (effective.efSearch ?? fetched)
    if dialect.capabilities.iterativeScan, effective.iterativeScan == nil, needsMore {
      effective.iterativeScan = .strict
    }
    return effective
  }

  private func check() throws(RenderingError) {
    try RenderingError.check(limit, in: 1...Int(Int32.max), "the number of rows")
    if case .vector(let vector) = subject { try column.check(vector, for: metric) }
    if let maximumDistance, maximumDistance.isNaN {
      throw RenderingError(.invalidShape, "the greatest distance is NaN")
    }
    if after != nil, tieBreak == nil {
      throw RenderingError(
        .invalidShape,
        "a page after a cursor needs a tie-breaking column, such as the key"
      )
    }
  }

  private var fetched: Int { limit + (after.map { max(0, $0.seen) } ?? 0) }

  private func statement(_ dialect: Dialect) throws(RenderingError) -> SQL {
    let spelling = try dialect.spelling(of: metric, for: column.element)
    guard maximumDistance != nil || after != nil else { return nearest(spelling, limit: limit) }
    return page(of: nearest(spelling, limit: fetched))
  }

  /// The shape that an index can serve: one sort key, ascending, with a limit.
  private func nearest(_ spelling: MetricSpelling, limit: Int) -> SQL {
    let order = (exact ? spelling.exactOrder : spelling.order)(column.sql, subjectSQL)
    return [
      "SELECT \(selectList(spelling))",
      "FROM \(table: table)",
      whereClause,
      "ORDER BY \(order)\(exact ? tieBreakSQL : .empty)",
      "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "top_k"))",
    ].clauses
  }

  /// Conditions on the distance go around the search, where they cannot keep the index from being used.
  private func page(of inner: SQL) -> SQL {
    let hit: Identifier = "hit"
    let distance: Identifier = "distance"
    var conditions: [Condition] = []
    if let maximumDistance {
      conditions.append(
        Condition.atom("\(id: distance) <= \(SQL.bind(.float8(maximumDistance), name: "radius"))")
      )
    }
    if let after, let tieBreak {
      let key = "(\(id: distance), \(id: tieBreak))" as SQL
      conditions.append(Condition.atom("\(key) > (\(after.distance), \(after.key))"))
    }
    return [
      "SELECT *",
      "FROM \(inner.asBlock) AS \(id: hit)",
      "WHERE \(Condition.all(conditions))",
      "ORDER BY \(id: distance)\(tieBreakSQL)",
      "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "page_size"))",
    ].clauses
  }

  private func selectList(_ spelling: MetricSpelling) -> SQL {
    let distance = exact ? spelling.exactDistance : spelling.distance
    let numbers = scores.map { score -> SQL in
      let expression =
        switch score.kind {
        case .distance: distance(column.sql, subjectSQL)
        case .similarity: spelling.similarity(column.sql, subjectSQL)
        case .function: spelling.function(column.sql, subjectSQL)
        }
      return "\(expression) AS \(id: score.name)"
    }
    return (outputs.map(\.declaration) + numbers).joined(separator: ", ")
  }

  private var tieBreakSQL: SQL {
    guard let tieBreak else { return .empty }
    return ", \(id: tieBreak)"
  }

  private var whereClause: SQL {
    var conditions = filters
    if exact { conditions.append(.atom("\(column.sql) IS NOT NULL")) }
    switch subject {
    case .vector: break
    case .row: conditions.append(.atom("\(subjectSQL) IS NOT NULL"))
    case .otherThanRow(let key, let value):
      conditions.append(.atom("\(id: key) <> \(SQL.bind(value, name: "id"))"))
      conditions.append(.atom("\(subjectSQL) IS NOT NULL"))
    }
    return conditions.isEmpty ? .empty : "WHERE \(Condition.all(conditions))"
  }

  private var subjectSQL: SQL {
    switch subject {
    case .vector(let vector): .vector(vector, as: column.element)
    case .row(let key, let value), .otherThanRow(let key, let value):
      "(SELECT \(column.sql) FROM \(table: table) WHERE \(id: key) = \(SQL.bind(value, name: "id")))"
    }
  }
}

extension VectorSearch.Subject {
  var leavesOutItself: Bool {
    if case .otherThanRow = self { true } else { false }
  }
}
