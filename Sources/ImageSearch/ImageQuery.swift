public import PostgresClient
public import VectorSQL

/// Turns requests into searches: everything about a table of images that the SQL depends on, and no connection.
public struct ImageQuery: Sendable {
  /// The table and its columns.
  public var table: ImageTable
  /// How the server spells vector search.
  public var dialect: Dialect
  /// What near means.
  public var metric: Metric
  /// The vectors' dimension, where anything declares it.
  public var dimension: Int?
  /// The vectors' elements; nil takes the dialect's own.
  public var element: VectorElement?
  /// The type of the ids: makes a value of one, or nil for an id that the column cannot hold.
  public var idValue: @Sendable (Int64) -> SQLValue?
  /// Whether the table says where each image came from.
  public var hasSource: Bool

  /// A query for a table that nobody has looked at: the tutorial's types.
  public init(table: ImageTable, dialect: Dialect, metric: Metric) {
    self.table = table
    self.dialect = dialect
    self.metric = metric
    idValue = { Int32(exactly: $0).map(SQLValue.int4) }
    hasSource = false
  }

  /// The search as a tree, from which both the statement that runs and the SQL for people are rendered.
  /// - Throws: `ImageSearchError` with code `badRequest` or `noSuchID`.
  public func search(_ request: ImageSearchRequest) throws -> VectorSearch {
    guard (1...10_000).contains(request.topK) else {
      throw ImageSearchError(
        code: .badRequest,
        description: "the number of results must be 1…10000, not \(request.topK)"
      )
    }
    var columns = [table.idColumn, table.labelColumn]
    if hasSource { columns.append(table.sourceColumn) }
    var search = VectorSearch(
      table: table.name,
      columns: columns,
      nearest: VectorColumn(table.vectorColumn, dim: dimension, element: element),
      to: try subject(request),
      by: metric,
      limit: request.topK
    )
    if let label = request.label { search.filters.append(Condition("\(id: table.labelColumn) = \(label)")) }
    if let condition = request.trustedCondition { search.filters.append(Condition(SQL(trusted: condition))) }
    search.exact = request.exact
    if request.exact { search.tieBreak = table.idColumn }
    search.settings.efSearch = request.efSearch
    return search
  }

  private func subject(_ request: ImageSearchRequest) throws -> VectorSearch.Subject {
    switch request.subject {
    case .vector(let vector): return .vector(vector)
    case .id(let id):
      let value = try value(of: id)
      return request.includesSubject
        ? .row(key: table.idColumn, value: value)
        : .otherThanRow(key: table.idColumn, value: value)
    }
  }

  /// The id as the column's type.
  /// - Throws: `ImageSearchError` with code `noSuchID`.
  func value(of id: Int64) throws -> SQLValue {
    guard let value = idValue(id) else {
      throw ImageSearchError(code: .noSuchID, description: "no row of \(table.name.quoted) has the id \(id)")
    }
    return value
  }
}

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

/// A search for the nearest images.
public struct ImageSearchRequest: Sendable, Hashable {
  /// What the images shall be near to.
  public enum Subject: Sendable, Hashable {
    /// A row of the table; it is left out of its own results.
    case id(Int64)
    /// A feature vector.
    case vector([Float])
  }

  /// What the images shall be near to.
  public var subject: Subject
  /// How many are wanted, 1…10,000.
  public var topK: Int
  /// Only images with this label.
  public var label: String?
  /// A condition in SQL that the caller vouches for, such as one that a user typed for its own database; never text
  /// from a client.
  public var trustedCondition: String?
  /// Compares with every row and uses no vector index.
  public var exact: Bool
  /// How many candidates a graph search keeps; nil leaves it to the server, or raises it to `topK`.
  public var efSearch: Int?
  /// Keeps the row of `.id` among its results, at distance 0.
  public var includesSubject: Bool

  /// A request.
  public init(
    _ subject: Subject,
    topK: Int = 20,
    label: String? = nil,
    exact: Bool = false,
    efSearch: Int? = nil,
    includesSubject: Bool = false,
    trustedCondition: String? = nil
  ) {
    self.subject = subject
    self.topK = topK
    self.label = label
    self.exact = exact
    self.efSearch = efSearch
    self.includesSubject = includesSubject
    self.trustedCondition = trustedCondition
  }
}
