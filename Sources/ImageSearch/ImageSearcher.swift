public import Basics
public import PostgresClient
internal import VectorSQL

/// Lends connections: one for a command, a pool for a server.
public protocol ConnectionSource: Sendable {
  /// Runs `body` with a connection that nobody else uses meanwhile.
  func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value
}

extension PostgresConnection: ConnectionSource {
  /// Runs `body` with this connection.
  public nonisolated func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    try await body(self)
  }
}

/// Searches a table of images on a server.
public struct ImageSearcher: Sendable {
  /// The table, as it was read from the server.
  public let table: ImageTable
  package let connections: any ConnectionSource

  /// A searcher over connections, for a table that was read from one of them.
  public init(table: ImageTable, connections: any ConnectionSource) {
    self.table = table
    self.connections = connections
  }

  /// Finds the nearest rows; as many as asked for, where that many match.
  /// - Throws: `ImageSearchError`, `RenderingError` (another dimension, a setting out of range), `PostgresError`.
  public func search(_ query: ImageQuery) async throws -> ImageAnswer {
    let query = try await withVector(query)
    let search = try table.search(query)
    let rendered = try search.rendered(for: table.dialect)
    let clock = ContinuousClock()
    let start = clock.now
    let found = try await refusing(query.options.class) {
      try await connections.withConnection { try await $0.search(rendered, prepared: true) }
    }
    let elapsed = clock.now - start
    let all = try found.rows.compactMap { try hit($0) }
    let undefined = found.rows.count - all.count
    let hits =
      query.options.after.map { place in Array(all.filter(place.precedes).prefix(query.options.topK)) } ?? all
    if hits.isEmpty, query.options.after == nil, case .id(let id) = query.subject {
      try await explainEmpty(id, undefined)
    }
    return ImageAnswer(
      hits: hits,
      sql: try search.script(.psql, for: table.dialect).text,
      databaseMilliseconds: elapsed / .milliseconds(1),
      isComplete: found.source != .incomplete,
      notices: notices(found, wanted: query.options.topK, undefined: undefined),
      next: hits.count == query.options.topK ? ImageCursor(after: hits, from: query.options.after) : nil
    ).within(query.options.within)
  }

  /// The query with the vector of a row in the row's place where distances are subqueries: Greenplum runs one that looks
  /// through an array on its segments, and looks up no row from there.
  private func withVector(_ query: ImageQuery) async throws -> ImageQuery {
    guard table.dialect.comparesElements, case .id(let id) = query.subject else { return query }
    var query = query
    query.subject = .vector(try await vector(for: ImageExamples(like: [id])))
    if !query.includesSubject { query.excluded.append(id) }
    return query
  }

  /// The row of a result; nil for one without a distance, whose vector is zero under a metric that needs a direction.
  package func hit(_ row: Row) throws -> ImageHit? {
    guard let distance = try row.value(at: row.count - 1, as: Double?.self), !distance.isNaN else {
      return nil
    }
    let image = try imageRow(row)
    return ImageHit(id: image.id, class: image.class, distance: distance, source: image.source)
  }

  /// The id, class and source that the outputs of ``ImageTable`` begin with.
  private func imageRow(_ row: Row) throws -> ImageRow {
    let source = table.classType == nil ? 1 : 2
    return ImageRow(
      id: try id(row),
      class: table.classType == nil ? nil : try row.value(at: 1, as: String?.self),
      source: table.hasSource ? try row.value(at: source, as: String?.self) : nil
    )
  }

  private func id(_ row: Row) throws -> ImageID {
    if let number = try? row.value(at: 0, as: Int.self) { return ImageID(Int64(number)) }
    return ImageID(try row.value(at: 0, as: String.self))
  }

  private func notices(_ found: SearchRows, wanted: Int, undefined: Int) -> [String] {
    var notices: [String] = []
    switch found.source {
    case .query: break
    case .everyRow(let byIndex):
      notices.append(
        "the index gave \(byIndex) of \(wanted) rows; every row was compared to find the others"
      )
    case .incomplete:
      notices.append(
        "the index gave \(found.rows.count) of \(wanted) rows, and comparing every row took longer than the server "
          + "allows: rows that match may be missing"
      )
    }
    if undefined > 0 {
      notices.append(
        "\(undefined) \(undefined == 1 ? "row has" : "rows have") no \(table.metric.title), such as zero vectors; "
          + "left out"
      )
    }
    return notices
  }

  /// Whether the table has no row at all.
  package func isEmpty() async throws -> Bool {
    let sql: SQL = "SELECT 1 FROM \(table: table.name) LIMIT 1"
    let statement = try sql.rendered(for: table.dialect)
    return try await connections.withConnection { try await $0.query(statement).isEmpty }
  }

  /// Says why a search near a row found nothing.
  /// - Throws: `ImageSearchError`; nothing when there was nothing to find.
  private func explainEmpty(_ id: ImageID, _ undefined: Int) async throws {
    let sql: SQL = """
      SELECT \(id: table.vectorColumn) IS NOT NULL FROM \(table: table.name) \
      WHERE \(id: table.idColumn) = \(.bind(try table.value(of: id)))
      """
    let statement = try sql.rendered(for: table.dialect)
    let row = try await connections.withConnection { try await $0.query(statement, prepared: true).first }
    guard let hasVector = try row?.value(at: 0, as: Bool.self) else {
      guard try await isEmpty() else { throw table.noRow(id) }
      throw ImageSearchError(
        code: .noSuchID,
        description:
          "\(table.noRow(id).description): the table has no rows yet. Fix: adbvec embed-load FOLDER"
      )
    }
    guard hasVector else {
      throw ImageSearchError(
        code: .noVector,
        description: "the row \(id) of \(table.name.display) has no vector (NULL), so nothing is near to it. "
          + "Fix: choose another id"
      )
    }
    guard undefined > 0 else { return }
    throw ImageSearchError(
      code: .noVector,
      description:
        "the vector of row \(id) of \(table.name.display) has no \(table.metric.title) to any other, as "
        + "zero vectors have none. Fix: choose another id, or the metric l2"
    )
  }

  /// A class that the column's type cannot hold is a mistake of whoever asks.
  private func refusing<Value: Sendable>(
    _ name: String?,
    _ body: () async throws -> Value
  ) async throws -> Value {
    do {
      return try await body()
    } catch let error as PostgresError
      where name != nil && ["22P02", "22003", "22007"].contains(error.sqlState)
    {
      throw ImageSearchError(
        code: .badRequest,
        description:
          "the class \"\(name ?? "")\" is not a value of the column \(table.classColumn.quoted), whose type "
          + "is \(table.classType ?? "unknown")"
      )
    }
  }
}

extension ImageSearcher {
  /// A row without its vector; nil when there is no such row.
  public func row(id: ImageID) async throws -> ImageRow? {
    try await rows("\(id: table.idColumn) = \(.bind(try table.value(of: id)))", limit: 1).first
  }

  /// The vector to search near for examples of what is wanted and what is not.
  /// - Throws: `ImageSearchError` with code `badRequest` (no image is liked, or there are too many), `noSuchID` or `noVector`;
  ///   `PostgresError`.
  public func vector(for examples: ImageExamples) async throws -> [Float] {
    let ids = Set(examples.like + examples.unlike)
    guard !examples.like.isEmpty || !examples.vectors.isEmpty, ids.count <= 100 else {
      throw ImageSearchError(
        code: .badRequest,
        description: "a search by examples takes 1…100 images, and at least one to be near to"
      )
    }
    let values = try ids.sorted().map { SQL.bind(try table.value(of: $0)) }
    var known: [ImageID: [Float]] = [:]
    if !values.isEmpty {
      let sql: SQL = """
        SELECT \(table.idOutput.declaration), \(id: table.vectorColumn) FROM \(table: table.name) \
        WHERE \(id: table.idColumn) IN (\(values.joined(separator: ", "))) AND \(id: table.vectorColumn) IS NOT NULL
        """
      let statement = try sql.rendered(for: table.dialect)
      let rows = try await connections.withConnection { try await $0.query(statement) }
      for row in rows { known[try id(row)] = try row.value(at: 1, as: [Float].self) }
    }
    func vectors(_ ids: [ImageID]) throws -> [[Float]] {
      try ids.map { id in
        guard let vector = known[id] else {
          throw ImageSearchError(
            code: .noSuchID,
            description: "no row of \(table.name.display) has the id \(id) and a vector"
          )
        }
        return vector
      }
    }
    let like = try vectors(examples.like) + examples.vectors
    let unlike = try vectors(examples.unlike)
    guard Set((like + unlike).map(\.count)).count == 1 else {
      throw ImageSearchError(code: .badRequest, description: "the examples' vectors have different lengths")
    }
    return ImageExamples.combined(like: like, unlike: unlike, normalises: table.metric == .cosine)
  }

  /// The first classes of the table, in their order, with their sizes.
  public func classes(limit: Int = 10_000) async throws -> [ImageClass] {
    guard table.classType != nil else { return [] }
    let name: SQL = "CAST(\(id: table.classColumn) AS text)"
    let sql: SQL = """
      SELECT \(name), count(*) FROM \(table: table.name) WHERE \(id: table.classColumn) IS NOT NULL GROUP BY 1 \
      ORDER BY 1 LIMIT \(Int64(limit))
      """
    let statement = try sql.rendered(for: table.dialect)
    return try await connections.withConnection { connection in
      try await connection.query(statement).map { row in
        let (name, count) = try row.decode(String.self, Int64.self)
        return ImageClass(name: name, count: Int(count))
      }
    }
  }

  /// Returns when the database answers.
  public func checkConnection() async throws {
    _ = try await connections.withConnection { try await $0.query(Statement("SELECT 1")).count }
  }

  /// Rows to look at first: of one class, the first ones; of all, some that lie evenly between the smallest and the
  /// largest id, each found through the primary key. Ids that are not integers are taken in their order.
  public func sample(_ count: Int, class name: String?) async throws -> [ImageRow] {
    if let name {
      return try await refusing(name) { try await rows(try table.isOfClass(name).sql, limit: count) }
    }
    guard ["bigint", "integer", "smallint"].contains(ColumnType(table.idType).name) else {
      return try await rows("TRUE", limit: count)
    }
    if table.dialect.capabilities.lateral { return try await rows(of: spread(count)) }
    guard let bounds = try await idBounds() else { return [] }
    var found: [ImageRow] = []
    for number in Self.spread(count, over: bounds) {
      let wanted = ImageID(number)
      if let last = found.last, last.id >= wanted { continue }
      found += try await rows("\(id: table.idColumn) >= \(.bind(try table.value(of: wanted)))", limit: 1)
    }
    return found
  }

  /// The rows of ``sample(_:class:)`` in one statement, for servers whose planner can use an index under a lateral join.
  private func spread(_ count: Int) -> SQL {
    // Names that no column of the table has: inside the lateral query, its columns come first.
    let (bounds, step, key): (Identifier, Identifier, Identifier) = (
      "adbvec_bounds", "adbvec_step", table.idColumn
    )
    let span: SQL = "(\(id: bounds).\(id: "high") - \(id: bounds).\(id: "low"))"
    return """
      SELECT DISTINCT \(id: "adbvec_hit").* FROM (SELECT CAST(min(\(id: key)) AS numeric) AS \(id: "low"), \
      CAST(max(\(id: key)) AS numeric) AS \(id: "high") FROM \(table: table.name)) AS \(id: bounds) \
      CROSS JOIN generate_series(0, \(Int64(count - 1))) AS \(id: step) (\(id: "number")) \
      CROSS JOIN LATERAL (SELECT \(imageOutputs) FROM \(table: table.name) \
      WHERE \(id: key) >= CAST(floor(\(id: bounds).\(id: "low") + \(span) * \(id: step).\(id: "number") / \(Int64(count))) AS bigint) \
      ORDER BY \(id: key) LIMIT 1) AS \(id: "adbvec_hit") ORDER BY 1
      """
  }

  /// `count` numbers that lie evenly in a range, which may be wider than `Int64.max`.
  static func spread(_ count: Int, over range: ClosedRange<Int64>) -> [Int64] {
    let span = UInt64(bitPattern: range.upperBound &- range.lowerBound)
    return (0..<max(0, count)).map { step in
      let (high, low) = span.multipliedFullWidth(by: UInt64(step))
      // The quotient fits: a step is smaller than the count.
      return range.lowerBound &+ Int64(bitPattern: UInt64(count).dividingFullWidth((high, low)).quotient)
    }
  }

  private var imageOutputs: SQL {
    [table.idOutput, table.classOutput, table.sourceOutput].compactMap { $0?.declaration }.joined(
      separator: ", "
    )
  }

  private func rows(_ condition: SQL, limit: Int) async throws -> [ImageRow] {
    try await rows(
      of: """
        SELECT \(imageOutputs) FROM \(table: table.name) \
        WHERE \(condition) ORDER BY \(id: table.idColumn) LIMIT \(Int64(limit))
        """
    )
  }

  private func rows(of sql: SQL) async throws -> [ImageRow] {
    let statement = try sql.rendered(for: table.dialect)
    return try await connections.withConnection { connection in
      try await connection.query(statement, prepared: true).map { try imageRow($0) }
    }
  }

  /// nil for an empty table.
  private func idBounds() async throws -> ClosedRange<Int64>? {
    let sql: SQL = """
      SELECT min(\(id: table.idColumn))::bigint, max(\(id: table.idColumn))::bigint FROM \(table: table.name)
      """
    let statement = try sql.rendered(for: table.dialect)
    let row = try await connections.withConnection { try await $0.query(statement, prepared: true).first }
    guard let row, let low = try row.value(at: 0, as: Int64?.self),
      let high = try row.value(at: 1, as: Int64?.self)
    else { return nil }
    return low...high
  }
}
