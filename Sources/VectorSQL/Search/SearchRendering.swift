/// A search ready to run: the query, which carries its settings, and what completes a short answer.
public struct RenderedSearch: Sendable, Hashable {
  /// The query, with the settings that it needs.
  public let query: Statement
  /// How many rows are asked for; nil where there is no number.
  public let rows: Int?
  /// Few answers are short, so that the statement for those is written when it is asked for.
  private let writeCompletion: (@Sendable () throws(RenderingError) -> Statement)?

  /// A query, and what completes its answer; without that, the answer is taken as it is.
  public init(query: Statement, completion: Statement? = nil, rows: Int? = nil) {
    guard let completion else {
      self.init(query: query, rows: rows, completedBy: nil)
      return
    }
    self.init(query: query, rows: rows) { completion }
  }

  init(
    query: Statement,
    rows: Int?,
    completedBy writeCompletion: (@Sendable () throws(RenderingError) -> Statement)?
  ) {
    self.query = query
    self.rows = rows
    self.writeCompletion = writeCompletion
  }

  /// The same search by comparing with every row, for an answer of fewer than ``rows`` rows: an approximate index
  /// may give up before it has found all that match. nil when the query compares with every row itself.
  ///
  /// - Throws: `RenderingError` from a dialect of your own whose spelling of an exact distance cannot be written; where
  ///   the query of one of this library's dialects was written, this one can be.
  public var completion: Statement? {
    get throws(RenderingError) { try writeCompletion?() }
  }

  /// The query's `SET LOCAL` statements; where there are any, they and the query belong in one transaction.
  public var settings: [Statement] { query.settings.map { Statement(trusted: $0) } }

  /// Whether an answer with this number of rows may lack rows that match.
  public func mayBeShort(_ count: Int) -> Bool { writeCompletion != nil && count < rows ?? 0 }

  /// Two searches are equal when all their statements are.
  public static func == (left: RenderedSearch, right: RenderedSearch) -> Bool {
    guard left.query == right.query, left.rows == right.rows else { return false }
    func completion(_ search: RenderedSearch) -> Result<Statement?, RenderingError> {
      do throws(RenderingError) { return .success(try search.completion) } catch { return .failure(error) }
    }
    return completion(left) == completion(right)
  }

  /// Hashes the query and the number of rows.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(query)
    hasher.combine(rows)
  }
}

extension VectorSearch {
  /// The search as statements.
  /// - Throws: `RenderingError` for a vector of another dimension, a metric the dialect lacks, a setting out of range.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> RenderedSearch {
    let search = decided(for: dialect)
    let isApproximate = !search.comparesEveryRow || search.firstPass != nil
    let query = try search.fragment(dialect).rendered(for: dialect, layout: layout)
    guard isApproximate, search.perValueOf == nil else { return RenderedSearch(query: query, rows: limit) }
    return RenderedSearch(query: query, rows: limit) { () throws(RenderingError) in
      try search.exhaustive.sql.rendered(for: dialect, layout: layout)
    }
  }

  /// The query as a fragment, to be used inside others; it carries its settings into the statement that it becomes part of.
  public var sql: SQL {
    .perDialect { dialect throws(RenderingError) in try decided(for: dialect).fragment(dialect) }
  }

  /// The query of a search that is decided, with its settings.
  private func fragment(_ dialect: Dialect) throws(RenderingError) -> SQL {
    try body(dialect).requiring(effectiveSettings(for: dialect))
  }

  private func body(_ dialect: Dialect) throws(RenderingError) -> SQL {
    try check()
    let spelling = try dialect.spelling(of: metric, for: column.element)
    let source = try source(spelling, dialect)
    if let perValueOf { return perValue(perValueOf, spelling, source) }
    guard let limit else { return radius(spelling, source) }
    if maximumDistance != nil || after != nil || pagesByIndex {
      let rows = nearest(spelling, source, limit: fetched)
      return page(of: rows, limit: limit, sortedBy: sortKey(dialect))
    }
    let rows = nearest(spelling, source, limit: limit)
    return arrivesUnsorted(dialect) ? sorted(rows, by: sortKey(dialect)) : rows
  }

  /// The search by comparing with every row.
  var exhaustive: VectorSearch {
    var copy = self
    copy.exact = true
    copy.firstPass = nil
    return copy
  }

  /// Pages need the same order of equal distances each time. An index gives them as it finds them, so that a page takes
  /// in all rows at its last distance; a server that cannot do that compares with every row.
  private func decided(for dialect: Dialect) -> VectorSearch {
    guard pagesByIndex else { return self }
    return dialect.capabilities.withTies && !arrivesUnsorted(dialect) ? self : exhaustive
  }

  /// Whether an index serves a search whose order of equal distances matters.
  var pagesByIndex: Bool { tieBreak != nil && !comparesEveryRow && firstPass == nil }

  /// Whether rows may come slightly out of order: an iterative scan of an inverted-list index returns them so.
  private func arrivesUnsorted(_ dialect: Dialect) -> Bool {
    !comparesEveryRow && firstPass == nil && scores.contains { $0.kind == .distance }
      && effectiveSettings(for: dialect).iterativeScan == .relaxed
  }

  /// The planner takes rows of an index scan for sorted by the distance and leaves a second sort out, unless the key is
  /// another expression.
  private func sortKey(_ dialect: Dialect) -> SQL {
    arrivesUnsorted(dialect) ? "\(id: distanceName) + 0" : "\(id: distanceName)"
  }

  private func sorted(_ rows: SQL, by key: SQL) -> SQL {
    [
      "SELECT *",
      "FROM \(rows.asBlock) AS \(id: "hit")",
      "ORDER BY \(key)",
    ].clauses
  }

  /// The settings asked for, and those without which the server would return fewer rows than the limit.
  ///
  /// A graph search keeps `ef_search` candidates and returns no more than those, so a greater limit raises it; and
  /// filters take rows away after the graph was searched, so pgvector is asked to go on until there are enough.
  public func effectiveSettings(for dialect: Dialect) -> SearchSettings {
    guard !comparesEveryRow || firstPass != nil else { return SearchSettings() }
    return settings.completed(
      rows: firstPass?.candidates ?? fetched,
      losesRows: !filters.isEmpty || subject.leavesOutItself || pagesByIndex,
      index: index,
      for: dialect
    )
  }

  /// Whether no vector index can serve the search.
  public var comparesEveryRow: Bool { exact || limit == nil || (perValueOf != nil && firstPass == nil) }

  /// How many rows the search itself yields before pages and radii take some away.
  package var fetched: Int { (limit ?? 0) + (after.map { max(0, $0.seen) } ?? 0) }

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
    if maximumDistance != nil || after != nil || perValueOf != nil {
      let names = outputs.map(\.name) + scores.map(\.name)
      guard Set(names).count == names.count else {
        throw RenderingError(.invalidShape, "two of the outputs have the same name; give the score another")
      }
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

extension VectorSearch {
  /// Where the rows come from: the table and its filters, or a first pass over them.
  struct Source {
    let from: SQL
    let filters: SQL
    let isExact: Bool
  }

  func source(_ spelling: MetricSpelling, _ dialect: Dialect) throws(RenderingError) -> Source {
    let plain = Source(from: .name(table), filters: whereClause(dialect), isExact: comparesEveryRow)
    guard let firstPass else { return plain }
    let inner = [
      "SELECT *",
      "FROM \(table: table)",
      whereClause(dialect),
      "ORDER BY \(try order(of: firstPass, spelling, dialect))",
      "LIMIT \(SQL.bind(.int8(Int64(firstPass.candidates)), name: "candidates"))",
    ].clauses
    return Source(from: "\(inner.asBlock) AS \(id: "candidate")", filters: .empty, isExact: true)
  }

  private func order(
    of pass: FirstPass,
    _ spelling: MetricSpelling,
    _ dialect: Dialect
  ) throws(RenderingError) -> SQL {
    guard let quantization = pass.quantization else { return spelling.order(column.sql, subjectSQL) }
    guard let dimension = column.dimension else {
      throw RenderingError(.invalidShape, "a quantised first pass needs the column's dimension")
    }
    let quantizer = try dialect.quantizer(quantization)
    let coarse = try dialect.spelling(of: quantizer.metric ?? metric, for: quantizer.element)
    return coarse.order(quantizer.column(column.sql, dimension), quantizer.query(subjectSQL, dimension))
  }

  /// The shape that an index can serve: one sort key, ascending, with a limit.
  func nearest(_ spelling: MetricSpelling, _ source: Source, limit: Int) -> SQL {
    [
      "SELECT \(selectList(spelling, source))",
      "FROM \(source.from)",
      source.filters,
      "ORDER BY \(order(spelling, source))\(source.isExact ? tieBreakSQL : .empty)",
      pagesByIndex
        ? "FETCH FIRST \(SQL.bind(.int8(Int64(limit)), name: "top_k")) ROWS WITH TIES"
        : "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "top_k"))",
    ].clauses
  }

  /// Conditions on the distance go around the search, where they cannot keep the index from being used.
  func page(of inner: SQL, limit: Int, sortedBy key: SQL) -> SQL {
    var conditions: [Condition] = []
    if let maximumDistance {
      conditions.append(.atom("\(id: distanceName) <= \(Self.radius(maximumDistance))"))
    }
    if let after, let tieBreak {
      let place: SQL = "(\(id: distanceName), \(id: tieBreak))"
      conditions.append(.atom("\(place) > (\(after.distance), \(after.key))"))
    }
    return [
      "SELECT *",
      "FROM \(inner.asBlock) AS \(id: "hit")",
      conditions.isEmpty ? .empty : "WHERE \(Condition.all(conditions))",
      "ORDER BY \(key)\(tieBreakSQL)",
      "LIMIT \(SQL.bind(.int8(Int64(limit)), name: "page_size"))",
    ].clauses
  }

  /// Every row within a distance; there is no limit for an index to serve.
  func radius(_ spelling: MetricSpelling, _ source: Source) -> SQL {
    let inner = ["SELECT \(selectList(spelling, source))", "FROM \(source.from)", source.filters].clauses
    return [
      "SELECT *",
      "FROM \(inner.asBlock) AS \(id: "hit")",
      "WHERE \(id: distanceName) <= \(Self.radius(maximumDistance ?? 0))",
      "ORDER BY \(id: distanceName)\(tieBreakSQL)",
    ].clauses
  }

  /// The nearest of each value of a column, numbered by a window function.
  func perValue(_ group: Identifier, _ spelling: MetricSpelling, _ source: Source) -> SQL {
    let rank = unusedName("rank")
    let isShown = outputs.contains { $0.name == group }
    let groupName = isShown ? group : unusedName("group")
    let hidden: [SQL] = isShown ? [] : ["\(id: group) AS \(id: groupName)"]
    let window: SQL = "(PARTITION BY \(id: group) ORDER BY \(order(spelling, source))\(tieBreakSQL))"
    let inner = [
      .select([selectList(spelling, source)] + hidden + ["row_number() OVER \(window) AS \(id: rank)"]),
      "FROM \(source.from)",
      source.filters,
    ].clauses
    let names = (outputs.map(\.name) + scores.map(\.name)).map(SQL.identifier).joined(separator: ", ")
    let near: SQL =
      maximumDistance.map { " AND \(id: distanceName) <= \(Self.radius($0))" } ?? .empty
    return [
      "SELECT \(names)",
      "FROM \(inner.asBlock) AS \(id: "hit")",
      "WHERE \(id: rank) <= \(SQL.bind(.int8(Int64(limit ?? 1)), name: "top_k"))\(near)",
      "ORDER BY \(id: groupName), \(id: rank)",
    ].clauses
  }

  /// A name that none of the outputs has.
  private func unusedName(_ wanted: String) -> Identifier {
    let taken = Set((outputs.map(\.name) + scores.map(\.name)).map(\.name))
    var name = wanted
    while taken.contains(name) { name += "_" }
    return Identifier(unchecked: name)
  }
}

extension VectorSearch {
  func order(_ spelling: MetricSpelling, _ source: Source) -> SQL {
    (source.isExact ? spelling.exactOrder : spelling.order)(column.sql, subjectSQL)
  }

  func selectList(_ spelling: MetricSpelling, _ source: Source) -> SQL {
    let distance = source.isExact ? spelling.exactDistance : spelling.distance
    let numbers = scores.map { score -> SQL in
      let expression =
        switch score.kind {
        case .distance: distance(column.sql, subjectSQL)
        case .similarity: spelling.similarity(column.sql, subjectSQL)
        case .function: spelling.function(column.sql, subjectSQL)
        }
      return "\(expression) AS \(id: score.name)"
    }
    return (outputs.map(\.declaration) + numbers).joined(separator: ", ")
  }

  /// The name under which the true distance is shown.
  var distanceName: Identifier {
    scores.first { $0.kind == .distance }?.name ?? scores.first?.name ?? "distance"
  }

  var tieBreakSQL: SQL {
    guard let tieBreak else { return .empty }
    return ", \(id: tieBreak)"
  }

  static func radius(_ distance: Double) -> SQL { .bind(.float8(distance), name: "radius") }

  /// The filters, and what keeps rows without a distance out of the result.
  func whereClause(_ dialect: Dialect) -> SQL {
    var conditions = filters
    if comparesEveryRow || dialect.searchesLeaveOutNull {
      conditions.append(.atom("\(column.sql) IS NOT NULL"))
    }
    switch subject {
    case .vector: break
    case .row: conditions.append(.atom("\(subjectSQL) IS NOT NULL"))
    case .otherThanRow(let key, let value):
      conditions.append(.atom("\(id: key) <> \(SQL.bind(value, name: "id"))"))
      conditions.append(.atom("\(subjectSQL) IS NOT NULL"))
    }
    return conditions.isEmpty ? .empty : "WHERE \(Condition.all(conditions))"
  }

  var subjectSQL: SQL {
    switch subject {
    case .vector(let vector): .vector(vector, as: column.element)
    case .row(let key, let value), .otherThanRow(let key, let value):
      .perDialect { dialect in
        // Citus runs a subquery with OFFSET before the search; any other it takes for a join of tables.
        let alone: SQL = dialect.capabilities.citus ? " OFFSET 0" : .empty
        return
          "(SELECT \(column.sql) FROM \(table: table) WHERE \(id: key) = \(SQL.bind(value, name: "id"))\(alone))"
      }
    }
  }
}

extension VectorSearch.Subject {
  var leavesOutItself: Bool {
    if case .otherThanRow = self { true } else { false }
  }
}
