/// A search ready to run: settings that must share a transaction with the query, and the query.
public struct RenderedSearch: Sendable, Hashable {
  /// `SET LOCAL` statements; where there are any, they and the query belong in one transaction.
  public let settings: [Statement]
  /// The query.
  public let query: Statement
}

extension VectorSearch {
  /// The search as statements.
  /// - Throws: `RenderingError` for a vector of another dimension, a metric the dialect lacks, a setting out of range.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> RenderedSearch {
    RenderedSearch(
      settings: try effectiveSettings(for: dialect).statements(for: dialect),
      query: try sql.rendered(for: dialect, layout: layout)
    )
  }

  /// The query as a fragment, to be used inside others.
  public var sql: SQL {
    .perDialect { dialect throws(RenderingError) in
      try check()
      let spelling = try dialect.spelling(of: metric, for: column.element)
      let source = try source(spelling, dialect)
      if let perValueOf { return perValue(perValueOf, spelling, source) }
      guard let limit else { return radius(spelling, source) }
      guard maximumDistance != nil || after != nil else { return nearest(spelling, source, limit: limit) }
      return page(of: nearest(spelling, source, limit: fetched), limit: limit)
    }
  }

  /// The settings asked for, and those without which the server would return fewer rows than the limit.
  ///
  /// A graph search keeps `ef_search` candidates and returns no more than those, so a greater limit raises it; and
  /// filters take rows away after the graph was searched, so pgvector is asked to go on until there are enough.
  public func effectiveSettings(for dialect: Dialect) -> SearchSettings {
    guard !comparesEveryRow || firstPass != nil else { return SearchSettings() }
    return settings.completed(
      rows: firstPass?.candidates ?? fetched,
      losesRows: !filters.isEmpty || subject.leavesOutItself,
      for: dialect
    )
  }

  /// Whether no vector index can serve the search.
  public var comparesEveryRow: Bool { exact || limit == nil || (perValueOf != nil && firstPass == nil) }

  /// How many rows the search itself yields before pages and radii take some away.
  var fetched: Int { (limit ?? 0) + (after.map { max(0, $0.seen) } ?? 0) }

  private func check() throws(RenderingError) {
    if let limit { try RenderingError.check(limit, in: 1...Int(Int32.max), "the number of rows") }
    if let firstPass {
      try RenderingError.check(firstPass.candidates, in: max(1, fetched)...Int(Int32.max), "the first pass")
    }
    if case .vector(let vector) = subject { try column.check(vector, for: metric) }
    try checkPaging()
  }

  private func checkPaging() throws(RenderingError) {
    if limit == nil, maximumDistance == nil || after != nil || perValueOf != nil {
      throw RenderingError(.invalidShape, "a search needs a number of rows, or a greatest distance alone")
    }
    if maximumDistance?.isNaN == true {
      throw RenderingError(.invalidShape, "the greatest distance is NaN")
    }
    if maximumDistance != nil || after != nil, !scores.contains(where: { $0.kind == .distance }) {
      throw RenderingError(.invalidShape, "a page or a greatest distance needs the distance among the scores")
    }
    let names = outputs.map(\.name) + scores.map(\.name)
    if maximumDistance != nil || after != nil || perValueOf != nil, Set(names).count < names.count {
      throw RenderingError(.invalidShape, "two of the outputs have the same name; give the score another")
    }
    guard let after else { return }
    guard let tieBreak, outputs.contains(where: { $0.name == tieBreak }) else {
      throw RenderingError(
        .invalidShape,
        "pages need a tie-breaking column, such as the key, among the outputs"
      )
    }
    guard !after.distance.isNaN, perValueOf == nil else {
      throw RenderingError(.invalidShape, "pages need a distance to go on from, and one limit for all rows")
    }
  }
}
