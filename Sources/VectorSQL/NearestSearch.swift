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

  /// The search with these knobs.
  public func tuned(_ settings: SearchSettings) -> Self { changed { $0.settings = settings } }

  /// The search with another number of candidates.
  public func tuned(efSearch: Int) -> Self { changed { $0.settings.efSearch = efSearch } }

  /// The search by comparing with every row, whatever index there is.
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
