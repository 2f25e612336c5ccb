extension LibraryStatement {
  static let nearestByID = LibraryStatement(
    name: "nearest_by_id",
    summary: "The rows nearest to the row :id, which comes first itself."
  ) { target in search(target.search(to: target.row)) }

  static let nearestByVector = LibraryStatement(
    name: "nearest_by_vector",
    summary: "The rows nearest to the vector :query (that of the first row, unless psql is given another)."
  ) { target in
    var built = search(target.search(to: .vector(SearchTarget.anyVector), checked: false))
    built.defaults["query"] =
      [
        "SELECT CAST(\(target.column.sql) AS text) AS \(id: "query")",
        "FROM \(table: target.table) WHERE \(target.column.sql) IS NOT NULL ORDER BY \(id: target.key) LIMIT 1",
      ].clauses
    return built
  }

  static let nearestFiltered = LibraryStatement(
    name: "nearest_filtered",
    summary:
      "The rows of the class :class nearest to the row :id (its own class, unless psql is given another)."
  ) { target in
    var query = target.search(to: target.row)
    query.filters = [.atom("\(id: target.label) = \(SQL.bind(.text(""), name: "class"))")]
    var built = search(query)
    built.defaults["class"] =
      [
        "SELECT \(id: target.label) AS \(id: "class")",
        "FROM \(table: target.table) WHERE \(id: target.key) = \(SQL.bind(.int8(0), name: "id"))",
      ].clauses
    return built
  }

  static let nearestExact = LibraryStatement(
    name: "nearest_exact",
    summary: "The rows nearest to the row :id by comparing with every row, without an index."
  ) { target in
    var query = target.search(to: target.row)
    query.exact = true
    query.tieBreak = target.key
    return search(query)
  }

  static let nearestPerClass = LibraryStatement(
    name: "nearest_per_class",
    summary: "The :top_k rows of each class nearest to the row :id, by comparing with every row."
  ) { target in
    var query = target.search(to: target.row, limit: 3)
    query.perValueOf = target.label
    query.tieBreak = target.key
    return search(query)
  }

  private static func search(_ query: VectorSearch) -> Built {
    Built(sql: query.sql, settings: query.effectiveSettings)
  }
}

extension SearchTarget {
  static let anyVector: [Float] = [1]

  var row: VectorSearch.Subject { .row(key: key, value: .int8(0)) }

  func search(
    to subject: VectorSearch.Subject,
    limit: Int = 10,
    checked: Bool = true
  ) -> VectorSearch {
    VectorSearch(
      table: table,
      columns: [key, label],
      nearest: checked ? column : VectorColumn(column.name, dim: nil, element: column.element),
      to: subject,
      by: metric,
      limit: limit
    )
  }

  var side: NeighborJoin.Side {
    NeighborJoin.Side(table: table, key: key, column: column, outputs: [key, label])
  }
}
