public import PostgresClient
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

  /// The first `limit` labels in the table, in their order.
  public func labels(limit: Int = 10_000) async throws -> [String] {
    let table = query.table
    let sql: SQL = """
      SELECT DISTINCT \(id: table.labelColumn) FROM \(table: table.name) \
      WHERE \(id: table.labelColumn) IS NOT NULL ORDER BY 1 LIMIT \(Int64(limit))
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

extension ImageSearcher {
  /// Rows to look at first: of one label, the first ones; of all, some that lie evenly between the smallest and the
  /// largest id, each found through the primary key.
  public func sample(_ count: Int, label: String?) async throws -> [ImageRow] {
    guard label == nil else {
      return try await rows(after: nil, label: label, limit: count)
    }
    guard let bounds = try await idBounds() else { return [] }
    var found: [ImageRow] = []
    for wanted in Self.spread(count, over: bounds) {
      if let last = found.last, last.id >= wanted { continue }
      found += try await rows(after: wanted, label: nil, limit: 1)
    }
    return found
  }

  /// `count` numbers that lie evenly in a range, which may be wider than `Int64.max`.
  static func spread(_ count: Int, over range: ClosedRange<Int64>) -> [Int64] {
    let span = UInt64(bitPattern: range.upperBound &- range.lowerBound)
    return (0..<max(0, count)).map { step in
      let (high, low) = span.multipliedFullWidth(by: UInt64(step))
      // The quotient fits: a step is smaller than the count.
      return range.lowerBound &+ Int64(bitPattern: UInt64(count).dividingFullWidth((high, low)).quotient)
    }
  }

  private func rows(after id: Int64?, label: String?, limit: Int) async throws -> [ImageRow] {
    let table = query.table
    let source: SQL = query.hasSource ? "\(id: table.sourceColumn)" : "NULL::text"
    var condition: SQL = "\(id: table.idColumn) IS NOT NULL"
    if let id { condition = "\(id: table.idColumn) >= \(.bind(try query.value(of: id)))" }
    if let label { condition = "\(id: table.labelColumn) = \(label)" }
    let sql: SQL = """
      SELECT \(id: table.idColumn), \(id: table.labelColumn), \(source) FROM \(table: table.name) \
      WHERE \(condition) ORDER BY \(id: table.idColumn) LIMIT \(Int64(limit))
      """
    let statement = try sql.rendered(for: query.dialect)
    return try await connections.withConnection { connection in
      try await connection.query(statement, prepared: true).map { row in
        ImageRow(
          id: try self.id(row),
          label: try row.value(at: 1, as: String?.self),
          source: try row.value(at: 2, as: String?.self)
        )
      }
    }
  }

  private func idBounds() async throws -> ClosedRange<Int64>? {
    let table = query.table
    let sql: SQL = """
      SELECT min(\(id: table.idColumn))::bigint, max(\(id: table.idColumn))::bigint FROM \(table: table.name)
      """
    let statement = try sql.rendered(for: query.dialect)
    let row = try await connections.withConnection { try await $0.query(statement, prepared: true).first }
    guard let row, let low = try row.value(at: 0, as: Int64?.self),
      let high = try row.value(at: 1, as: Int64?.self)
    else { return nil }
    return low...high
  }
}

/// A row of a table of images, without its vector.
public struct ImageRow: Sendable, Hashable {
  /// The row's id.
  public let id: Int64
  /// The row's label.
  public let label: String?
  /// Where the image came from.
  public let source: String?
}

/// Lends connections: one for a command, a pool for a server.
public protocol ConnectionSource: Sendable {
  /// Runs `body` with a connection that nobody else uses meanwhile.
  func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value
}

extension PostgresConnection: ConnectionSource {
  /// Runs `body` with this connection.
  public nonisolated func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    try await body(self)
  }
}
