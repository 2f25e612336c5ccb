internal import PostgresClient
internal import SQLLexer

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
      return try state(try await connection.run(trusted: "\(history.createAlone);\n\(reading)").suffix(2))
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
      return try state(try await connection.run(trusted: reading)[...])
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
        try await connection.run(trusted: script)
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

extension MigrationSession {
  /// Carries out one migration.
  /// - Throws: `MigrationError` with code `statementFailed`, `PostgresError` when the connection is gone,
  ///   `CancellationError`. The failure is recorded in the history before it is thrown.
  func carryOut(
    _ step: PlannedStep,
    at place: RunPlace,
    lockByTransaction: Bool
  ) async throws -> CarriedOut {
    let statements = step.section.script.statements
    emit(
      .started(
        step.id,
        name: step.migration.migration.name,
        direction: step.direction,
        statements: statements.count,
        resumingAt: step.statementsDone
      )
    )
    let begin = ContinuousClock.now
    do {
      let script = RunScript(
        step: step,
        history: history,
        defaultLockTimeout: options.lockTimeout,
        opensTransaction: !lockByTransaction,
        place: place
      )
      for unit in script.units { try await run(unit, of: step, lockByTransaction: lockByTransaction) }
    } catch is AlreadyApplied {
      return CarriedOut(milliseconds: 0, statements: 0, wasApplied: true)
    } catch {
      let failure = await leave(step, after: error)
      if let known = failure as? MigrationError { emit(.failed(step.id, known)) }
      throw failure
    }
    let milliseconds = Int((ContinuousClock.now - begin) / .milliseconds(1))
    emit(
      .finished(
        step.id,
        name: step.migration.migration.name,
        direction: step.direction,
        milliseconds: milliseconds
      )
    )
    return CarriedOut(
      milliseconds: milliseconds,
      statements: statements.count - step.statementsDone,
      wasApplied: false
    )
  }

  struct CarriedOut: Sendable {
    var milliseconds: Int
    var statements: Int
    /// Another run was faster.
    var wasApplied: Bool
  }

  /// Another run did it while this one waited for the transaction's lock.
  private struct AlreadyApplied: Error {}

  private func run(_ unit: RunUnit, of step: PlannedStep, lockByTransaction: Bool) async throws {
    var attempt = 1
    while true {
      do {
        if lockByTransaction {
          try await beginWithLock()
          try await leaveIfDone(step)
        }
        for group in groups(unit.messages, of: step) { try await send(group, of: step) }
        return
      } catch let error as StatementFailure where error.isWorthRetrying && attempt < options.attempts {
        // One that stands alone may be repeated as well: the server undid what it had done of it.
        if await connection.transactionStatus != .idle { _ = await shielded("ROLLBACK") }
        let pause = (options.backOff << (attempt - 1)) * Int.random(in: 75...125) / 100
        emit(
          .retrying(
            step.id,
            attempt: attempt + 1,
            afterMilliseconds: pause,
            reason: error.cause.message
          )
        )
        try await Task.sleep(for: .milliseconds(pause))
        attempt += 1
      }
    }
  }

  private func leaveIfDone(_ step: PlannedStep) async throws {
    guard try await readState().hasTable else { return }
    let state = try await connection.run(
      trusted: "SELECT state FROM \(history.sqlName) WHERE version = \(ParameterValue.quote(step.id.key))"
    )
    let isApplied = state.first?.rows.first?.first == "applied"
    guard isApplied == (step.direction == .up), !(isApplied && step.record?.state == .applied) else { return }
    try await connection.run("ROLLBACK")
    throw AlreadyApplied()
  }
}

/// A statement that the server refused.
struct StatementFailure: Error {
  let cause: PostgresError
  /// Nil for bookkeeping.
  let statement: SQLStatement?

  /// A lock not to be had in time (55P03), or a deadlock (40P01): the same may succeed a moment later.
  var isWorthRetrying: Bool { cause.sqlState == "55P03" || cause.sqlState == "40P01" }
}

extension MigrationSession {
  /// Puts the session in order after a failure, records it, and returns what to throw.
  func leave(_ step: PlannedStep, after error: any Error) async -> any Error {
    let failure = describe(error, in: step)
    if let lost = (error as? StatementFailure)?.cause, lost.isConnectionProblem { return failure }
    if await connection.transactionStatus != .idle { _ = await shielded("ROLLBACK") }
    let text: String
    switch failure {
    case let known as MigrationError: text = Self.record(known)
    case is CancellationError: text = "cancelled"
    default: text = "\(failure)"
    }
    if let problem = await shielded(recording(step, text)) {
      emit(.warning("the failure could not be written to the history: \(problem)"))
    }
    return failure
  }

  private func recording(_ step: PlannedStep, _ text: String) -> String {
    if step.direction == .down || !step.section.options.transaction {
      return history.fail(step.id, error: text)
    }
    let kind: HistoryRecord.Kind = if case .repeatable = step.id { .repeatable } else { .versioned }
    // An applied repeatable keeps its row: the database still holds what that row tells.
    if step.record?.state == .applied { return history.fail(step.id, error: text) }
    let insert = history.insert(
      step.migration,
      kind: kind,
      state: .failed,
      total: step.section.script.statements.count,
      error: text
    )
    return ["BEGIN", history.clear(step.id), insert, "COMMIT"].joined(separator: ";\n")
  }

  /// Place, SQLSTATE and the server's first line: no detail, which may quote rows.
  private static func record(_ error: MigrationError) -> String {
    [error.location.map { "\($0):" }, error.sqlState.map { "[\($0)]" }, error.message]
      .compactMap(\.self).joined(separator: " ")
  }

  private func describe(_ error: any Error, in step: PlannedStep) -> any Error {
    guard let failure = error as? StatementFailure else { return error }
    let cause = failure.cause
    if cause.isConnectionProblem { return cause }
    guard let statement = failure.statement else {
      return MigrationError(
        .statementFailed,
        "the history table could not be written: \(cause.message)",
        hint: cause.hint,
        sqlState: cause.sqlState,
        detail: cause.detail
      )
    }
    return MigrationError(
      .statementFailed,
      cause.message,
      hint: cause.hint ?? Self.advice(cause),
      at: step.section.location(of: statement, character: cause.position),
      sqlState: cause.sqlState,
      detail: cause.detail
    )
  }

  /// What people most often need to know, where the server gives no hint of its own.
  private static func advice(_ cause: PostgresError) -> String? {
    switch cause.sqlState {
    case "55P03":
      "another session holds a lock; raise lock-timeout behind the mark, or run when it is quieter"
    case "57P01", "57P02": "the server ended the connection; run again, it goes on where this stopped"
    case "25001": "put transaction:false behind the section's mark"
    case "58P01" where cause.message.contains("extension"),
      "0A000" where cause.message.contains("extension \"vector\""):
      "install the extension's files on the server first"
    case "42501": "run as the table's owner, or as a role with the right"
    default: nil
    }
  }
}
