public import VectorSQL

extension PostgresConnection {
  /// Runs a search: its settings and its query in one transaction, because settings hold for one transaction; a search
  /// without settings needs none.
  /// - Throws: `PostgresError`; `CancellationError`.
  public func query(_ search: RenderedSearch, prepared: Bool = false) async throws -> RowSet {
    guard !search.settings.isEmpty else { return try await query(search.query, prepared: prepared) }
    return try await transaction { connection in
      for setting in search.settings { try await connection.query(setting) }
      return try await connection.query(search.query, prepared: prepared)
    }
  }

  /// Runs a typed search; the types of the rows follow from its `select`.
  ///
  ///     let hits = try await connection.fetch(search, for: .pgvector)
  ///     for hit in hits { print(hit.row.0, hit.row.1, hit.distance) }
  ///
  /// - Returns: the rows, nearest first, each with the first of the search's scores.
  /// - Throws: `RenderingError` before anything is sent; `PostgresError`, with code `decoding` when a column holds
  ///   another type than the table's declaration says.
  public func fetch<T: Table, each Value: SQLEncodable & PostgresDecodable>(
    _ search: NearestSearch<T, repeat each Value>,
    for dialect: Dialect
  ) async throws -> [Hit<repeat each Value>] {
    try await query(try search.rendered(for: dialect), prepared: true).map { row in
      var column = 0
      func next<Next: PostgresDecodable>(_ type: Next.Type) throws -> Next {
        defer { column += 1 }
        return try row.value(at: column, as: type)
      }
      let values = (repeat try next((each Value).self))
      return Hit(row: (repeat each values), distance: try row.value(at: column, as: Double.self))
    }
  }
}
