internal import PostgresClient
internal import TableCatalog
internal import VectorSQL

extension ImageSearcher {
  public func search(_ request: ImageSearchRequest) async throws -> ImageSearchAnswer {
    let query = try query(request)
    let rendered = try query.rendered(for: dialect)
    let clock = ContinuousClock()
    let start = clock.now
    let hits = try await connections.withConnection { connection in
      try await run(rendered, on: connection).map { try hit($0) }
    }
    let elapsed = clock.now - start
    if hits.isEmpty, case .id(let id) = request.subject { try await checkVector(of: id) }
    return ImageSearchAnswer(
      hits: hits,
      sql: try query.script(.psql, for: dialect).text,
      databaseMilliseconds: elapsed / .milliseconds(1)
    )
  }

  /// Settings hold for one transaction; a search without settings needs none.
  private func run(_ search: RenderedSearch, on connection: PostgresConnection) async throws -> RowSet {
    guard !search.settings.isEmpty else { return try await connection.query(search.query, prepared: true) }
    return try await connection.transaction { connection in
      for setting in search.settings { try await connection.query(setting) }
      return try await connection.query(search.query, prepared: true)
    }
  }

  private func hit(_ row: Row) throws -> ImageHit {
    let hasSource = row.count == 4
    return ImageHit(
      id: try id(row),
      label: try row.value(at: 1, as: String?.self),
      distance: try row.value(at: row.count - 1, as: Double.self),
      source: hasSource ? try row.value(at: 2, as: String?.self) : nil
    )
  }

  private func id(_ row: Row) throws -> Int64 {
    if let number = try? row.value(at: 0, as: Int.self) { return Int64(number) }
    guard let number = Int64(try row.value(at: 0, as: String.self)) else {
      throw ImageSearchError(
        code: .wrongTable,
        description: "the column \(table.idColumn.quoted) holds ids that are no integers"
      )
    }
    return number
  }

  public func row(id: Int64) async throws -> (label: String?, source: String?)? {
    let hasSource = catalog.column(table.sourceColumn) != nil
    let source: SQL = hasSource ? "\(id: table.sourceColumn)" : "NULL::text"
    let sql: SQL = """
      SELECT \(id: table.labelColumn), \(source) FROM \(table: table.name) \
      WHERE \(id: table.idColumn) = \(try idValue(id))
      """
    let statement = try sql.rendered(for: dialect)
    return try await connections.withConnection { connection in
      try await connection.query(statement, prepared: true).first?.decode(String?.self, String?.self)
    }
  }

  public func labels() async throws -> [String] {
    let sql: SQL = """
      SELECT DISTINCT \(id: table.labelColumn) FROM \(table: table.name) \
      WHERE \(id: table.labelColumn) IS NOT NULL ORDER BY 1
      """
    let statement = try sql.rendered(for: dialect)
    return try await connections.withConnection { connection in
      try await connection.query(statement).map { try $0.value(at: 0, as: String.self) }
    }
  }

  public func checkConnection() async throws {
    _ = try await connections.withConnection { try await $0.query(Statement("SELECT 1")).count }
  }

  /// Nothing found for a row: say whether there is no such row or only nothing near it.
  private func checkVector(of id: Int64) async throws {
    guard try await row(id: id) == nil else { return }
    throw ImageSearchError(code: .noSuchID, description: "no row of \(table.name.quoted) has the id \(id)")
  }
}
