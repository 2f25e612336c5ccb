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
