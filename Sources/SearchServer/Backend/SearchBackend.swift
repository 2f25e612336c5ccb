public import Basics
public import ImageSearch
package import PostgresClient
internal import VectorSQL

/// The table of images behind the page.
///
/// An implementation throws ``BackendError`` for what the person who searches can understand; every other error is
/// logged and answered with a plain 500.
public protocol SearchBackend: Sendable {
  /// Finds the nearest images, none of them farther away than the query's `within`.
  func search(_ query: ImageQuery) async throws -> ImageAnswer
  /// A row of the table; nil when there is no such row.
  func row(id: ImageID) async throws -> ImageRow?
  /// Up to `count` rows to start from, any of the table, or of one class.
  func sample(_ count: Int, class name: String?) async throws -> [ImageRow]
  /// The first `limit` classes, in their order, with their sizes.
  func classes(limit: Int) async throws -> [ImageClass]
  /// The vector to search near for several examples.
  func vector(for examples: ImageExamples) async throws -> [Float]
  /// Returns when the database answers.
  func checkConnection() async throws
}

/// A failure of a backend that the person who searches is told about, in one line.
public struct BackendError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind does not break a switch in other code.
  public struct Code: Sendable, Hashable {
    let name: String

    /// There is no such image in the collection.
    public static let notFound = Code(name: "not_found")
    /// The search asks for something impossible.
    public static let invalidSearch = Code(name: "invalid_search")
    /// The upload is not an image, or a damaged one.
    public static let unreadableImage = Code(name: "unreadable_image")
    /// The image has more pixels or bytes than are allowed.
    public static let imageTooLarge = Code(name: "image_too_large")
    /// The server searches with no upload, because its model does not make vectors like the collection's.
    public static let uploadsRefused = Code(name: "uploads_refused")
    /// The table, a column or the right to read it is missing: whoever runs the server must look.
    public static let collectionUnreadable = Code(name: "collection_unreadable")
    /// The database, or something else that is needed, does not answer now.
    public static let unavailable = Code(name: "unavailable")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, and what to do.
  public let description: String

  /// An error with its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// The table of images, as the page asks for it.
package struct DatabaseBackend: SearchBackend {
  let searcher: ImageSearcher
  /// Whether errors name neither the table nor its columns.
  let hidesNames: Bool

  package init(searcher: ImageSearcher, hidesNames: Bool = false) {
    self.searcher = searcher
    self.hidesNames = hidesNames
  }

  package func search(_ query: ImageQuery) async throws -> ImageAnswer {
    try await translated { try await searcher.search(query) }
  }

  package func row(id: ImageID) async throws -> ImageRow? {
    do {
      return try await translated { try await searcher.row(id: id) }
    } catch let error as BackendError where error.code == .notFound {
      return nil
    }
  }

  package func sample(_ count: Int, class name: String?) async throws -> [ImageRow] {
    try await translated { try await searcher.sample(count, class: name) }
  }

  package func classes(limit: Int) async throws -> [ImageClass] {
    try await translated { try await searcher.classes(limit: limit) }
  }

  package func vector(for examples: ImageExamples) async throws -> [Float] {
    try await translated { try await searcher.vector(for: examples) }
  }

  package func checkConnection() async throws {
    try await translated { try await searcher.checkConnection() }
  }

  /// Errors as the person who searches may read them; the server's own stay in the log.
  func translated<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as PostgresError where error.isForNow {
      throw BackendError(
        .unavailable,
        error.sqlState == "57014"
          ? "the search took longer than this server allows; ask for fewer images, or by the index"
          : "the database does not answer; it is tried again with the next search"
      )
    } catch let error as PostgresError where error.isOfTheSchema {
      throw BackendError(
        .collectionUnreadable,
        hidesNames
          ? "the collection cannot be read; tell whoever runs this page"
          : "the table cannot be read: \(error.message). Whoever runs this page finds the cause with: adbvec doctor"
      )
    } catch let error as ImageSearchError where error.code == .noSuchID {
      throw BackendError(.notFound, hidesNames ? "the collection has no such image" : error.description)
    } catch let error as ImageSearchError where error.code == .noVector {
      let plain = "this image has no distance to any other; choose another one"
      throw BackendError(.invalidSearch, hidesNames ? plain : error.description)
    } catch let error as ImageSearchError where error.code == .badRequest {
      let plain = "the collection cannot be searched like that; choose another class or fewer images"
      throw BackendError(.invalidSearch, hidesNames ? plain : error.description)
    } catch let error as RenderingError {
      throw BackendError(.invalidSearch, "\(error)")
    }
  }
}

/// The page's connections: a bounded pool, asked patiently, but never for longer than a limit.
package struct SearchConnections: ConnectionSource {
  private let pool: ConnectionPool
  private let limit: Duration
  private let lent = ConnectionWatchdog()
  private let watching: Task<Void, Never>

  /// - Parameters:
  ///   - maximum: The most connections at once.
  ///   - limit: The longest that a statement may take.
  package init(_ settings: ConnectionSettings, maximum: Int, limit: Duration) {
    var options = PoolOptions()
    options.maximum = maximum
    options.acquireTimeout = .seconds(10)
    self.limit = limit
    watching = Task { [lent] in await lent.watch() }
    let milliseconds = Int(limit / .milliseconds(1))
    pool = ConnectionPool(settings, options: options) { connection in
      try await connection.run(trusted: "SET statement_timeout = \(milliseconds)")
    }
  }

  /// Runs `body` with a connection of its own.
  ///
  /// A connection that breaks meanwhile, as all do when the server restarts, is not a failure yet: `body` then runs once
  /// more with another one. Everything that the page asks only reads, so that asking twice does no harm.
  package func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    let clock = ContinuousClock()
    let start = clock.now
    do {
      return try await lend(body)
    } catch let error as PostgresError where error.isBroken && clock.now - start < limit {
      return try await lend(body)
    }
  }

  /// The server ends a statement at the limit by itself; one that fell silent is left a moment later.
  private func lend<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    try await pool.withConnection { connection in
      lent.add(connection, until: .now + limit + .seconds(1))
      defer { lent.remove(connection) }
      return try await body(connection)
    }
  }

  /// Closes the connections.
  package func close() async {
    watching.cancel()
    await pool.close()
  }
}

extension PostgresError {
  /// Whether a connection that worked has ended.
  fileprivate var isBroken: Bool { isConnectionProblem && code != .connectionFailed }

  /// Whether the server is gone, stopping, starting, full or too slow, so that another attempt later may succeed.
  var isForNow: Bool {
    isConnectionProblem || code == .poolExhausted || ["53300", "57014"].contains(sqlState)
  }

  /// Whether a table, a column, a schema, an operator, a type or the right to them is missing, so that every search fails.
  fileprivate var isOfTheSchema: Bool {
    ["42P01", "42703", "3F000", "42883", "42704", "42501"].contains(sqlState)
  }
}

/// Knows which connections are lent until when, and breaks those that are overdue: their server fell silent.
///
/// One task looks after all of them; a timer a search would outlive the search by its whole limit.
final class ConnectionWatchdog: Sendable {
  private let lent = StateLock<
    [ObjectIdentifier: (connection: PostgresConnection, until: ContinuousClock.Instant)]
  >([:])

  func add(_ connection: PostgresConnection, until: ContinuousClock.Instant) {
    lent.withLock { $0[ObjectIdentifier(connection)] = (connection, until) }
  }

  func remove(_ connection: PostgresConnection) {
    lent.withLock { $0[ObjectIdentifier(connection)] = nil }
  }

  /// Looks every half second, until the task is cancelled.
  func watch() async {
    while (try? await Task.sleep(for: .milliseconds(500))) != nil {
      let overdue = lent.withLock { lent in lent.values.filter { $0.until < .now }.map(\.connection) }
      for connection in overdue { connection.abandon() }
    }
  }
}
