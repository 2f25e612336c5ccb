/// Where a typed search begins: `Search(Products.self)`.
public struct Search<T: Table>: Sendable {
  /// A search in a table.
  public init(_ table: T.Type) {}

  /// Chooses what each row shows; the types of the rows follow from the columns.
  public func select<each E: SQLExpression>(
    _ pick: (T) -> (repeat each E)
  ) -> Selection<T, repeat (each E).Value> {
    var outputs: [VectorSearch.Output] = []
    for expression in repeat each pick(T()) {
      outputs.append(expression.output(number: outputs.count + 1))
    }
    return Selection(outputs: outputs)
  }
}

/// A search before it has a vector: the table, its columns and its conditions.
public struct Selection<T: Table, each Value: SQLEncodable>: Sendable {
  let outputs: [VectorSearch.Output]
  var filters: [Condition] = []

  /// Adds a condition; several must all hold.
  public consuming func `where`(_ condition: (TableReference<T, T>) -> ScopedCondition<T>) -> Self {
    filters.append(T.condition(condition).unscoped)
    return self
  }

  /// Adds a condition when there is one to add.
  public consuming func `where`(_ condition: ScopedCondition<T>?) -> Self {
    if let condition { filters.append(condition.unscoped) }
    return self
  }

  /// The rows nearest to a vector.
  /// - Throws: `RenderingError` when the vector does not fit the column.
  public func nearest(
    _ column: KeyPath<T, VectorColumn>,
    to vector: [Float],
    by metric: Metric,
    limit: Int
  ) throws(RenderingError) -> NearestSearch<T, repeat each Value> {
    try T()[keyPath: column].check(vector, for: metric)
    return search(column, .vector(vector), metric, limit)
  }

  /// The rows nearest to the row with this key; its vector stays on the server.
  public func nearest<Key: SQLEncodable>(
    _ column: KeyPath<T, VectorColumn>,
    toRowWhere key: KeyPath<T, Column<Key>>,
    is value: Key.Comparand,
    leavingItOut: Bool = false,
    by metric: Metric,
    limit: Int
  ) -> NearestSearch<T, repeat each Value> {
    let name = T()[keyPath: key].name
    let subject: VectorSearch.Subject =
      leavingItOut
      ? .otherThanRow(key: name, value: value.sqlValue) : .row(key: name, value: value.sqlValue)
    return search(column, subject, metric, limit)
  }

  /// All rows at most this far from a vector, nearest first; compares with every row.
  /// - Throws: `RenderingError` when the vector does not fit the column.
  public func all(
    within distance: Double,
    of vector: [Float],
    in column: KeyPath<T, VectorColumn>,
    by metric: Metric
  ) throws(RenderingError) -> NearestSearch<T, repeat each Value> {
    try T()[keyPath: column].check(vector, for: metric)
    return search(column, .vector(vector), metric, nil).within(distance: distance)
  }

  private func search(
    _ column: KeyPath<T, VectorColumn>,
    _ subject: VectorSearch.Subject,
    _ metric: Metric,
    _ limit: Int?
  ) -> NearestSearch<T, repeat each Value> {
    var query = VectorSearch(
      table: T.name,
      outputs: outputs,
      nearest: T()[keyPath: column],
      to: subject,
      by: metric,
      limit: limit
    )
    query.filters = filters
    return NearestSearch(query: query)
  }
}

/// A complete nearest-neighbour search over a table's key paths: a wrong column or value does not compile.
///
///     let search = try Search(Products.self)
///       .select { ($0.id, $0.price) }
///       .where { $0.price.isBetween(100, 200) }
///       .nearest(\.feature, to: probe, by: .l2, limit: 10)
///     let query = try search.rendered(for: .pgvector)
public struct NearestSearch<T: Table, each Value: SQLEncodable>: Sendable {
  var query: VectorSearch

  init(query: VectorSearch) {
    self.query = query
  }

  /// The search without its types, for a caller that changes it at run time.
  public var untyped: VectorSearch { query }

  /// The search as statements.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> RenderedSearch {
    try query.rendered(for: dialect, layout: layout)
  }

  /// The query as a fragment, to be used inside others.
  public var sql: SQL { query.sql }

  private func changed(_ change: (inout VectorSearch) -> Void) -> Self {
    var copy = self
    change(&copy.query)
    return copy
  }

  /// The search with these settings.
  public func tuned(_ settings: SearchSettings) -> Self { changed { $0.settings = settings } }

  /// The search with another number of candidates.
  public func tuned(efSearch: Int) -> Self { changed { $0.settings.efSearch = efSearch } }

  /// The search by comparing with every row, without an index.
  public var exact: Self { changed { $0.exact = true } }

  /// The search with other scores than the distance.
  public func scored(_ scores: VectorSearch.Score...) -> Self { changed { $0.scores = scores } }

  /// The search in two passes: many rows by a coarse comparison, then the nearest of those in exact order.
  public func reranked(_ firstPass: FirstPass) -> Self { changed { $0.firstPass = firstPass } }

  /// The limit for each value of a column: the k nearest of each class.
  public func perValue<Key: SQLEncodable>(of column: KeyPath<T, Column<Key>>) -> Self {
    changed { $0.perValueOf = T()[keyPath: column].name }
  }

  /// Only rows at most this far away.
  public func within(distance: Double) -> Self { changed { $0.maximumDistance = distance } }

  /// The page after a cursor, in the order of distance and then of this column.
  public func after<Key: SQLEncodable>(
    _ cursor: SearchCursor?,
    by key: KeyPath<T, Column<Key>>
  ) -> Self {
    changed {
      $0.after = cursor
      $0.tieBreak = T()[keyPath: key].name
    }
  }
}

/// A row that a typed search found, with its distance.
public struct Hit<each Value: Sendable>: Sendable {
  /// What was selected.
  public let row: (repeat each Value)
  /// The score, which is the true distance unless the search asked for another.
  public let distance: Double

  /// A row and its distance.
  public init(row: (repeat each Value), distance: Double) {
    self.row = row
    self.distance = distance
  }
}

/// Where a page of results ended, and the next begins.
public struct SearchCursor: Sendable, Hashable {
  /// The last row's distance.
  public let distance: Double
  /// The last row's value of the tie-breaking column.
  public let key: SQLValue
  /// How many rows all pages so far have shown.
  public let seen: Int

  /// The place after a row.
  public init(distance: Double, key: SQLValue, seen: Int) {
    self.distance = distance
    self.key = key
    self.seen = seen
  }
}
