public import VectorSQL

/// What a search found, and how.
public struct SearchRows: Sendable {
  /// The rows.
  public let rows: RowSet
  /// How the rows were found.
  public let source: Source

  /// How rows were found.
  public enum Source: Sendable, Hashable {
    /// By the query as it was sent.
    case query
    /// By comparing with every row, because the index gave fewer rows than asked for.
    case everyRow(byIndex: Int)
    /// By the index alone, which gave fewer rows than asked for; comparing with every row took longer than the server
    /// allows, so that rows may be missing.
    case incomplete
  }
}

extension PostgresConnection {
  /// Runs a search with its settings, and completes an answer that is shorter than asked for by comparing with every
  /// row: an approximate index may give up before it has found all rows that match.
  ///
  /// - Throws: `PostgresError`; `RenderingError`, as the search's `completion` does; `CancellationError`. Running out of time
  ///   while an answer is completed is not an error; ``SearchRows/source`` says so.
  public func search(_ search: RenderedSearch, prepared: Bool = false) async throws -> SearchRows {
    let found = try await query(search.query, prepared: prepared)
    guard search.mayBeShort(found.count), let completion = try search.completion else {
      return SearchRows(rows: found, source: .query)
    }
    do {
      let all = try await query(completion, prepared: prepared)
      // Nothing is gained where the index had found all there is.
      guard all.count > found.count else { return SearchRows(rows: found, source: .query) }
      return SearchRows(rows: all, source: .everyRow(byIndex: found.count))
    } catch let error as PostgresError where error.sqlState == "57014" && transactionStatus == .idle {
      try Task.checkCancellation()
      return SearchRows(rows: found, source: .incomplete)
    }
  }

  /// Runs a search as ``search(_:prepared:)`` does, for a caller that takes a complete answer only.
  /// - Throws: `PostgresError`, also with SQLSTATE 57014 when the answer could not be completed in time;
  ///   `RenderingError`; `CancellationError`.
  public func query(_ search: RenderedSearch, prepared: Bool = false) async throws -> RowSet {
    let found = try await query(search.query, prepared: prepared)
    guard search.mayBeShort(found.count), let completion = try search.completion else { return found }
    let all = try await query(completion, prepared: prepared)
    return all.count > found.count ? all : found
  }

  /// Runs a statement with its settings in a transaction of its own; nested in another, that gets its settings back.
  func queryWithSettings(_ statement: Statement, prepared: Bool) async throws -> RowSet {
    let parameters = ParameterList(statement.binds)
    return try await transaction { connection in
      try await connection.run(trusted: statement.settings.joined(separator: "; "))
      return try await connection.query(trusted: statement.text, parameters: parameters, prepared: prepared)
    }
  }

  /// Runs a typed search; the types of the rows follow from its `select`.
  ///
  ///     let hits = try await connection.fetch(search, for: .pgvector)
  ///     for hit in hits { print(hit.row.0, hit.row.1, hit.distance) }
  ///
  /// - Returns: the rows, nearest first, each with the first of the search's scores; as many as the search asked for
  ///   where that many match.
  /// - Throws: `RenderingError` before anything is sent; `PostgresError`, with code `decoding` when a column holds
  ///   another type than the table's declaration says.
  public func fetch<T: Table, each Value: SQLEncodable & PostgresDecodable>(
    _ search: NearestSearch<T, repeat each Value>,
    for dialect: Dialect
  ) async throws -> [Hit<repeat each Value>] {
    try await query(try search.rendered(for: dialect), prepared: true).map { try $0.hit() }
  }

  /// Runs a typed search and makes a value of each row, such as a struct by its initializer; the distance comes first.
  ///
  ///     struct Match { let distance: Double, id: Int64 }
  ///     let matches = try await connection.fetch(search, for: .pgvector, as: Match.init)
  ///
  /// - Throws: as `fetch(_:for:)`.
  public func fetch<T: Table, Made, each Value: SQLEncodable & PostgresDecodable>(
    _ search: NearestSearch<T, repeat each Value>,
    for dialect: Dialect,
    as make: (Double, repeat each Value) -> Made
  ) async throws -> [Made] {
    try await query(try search.rendered(for: dialect), prepared: true).map { row in
      let (values, distance): ((repeat each Value), Double) = try row.valuesAndScore()
      return make(distance, repeat each values)
    }
  }

  /// Runs a typed search by words and by a vector.
  /// - Returns: the rows, best first, each with its score in `Hit/distance`.
  /// - Throws: as `fetch(_:for:as:)`.
  public func fetch<each Value: SQLEncodable & PostgresDecodable>(
    _ search: FusedSearch<repeat each Value>,
    for dialect: Dialect
  ) async throws -> [Hit<repeat each Value>] {
    try await query(try search.rendered(for: dialect), prepared: true).map { try $0.hit() }
  }

  /// Runs a typed query; the types of the rows follow from its columns.
  ///
  ///     let rows = try await connection.fetch(query, for: .pgvector)
  ///     for (id, price) in rows { print(id, price) }
  ///
  /// - Throws: as `fetch(_:for:as:)`.
  public func fetch<References, each Value: SQLEncodable & PostgresDecodable>(
    _ query: Query<References, repeat each Value>,
    for dialect: Dialect
  ) async throws -> [(repeat each Value)] {
    try await self.query(try query.rendered(for: dialect), prepared: true).map { try $0.values() }
  }

  /// Runs a typed query and makes a value of each row, such as a struct by its initializer.
  ///
  ///     struct Offer { let id: Int64, price: Double }
  ///     let offers = try await connection.fetch(query, for: .pgvector, as: Offer.init)
  ///
  /// - Throws: `RenderingError` before anything is sent; `PostgresError`, with code `decoding` when a column holds
  ///   another type than the table's declaration says.
  public func fetch<References, Made, each Value: SQLEncodable & PostgresDecodable>(
    _ query: Query<References, repeat each Value>,
    for dialect: Dialect,
    as make: (repeat each Value) -> Made
  ) async throws -> [Made] {
    try await fetch(query, for: dialect).map { (value: (repeat each Value)) in make(repeat each value) }
  }

  /// Runs an insertion, update or removal that shows columns of the rows it changed.
  /// - Throws: as `fetch(_:for:as:)`.
  public func fetch<each Value: SQLEncodable & PostgresDecodable>(
    _ statement: ReturningStatement<repeat each Value>,
    for dialect: Dialect
  ) async throws -> [(repeat each Value)] {
    try await query(try statement.rendered(for: dialect), prepared: true).map { try $0.values() }
  }

  /// Runs an insertion, update or removal, and makes a value of each row that it shows.
  /// - Throws: as ``fetch(_:for:as:)``.
  public func fetch<Made, each Value: SQLEncodable & PostgresDecodable>(
    _ statement: ReturningStatement<repeat each Value>,
    for dialect: Dialect,
    as make: (repeat each Value) -> Made
  ) async throws -> [Made] {
    try await fetch(statement, for: dialect).map { (value: (repeat each Value)) in make(repeat each value) }
  }
}

extension Row {
  /// The row's first columns, in order, by their types.
  fileprivate func values<each Value: PostgresDecodable>() throws -> (repeat each Value) {
    var column = 0
    func next<Next: PostgresDecodable>(_ type: Next.Type) throws -> Next {
      defer { column += 1 }
      return try value(at: column, as: type)
    }
    return (repeat try next((each Value).self))
  }

  /// The selected columns, and the score behind them.
  fileprivate func valuesAndScore<each Value: PostgresDecodable>() throws -> ((repeat each Value), Double) {
    var columns = 0
    for _ in repeat (each Value).self { columns += 1 }
    return (try values(), try value(at: columns, as: Double.self))
  }

  fileprivate func hit<each Value: PostgresDecodable>() throws -> Hit<repeat each Value> {
    let (values, distance): ((repeat each Value), Double) = try valuesAndScore()
    return Hit(row: (repeat each values), distance: distance)
  }
}
