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
    guard let sample else { return .name(queries.table) }
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
