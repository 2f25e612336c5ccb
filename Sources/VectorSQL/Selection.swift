/// A search before it has a vector: the table, its columns and its conditions.
public struct Selection<T: Table, each Value: SQLEncodable>: Sendable {
  let outputs: [VectorSearch.Output]
  var filters: [Condition] = []

  /// Adds a condition; several must all hold.
  public func `where`(_ condition: (T) -> Condition) -> Self {
    var copy = self
    copy.filters.append(condition(T()))
    return copy
  }

  /// Adds a condition when there is one to add.
  public func `where`(_ condition: Condition?) -> Self {
    var copy = self
    if let condition { copy.filters.append(condition) }
    return copy
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
