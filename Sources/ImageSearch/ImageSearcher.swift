internal import PostgresClient
public import TableCatalog
public import VectorSQL

/// Searches a table of pictures on a server.
public struct ImageSearcher: ImageSearching {
  /// The table's description.
  public let catalog: VectorTable
  /// The table and its columns.
  public let table: ImageTable
  /// How the server spells vector search.
  public let dialect: Dialect
  /// What near means; the index's own metric unless it was set.
  public let metric: Metric
  /// The vector column, with its dimension where anything declares it.
  public let column: VectorColumn
  let connections: any ConnectionSource

  /// Reads the table's description and checks that the dialect can search it.
  ///
  /// - Parameter metric: nil takes the index's, or l2 where there is no index.
  /// - Throws: `VectorTableError`, `ImageSearchError` with code `wrongTable`, `PostgresError`.
  public init(
    table: ImageTable,
    dialect: Dialect,
    metric: Metric?,
    connections: any ConnectionSource
  ) async throws {
    let (catalog, capabilities) = try await connections.withConnection { connection in
      (
        try await VectorTable.read(table.name, vectorColumn: table.vectorColumn, from: connection),
        try await connection.capabilities()
      )
    }
    self.catalog = catalog
    self.table = table
    self.dialect = try dialect.checked(against: capabilities)
    self.metric = metric ?? catalog.vectorIndexes.first?.metric ?? .l2
    self.connections = connections
    column = try Self.vectorColumn(of: catalog, table, self.dialect)
    for name in [table.idColumn, table.labelColumn] where catalog.column(name) == nil {
      throw VectorTableError(
        code: .missingColumn,
        description: "the table \(catalog.name.quoted) has no column \(name.quoted)"
      )
    }
  }

  private static func vectorColumn(
    of catalog: VectorTable,
    _ table: ImageTable,
    _ dialect: Dialect
  ) throws -> VectorColumn {
    guard let column = catalog.column(table.vectorColumn) else {
      throw VectorTableError(
        code: .missingColumn,
        description: "the table \(catalog.name.quoted) has no column \(table.vectorColumn.quoted)"
      )
    }
    guard let element = column.element, let type = dialect.vectorTypes[element],
      type.castName == column.typeName
    else {
      throw ImageSearchError(
        code: .wrongTable,
        description: "the column \(table.vectorColumn.quoted) has type \(column.type), which the dialect "
          + "\(dialect.name) cannot search; choose another with --dialect"
      )
    }
    let dimension = column.declaredDimension ?? catalog.vectorIndexes.lazy.compactMap(\.dimension).first
    return VectorColumn(table.vectorColumn, dim: dimension, element: element)
  }

  /// The search as a tree, from which both the statement that runs and the SQL for people are rendered.
  /// - Throws: `ImageSearchError` with code `badRequest`.
  public func query(_ request: ImageSearchRequest) throws -> VectorSearch {
    guard (1...10_000).contains(request.topK) else {
      throw ImageSearchError(
        code: .badRequest,
        description: "the number of results must be 1…10000, not \(request.topK)"
      )
    }
    var columns = [table.idColumn, table.labelColumn]
    if catalog.column(table.sourceColumn) != nil { columns.append(table.sourceColumn) }
    var search = VectorSearch(
      table: table.name,
      columns: columns,
      nearest: column,
      to: try subject(request),
      by: metric,
      limit: request.topK
    )
    if let label = request.label { search.filters = [Condition("\(id: table.labelColumn) = \(label)")] }
    search.exact = request.exact
    if request.exact { search.tieBreak = table.idColumn }
    search.settings.efSearch = request.efSearch
    return search
  }

  private func subject(_ request: ImageSearchRequest) throws -> VectorSearch.Subject {
    switch request.subject {
    case .vector(let vector): return .vector(vector)
    case .id(let id):
      let value = try idValue(id)
      return request.includesSubject
        ? .row(key: table.idColumn, value: value)
        : .otherThanRow(key: table.idColumn, value: value)
    }
  }

  func idValue(_ id: Int64) throws -> SQLValue {
    guard let value = catalog.column(table.idColumn)?.idValue(id) else {
      throw ImageSearchError(code: .noSuchID, description: "no row has the id \(id)")
    }
    return value
  }
}
