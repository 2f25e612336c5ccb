internal import PostgresClient

/// A connection with what a run needs to know of it.
struct MigrationSession: Sendable {
  let connection: PostgresConnection
  /// How to open the connection that follows index builds.
  let monitor: ConnectionSettings?
  let history: HistoryTable
  let options: MigratorOptions
  let emit: @Sendable (MigrationEvent) -> Void

  /// What the server says before anything is done.
  struct State: Sendable {
    var records: [HistoryRecord]
    var hasTable: Bool
    /// Whether something between here and the server deals out its sessions.
    var isPooled: Bool
  }

  /// Makes the history table where it is missing, and reads it, in one round trip.
  func createdState() async throws -> State {
    do {
      return try state(try await connection.run("\(history.createAlone);\n\(reading)").suffix(2))
    } catch {
      if await connection.transactionStatus != .idle { _ = await shielded("ROLLBACK") }
      throw error
    }
  }

  private var reading: String { "SELECT pg_backend_pid();\n\(history.select)" }

  private func state(_ results: ArraySlice<CommandResult>) throws -> State {
    guard results.count == 2, let identity = results.first, let rows = results.last else {
      throw Self.unexpected
    }
    return State(records: try history.records(rows), hasTable: true, isPooled: isPooled(identity))
  }

  /// Reads the history in one round trip; never writes.
  func readState() async throws -> State {
    do {
      return try state(try await connection.run(reading)[...])
    } catch let error as PostgresError where error.sqlState == "42P01" {
      let results = try await connection.run("SELECT pg_backend_pid()")
      return State(records: [], hasTable: false, isPooled: results.first.map(isPooled) ?? false)
    } catch let error as PostgresError where error.sqlState == "42703" {
      throw MigrationError(
        .drift,
        "the table \(history.sqlName) does not have the columns of a history of migrations",
        hint: "was it made by another tool? name another with the history-table setting",
        sqlState: "42703"
      )
    }
  }

  /// A pooler answers with a process id of its own when the connection is made.
  private func isPooled(_ result: CommandResult) -> Bool {
    result.rows.first?.first.flatMap { $0.flatMap { Int32($0) } } != connection.backendPID
  }

  /// Runs statements whose failure changes nothing for the run, also after the task was cancelled.
  func shielded(_ script: String) async -> (any Error)? {
    await Task.detached {
      do {
        try await connection.run(script)
        return nil
      } catch {
        return error as any Error
      }
    }.value
  }

  static let unexpected = PostgresError(
    code: .unexpectedResult,
    message: "the server gave another number of results"
  )
}
