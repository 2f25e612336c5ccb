import CommandSupport
import ImageSearch
import PostgresClient
import VectorSQL

/// The page's connections: a bounded pool, asked patiently, but never for longer than a limit.
struct SearchConnections: ConnectionSource {
  private let pool: ConnectionPool
  private let limit: Duration
  private let lent = LentConnections()
  private let watching: Task<Void, Never>

  /// - Parameters:
  ///   - maximum: The most connections at once.
  ///   - limit: The longest that a statement may take.
  init(_ settings: ConnectionSettings, maximum: Int, limit: Duration) {
    var options = PoolOptions()
    options.maximum = maximum
    options.acquireTimeout = .seconds(10)
    self.limit = limit
    watching = Task { [lent] in await lent.watch() }
    let milliseconds = Int(limit / .milliseconds(1))
    pool = ConnectionPool(settings, options: options) { connection in
      try await connection.run("SET statement_timeout = \(milliseconds)")
    }
  }

  /// Runs `body` with a connection of its own.
  ///
  /// A connection that breaks meanwhile, as all do when the server restarts, is no failure yet: `body` then runs once
  /// more with another one. Everything that the page asks only reads, so that asking twice does no harm.
  func withConnection<Value: Sendable>(
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
  func close() async {
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
}
