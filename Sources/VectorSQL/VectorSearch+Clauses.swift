extension VectorSearch {
  /// Where the rows come from: the table and its filters, or a first pass over them.
  struct Source {
    let from: SQL
    let filters: SQL
    let isExact: Bool
  }

  func source(_ spelling: MetricSpelling, _ dialect: Dialect) throws(RenderingError) -> Source {
    let plain = Source(from: .name(table), filters: whereClause(dialect), isExact: comparesEveryRow)
    guard let firstPass else { return plain }
    let inner = [
      "SELECT *",
      "FROM \(table: table)",
      whereClause(dialect),
      "ORDER BY \(try order(of: firstPass, spelling, dialect))",
      "LIMIT \(SQL.bind(.int8(Int64(firstPass.candidates)), name: "candidates"))",
    ].clauses
    return Source(from: "\(inner.asBlock) AS \(id: "candidate")", filters: .empty, isExact: true)
  }

  private func order(
    of pass: FirstPass,
    _ spelling: MetricSpelling,
    _ dialect: Dialect
  ) throws(RenderingError) -> SQL {
    guard let quantization = pass.quantization else { return spelling.order(column.sql, subjectSQL) }
    guard let dimension = column.dimension else {
      throw RenderingError(.invalidShape, "a quantised first pass needs the column's dimension")
    }
    let quantizer = try dialect.quantizer(quantization)
    let coarse = try dialect.spelling(of: quantizer.metric ?? metric, for: quantizer.element)
    return coarse.order(quantizer.column(column.sql, dimension), quantizer.query(subjectSQL, dimension))
  }

  /// The shape that an index can serve: one sort key, ascending, with a limit.
  func nearest(_ spelling: MetricSpelling, _ source: Source, limit: Int) -> SQL {
    [
      "SELECT \(selectList(spelling, source))",
      "FROM \(source.from)",
      source.filters,
      "ORDER BY \(order(spelling, source))\(source.isExact ? tieBreakSQL : .empty)",
      "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "top_k"))",
    ].clauses
  }

  /// Conditions on the distance go around the search, where they cannot keep the index from being used.
  func page(of inner: SQL, limit: Int) -> SQL {
    var conditions: [Condition] = []
    if let maximumDistance {
      conditions.append(.atom("\(id: distanceName) <= \(Self.radius(maximumDistance))"))
    }
    if let after, let tieBreak {
      let key: SQL = "(\(id: distanceName), \(id: tieBreak))"
      conditions.append(.atom("\(key) > (\(after.distance), \(after.key))"))
    }
    return [
      "SELECT *",
      "FROM \(inner.asBlock) AS \(id: "hit")",
      "WHERE \(Condition.all(conditions))",
      "ORDER BY \(id: distanceName)\(tieBreakSQL)",
      "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "page_size"))",
    ].clauses
  }

  /// Every row within a distance; there is no limit for an index to serve.
  func radius(_ spelling: MetricSpelling, _ source: Source) -> SQL {
    let inner = ["SELECT \(selectList(spelling, source))", "FROM \(source.from)", source.filters].clauses
    return [
      "SELECT *",
      "FROM \(inner.asBlock) AS \(id: "hit")",
      "WHERE \(id: distanceName) <= \(Self.radius(maximumDistance ?? 0))",
      "ORDER BY \(id: distanceName)\(tieBreakSQL)",
    ].clauses
  }

  /// The nearest of each value of a column, numbered by a window function.
  func perValue(_ group: Identifier, _ spelling: MetricSpelling, _ source: Source) -> SQL {
    let rank: Identifier = "rank"
    let window: SQL = "(PARTITION BY \(id: group) ORDER BY \(order(spelling, source))\(tieBreakSQL))"
    let inner = [
      .select([selectList(spelling, source), "row_number() OVER \(window) AS \(id: rank)"]),
      "FROM \(source.from)",
      source.filters,
    ].clauses
    let names = (outputs.map(\.name) + scores.map(\.name)).map(SQL.identifier).joined(separator: ", ")
    let near: SQL =
      maximumDistance.map { " AND \(id: distanceName) <= \(Self.radius($0))" } ?? .empty
    return [
      "SELECT \(names)",
      "FROM \(inner.asBlock) AS \(id: "hit")",
      "WHERE \(id: rank) <= \(SQL.bind(.int8(Int64(limit ?? 1)), name: "top_k"))\(near)",
      "ORDER BY \(id: group), \(id: rank)",
    ].clauses
  }
}
