internal import PostgresClient
internal import ImageSearch
internal import VectorSQL

/// Searches a table of images on a server.
public struct ImageSearcher: ImageSearching {
  /// What the SQL depends on.
  public let query: ImageQuery
  let connections: any ConnectionSource

  /// A searcher over connections, for a table that was read from one of them.
  public init(query: ImageQuery, connections: any ConnectionSource) {
    self.query = query
    self.connections = connections
  }

  /// Finds the nearest rows.
  /// - Throws: `ImageSearchError`, `RenderingError` (another dimension, a setting out of range), `PostgresError`.
  public func search(_ request: ImageSearchRequest) async throws -> ImageSearchAnswer {
    let search = try query.search(request)
    let rendered = try search.rendered(for: query.dialect)
    let clock = ContinuousClock()
    let start = clock.now
    let rows = try await connections.withConnection { try await $0.query(rendered, prepared: true) }
    let elapsed = clock.now - start
    if rows.isEmpty, case .id(let id) = request.subject, try await row(id: id) == nil {
      throw ImageSearchError(
        code: .noSuchID,
        description: "no row of \(query.table.name.quoted) has the id \(id)"
      )
    }
    return ImageSearchAnswer(
      hits: try rows.map { try hit($0) },
      sql: try search.script(.psql, for: query.dialect).text,
      databaseMilliseconds: elapsed / .milliseconds(1)
    )
  }

  private func hit(_ row: Row) throws -> ImageHit {
    ImageHit(
      id: try id(row),
      label: try row.value(at: 1, as: String?.self),
      distance: try row.value(at: row.count - 1, as: Double.self),
      source: query.hasSource ? try row.value(at: 2, as: String?.self) : nil
    )
  }

  func id(_ row: Row) throws -> Int64 {
    if let number = try? row.value(at: 0, as: Int.self) { return Int64(number) }
    guard let number = Int64(try row.value(at: 0, as: String.self)) else {
      throw ImageSearchError(
        code: .wrongTable,
        description: "the column \(query.table.idColumn.quoted) holds ids that are no integers"
      )
    }
    return number
  }
}

extension ImageSearcher {
  /// The label and source of a row; nil when there is no such row.
  public func row(id: Int64) async throws -> (label: String?, source: String?)? {
    let table = query.table
    let source: SQL = query.hasSource ? "\(id: table.sourceColumn)" : "NULL::text"
    let sql: SQL = """
      SELECT \(id: table.labelColumn), \(source) FROM \(table: table.name) \
      WHERE \(id: table.idColumn) = \(.bind(try query.value(of: id)))
      """
    let statement = try sql.rendered(for: query.dialect)
    return try await connections.withConnection { connection in
      try await connection.query(statement, prepared: true).first?.decode(String?.self, String?.self)
    }
  }

  /// Every label in the table, in order.
  public func labels() async throws -> [String] {
    let table = query.table
    let sql: SQL = """
      SELECT DISTINCT \(id: table.labelColumn) FROM \(table: table.name) \
      WHERE \(id: table.labelColumn) IS NOT NULL ORDER BY 1
      """
    let statement = try sql.rendered(for: query.dialect)
    return try await connections.withConnection { connection in
      try await connection.query(statement).map { try $0.value(at: 0, as: String.self) }
    }
  }

  /// Returns when the database answers.
  public func checkConnection() async throws {
    _ = try await connections.withConnection { try await $0.query(Statement("SELECT 1")).count }
  }
}
