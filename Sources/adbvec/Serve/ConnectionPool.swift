import ImageSearch
import PostgresClient
import Synchronization

/// Keeps connections open between requests, and replaces those that broke.
final class ConnectionPool: ConnectionSource {
  private let settings: ConnectionSettings
  private let maximumIdle: Int
  private let idle = Mutex<[PostgresConnection]>([])

  init(_ settings: ConnectionSettings, maximumIdle: Int) {
    self.settings = settings
    self.maximumIdle = maximumIdle
  }

  /// Runs `body` with a connection of its own.
  ///
  /// A connection that broke while it lay idle, as all do when the server restarts, is no failure: `body` then runs
  /// once more with a new one. Everything that the page asks only reads, so that asking twice does no harm.
  func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    if let kept = idle.withLock({ $0.popLast() }) {
      do {
        return try await lend(kept, body)
      } catch let error as PostgresError where error.isGone {
        await drain()
      }
    }
    return try await lend(try await PostgresConnection.connect(settings), body)
  }

  private func lend<Value: Sendable>(
    _ connection: PostgresConnection,
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    do {
      let value = try await body(connection)
      await giveBack(connection)
      return value
    } catch let error as PostgresError where error.isGone {
      await connection.close()
      throw error
    } catch {
      await giveBack(connection)
      throw error
    }
  }

  private func giveBack(_ connection: PostgresConnection) async {
    let isClean = await connection.transactionStatus == .idle
    let isKept = idle.withLock { idle in
      guard isClean, idle.count < maximumIdle else { return false }
      idle.append(connection)
      return true
    }
    if !isKept { await connection.close() }
  }

  /// Closes every idle connection.
  func drain() async {
    let connections = idle.withLock { idle in
      defer { idle = [] }
      return idle
    }
    for connection in connections { await connection.close() }
  }
}

extension PostgresError {
  /// Whether the server is gone, stopping or starting, so that another attempt later may succeed.
  var isGone: Bool {
    isConnectionProblem || ["57P01", "57P02", "57P03", "53300"].contains(sqlState)
  }
}
