internal import PostgresClient
internal import VectorSQL

extension ImageSearcher {
  /// Rows to look at first: of one label, the first ones; of all, some that lie evenly between the smallest and the
  /// largest id, each found through the primary key.
  public func sample(_ count: Int, label: String?) async throws -> [ImageRow] {
    guard label == nil else {
      return try await rows(after: nil, label: label, limit: count)
    }
    guard let bounds = try await idBounds() else { return [] }
    let span = Double(bounds.upperBound) - Double(bounds.lowerBound)
    var found: [ImageRow] = []
    for step in 0..<max(0, count) {
      let wanted = bounds.lowerBound + Int64(span * Double(step) / Double(count))
      if let last = found.last, last.id >= wanted { continue }
      found += try await rows(after: wanted, label: nil, limit: 1)
    }
    return found
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
