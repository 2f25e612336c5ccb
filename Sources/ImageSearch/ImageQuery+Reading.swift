public import PostgresClient
internal import ImageSearch
public import VectorSQL

extension ImageQuery {
  /// A query for a table as the server describes it.
  ///
  /// - Parameter metric: nil takes the index's, or l2 where there is no index.
  /// - Throws: `VectorTableError`, `ImageSearchError` with code `wrongTable`, `PostgresError`.
  public static func read(
    table: ImageTable,
    dialect: Dialect,
    metric: Metric?,
    from connection: PostgresConnection
  ) async throws -> ImageQuery {
    let dialect = try dialect.checked(against: try await connection.capabilities())
    let catalog = try await VectorTable.read(table.name, vectorColumn: table.vectorColumn, from: connection)
    let column = try catalog.require(table.vectorColumn)
    let id = try catalog.require(table.idColumn)
    _ = try catalog.require(table.labelColumn)
    guard let element = column.element, dialect.vectorTypes[element]?.castName == column.typeName else {
      throw ImageSearchError(
        code: .wrongTable,
        description: "the column \(table.vectorColumn.quoted) has type \(column.type), which the dialect "
          + "\(dialect.name) cannot search; choose another with --dialect"
      )
    }
    var query = ImageQuery(
      table: table,
      dialect: dialect,
      metric: metric ?? catalog.vectorIndexes.first?.metric ?? .l2
    )
    query.dimension = column.declaredDimension ?? catalog.vectorIndexes.lazy.compactMap(\.dimension).first
    query.element = element
    query.idValue = { id.idValue($0) }
    query.hasSource = catalog.column(table.sourceColumn) != nil
    return query
  }
}
