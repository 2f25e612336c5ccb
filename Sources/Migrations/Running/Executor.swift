internal import PostgresClient
internal import SQLLexer
internal import VectorSQL

/// A connection with what a run needs to know of it.
struct MigrationSession: Sendable {
  let connection: PostgresConnection
  /// How to open the connection that follows index builds.
  let monitor: ConnectionSettings?
  var history: HistoryTable
  /// Known once a run has begun.
  var vectorSchema: VectorSchema?
  let options: MigratorOptions
  let emit: @Sendable (MigrationEvent) -> Void
  /// Does the work that files ask for beside their SQL.
  var steps: (any MigrationStepRunner)?

  struct CarriedOut: Sendable {
    var milliseconds: Int
    var statements: Int
    /// Another run was faster.
    var wasApplied: Bool
  }

  /// Another run did it while this one waited for the transaction's lock.
  private struct AlreadyApplied: Error {}

  /// Carries out one migration.
  /// - Throws: `MigrationError` with code `statementFailed` or `outcomeUnknown`, `PostgresError` when the connection is
  ///   gone, `CancellationError`. The failure is recorded in the history before it is thrown.
  func carryOut(
    _ step: PlannedStep,
    at place: RunPlace,
    lockByTransaction: Bool
  ) async throws -> CarriedOut {
    let name = step.migration.parsed.name
    let total = step.section.script.statements.count
    emit(
      .started(
        step.id,
        name: name,
        direction: step.direction,
        statements: total,
        resumingAt: step.statementsDone
      )
    )
    let begin = ContinuousClock.now
    let script = RunScript(
      step: step,
      history: history,
      searchPath: vectorSchema?.searchPath,
      defaultLockTimeout: options.lockTimeout,
      opensTransaction: !lockByTransaction,
      place: place
    )
    do {
      let notes = try await send(script, of: step, lockByTransaction: lockByTransaction)
      if !notes.isEmpty, step.direction == .up {
        try await connection.run(trusted: history.note(step.id, notes.joined(separator: "; ")))
      }
    } catch is AlreadyApplied {
      return CarriedOut(milliseconds: 0, statements: 0, wasApplied: true)
    } catch {
      let failure = await leave(script, after: error)
      if let known = failure as? MigrationError { emit(.failed(step.id, known)) }
      throw failure
    }
    let milliseconds = Int((ContinuousClock.now - begin) / .milliseconds(1))
    emit(.finished(step.id, name: name, direction: step.direction, milliseconds: milliseconds))
    return CarriedOut(milliseconds: milliseconds, statements: total - step.statementsDone, wasApplied: false)
  }

  /// - Returns: what steps want the history to keep.
  private func send(
    _ script: RunScript,
    of step: PlannedStep,
    lockByTransaction: Bool
  ) async throws -> [String] {
    let asked = try step.externalSteps()
    guard asked.isEmpty || step.section.options.transaction else {
      for unit in script.opening { try await run(unit, script, lockByTransaction: lockByTransaction) }
      let notes = step.statementsDone == 0 ? try await runSteps(of: step) : []
      for unit in script.statementUnits(from: step.statementsDone) + script.closing {
        try await run(unit, script, lockByTransaction: lockByTransaction)
      }
      return notes
    }
    guard let underway = step.underway else {
      var notes: [String] = []
      for unit in script.units {
        notes = try await run(unit, script, lockByTransaction: lockByTransaction, doesSteps: !asked.isEmpty)
      }
      return notes
    }
    // The settings that the statement ran with decide what its names mean.
    for unit in script.opening { try await run(unit, script, lockByTransaction: false) }
    var next = step.statementsDone
    if let end = try await settlePatiently(underway, of: step) {
      next = end
      try await run(script.recordUnit(done: end), script, lockByTransaction: false)
    }
    for unit in script.statementUnits(from: next) + script.closing {
      try await run(unit, script, lockByTransaction: lockByTransaction)
    }
    return []
  }

  /// Runs a unit, again when that can help and can do no harm.
  /// - Parameter doesSteps: whether what the section asks for is done before each attempt.
  @discardableResult
  private func run(
    _ unit: RunUnit,
    _ script: RunScript,
    lockByTransaction: Bool,
    doesSteps: Bool = false
  ) async throws -> [String] {
    var unit = unit
    var attempt = 1
    var parallelism: String?
    while true {
      do {
        try await refuseStringEscapes(script.step)
        let notes = doesSteps ? try await runSteps(of: script.step) : []
        if lockByTransaction {
          try await beginWithLock()
          try await leaveIfDone(script.step)
        }
        if let parallelism { try await connection.run(trusted: parallelism) }
        for group in groups(unit, of: script.step) { try await send(group, of: script.step) }
        if parallelism != nil { try await connection.run(trusted: "RESET max_parallel_maintenance_workers") }
        return notes
      } catch var failure as StatementFailure {
        guard !failure.cause.isConnectionProblem else { throw failure }
        if await connection.transactionStatus != .idle { _ = await shielded("ROLLBACK") }
        if case .alone(_, let outcome) = unit.kind {
          // Without its record the statement has run, and is not sent again from here.
          guard failure.statement != nil else { throw failure }
          failure.isSettled = try await isSettled(outcome, of: script.step, attempt: &attempt)
          guard failure.isSettled else { throw failure }
        }
        if parallelism == nil, failure.lacksSharedMemory, connection.serverVersion >= 110_000 {
          // Parallel workers share the index in /dev/shm, which a container often has only 64 MB of.
          parallelism = "SET max_parallel_maintenance_workers = 0"
          emit(.warning("\(script.step.id) \(failure.cause.message); built again without parallel workers"))
          continue
        }
        if let statement = unit.fallback(after: failure) {
          unit = script.aloneUnit(statement..<statement + 1)
          continue
        }
        guard failure.isWorthRetrying, attempt < (doesSteps ? Self.attemptsWithSteps : options.attempts)
        else {
          throw failure
        }
        attempt += 1
        // Rows that changed meanwhile wait for the steps: the next attempt comes before there are more.
        try await pause(before: doesSteps ? 1 : attempt, failure, script.step)
      }
    }
  }

  private static let attemptsWithSteps = 200

  /// Waits before another attempt, twice as long each time.
  func pause(before attempt: Int, _ failure: StatementFailure, _ step: PlannedStep) async throws {
    let pause =
      attempt < 2
      ? Int.random(in: 5...50)
      : (options.backOff << min(attempt - 2, 16)) * Int.random(in: 75...125) / 100
    emit(.retrying(step.id, attempt: attempt, afterMilliseconds: pause, reason: failure.cause.message))
    try await Task.sleep(for: .milliseconds(pause))
  }

  /// Refuses a session that reads a backslash in a plain string as an escape: the text was cut by the standard.
  private func refuseStringEscapes(_ step: PlannedStep) async throws {
    guard await connection.parameterStatus("standard_conforming_strings") == "off" else { return }
    throw MigrationError(
      .unsuitableConnection,
      "standard_conforming_strings is off in this session, so a backslash in '…' would be read as an escape",
      hint:
        "Fix: turn it on for the role or the database: ALTER ROLE CURRENT_USER SET standard_conforming_strings = on",
      at: step.section.location(ofByte: 0)
    )
  }

  private func leaveIfDone(_ step: PlannedStep) async throws {
    guard try await readState().hasTable else { return }
    let state = try await connection.run(
      trusted: "SELECT state FROM \(history.sqlName) WHERE version = \(SQLValue.quotedLiteral(step.id.key))"
    )
    let isApplied = state.first?.rows.first?.first == "applied"
    guard isApplied == (step.direction == .up), !(isApplied && step.record?.state == .applied) else { return }
    try await connection.run(trusted: "ROLLBACK")
    throw AlreadyApplied()
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

  // After a failure.

  /// Puts the session in order after a failure, records it, and returns what to throw.
  private func leave(_ script: RunScript, after error: any Error) async -> any Error {
    let step = script.step
    let failure = describe(error, in: step)
    if let lost = (error as? StatementFailure)?.cause, lost.isConnectionProblem { return failure }
    if let lost = error as? PostgresError, lost.isConnectionProblem { return failure }
    if await connection.transactionStatus != .idle { _ = await shielded("ROLLBACK") }
    for statement in script.cleanSession { _ = await shielded(statement) }
    let text: String
    switch failure {
    case let known as MigrationError where known.code == .outcomeUnknown:
      text = step.record?.error ?? "ended early"
    case let known as MigrationError: text = Self.record(known)
    case is CancellationError: text = "cancelled"
    default: text = "\(failure)"
    }
    let isSettled = (error as? StatementFailure)?.isSettled ?? false
    var problem = await shielded(recording(step, text, isSettled: isSettled))
    if let untranslatable = problem as? PostgresError, untranslatable.sqlState == "22P05" {
      // The database's encoding lacks a character of the message.
      if await connection.transactionStatus != .idle { _ = await shielded("ROLLBACK") }
      problem = await shielded(recording(step, Self.ascii(text), isSettled: isSettled))
    }
    if let problem { emit(.warning("could not write the failure to the history: \(problem)")) }
    return failure
  }

  private func recording(_ step: PlannedStep, _ text: String, isSettled: Bool) -> String {
    if step.direction == .down || !step.section.options.transaction || step.isResumed {
      return history.fail(step.id, error: text, isSettled: isSettled)
    }
    // An applied repeatable keeps its row: the database still holds what that row tells.
    if step.record?.state == .applied { return history.fail(step.id, error: text, isSettled: false) }
    let insert = history.insert(
      .init(
        migration: step.migration,
        kind: step.migration.kind,
        state: .failed,
        total: step.section.script.statements.count,
        error: text
      )
    )
    return ["BEGIN", history.clear(step.id), insert, "COMMIT"].joined(separator: ";\n")
  }

  /// Place, SQLSTATE and the server's first line: no detail, which may quote rows.
  private static func record(_ error: MigrationError) -> String {
    [error.location.map { "\($0):" }, error.sqlState.map { "[\($0)]" }, error.message]
      .compactMap(\.self).joined(separator: " ")
  }

  /// The text with everything beyond ASCII written as `\u{…}`.
  static func ascii(_ text: String) -> String {
    text.unicodeScalars.map { $0.isASCII ? String($0) : "\\u{\(String($0.value, radix: 16))}" }.joined()
  }

  private func describe(_ error: any Error, in step: PlannedStep) -> any Error {
    guard let failure = error as? StatementFailure else { return error }
    let cause = failure.cause
    if cause.isConnectionProblem { return cause }
    guard let statement = failure.statement else {
      if failure.isCommit {
        // Deferred constraints and triggers speak only here.
        return MigrationError(
          .statementFailed,
          "at the file's COMMIT: \(cause.message)",
          hint: cause.hint ?? advice(cause, step),
          at: step.section.location(ofByte: 0),
          sqlState: cause.sqlState,
          detail: cause.detail
        )
      }
      return MigrationError(
        .statementFailed,
        "the history table \(history.sqlName) could not be written: \(cause.message)",
        hint: cause.hint ?? advice(cause, step),
        sqlState: cause.sqlState,
        detail: cause.detail
      )
    }
    return MigrationError(
      .statementFailed,
      cause.message,
      hint: hint(cause, step) ?? advice(cause, step, of: statement),
      at: step.section.location(of: statement, character: cause.position),
      sqlState: cause.sqlState,
      detail: cause.detail
    )
  }

  /// The server's hint, unless something better is known.
  private func hint(_ cause: PostgresError, _ step: PlannedStep) -> String? {
    guard let vectorSchema, VectorSchema.isMissed(in: cause) else { return cause.hint }
    let setsPath = step.section.text.string.lowercased().contains("search_path")
    return vectorSchema.searchPath == nil || setsPath ? vectorSchema.fix : cause.hint
  }

  /// What people most often need to know, where the server gives no hint of its own.
  private func advice(
    _ cause: PostgresError,
    _ step: PlannedStep,
    of statement: SQLStatement? = nil
  ) -> String? {
    switch cause.sqlState {
    case "55P03":
      "Fix: another session holds a lock; raise lock-timeout behind the mark, or run when it is quieter"
    case "25001" where statement?.hasWords("set", "transaction") ?? false:
      "Fix: put transaction:false behind the section's mark, and BEGIN, this statement and COMMIT around the others"
    case "25001" where step.section.options.transaction, "2D000" where step.section.options.transaction:
      "Fix: put transaction:false behind the section's mark"
    case "58P01" where cause.message.contains("extension"),
      "0A000" where cause.message.contains("extension \"vector\""):
      "Fix: install the extension's files on the server first"
    case _ where VectorSchema.isMissed(in: cause):
      vectorSchema == nil
        ? "the extension is missing, or in a schema off the search path. Fix: CREATE EXTENSION vector, or ALTER ROLE "
          + "CURRENT_USER SET search_path = \"$user\", public, and its schema" : nil
    case "25006" where statement == nil:
      "Fix: leave what makes the transaction read-only out of the file, such as SET TRANSACTION READ ONLY"
    case "57014" where statement != nil && cause.message.contains("statement timeout"):
      "Fix: put a longer statement-timeout behind the section's mark, such as statement-timeout:10min"
    case "42501": "Fix: run as the table's owner, or as a role with the right"
    default: nil
    }
  }
}

/// A statement that the server refused.
struct StatementFailure: Error {
  let cause: PostgresError
  /// Nil for bookkeeping.
  let statement: SQLStatement?
  /// Whether it was the COMMIT of a file that is one transaction.
  var isCommit = false
  /// Whether a statement that ran outside a transaction is known to have left nothing behind.
  var isSettled = false

  /// A lock not obtained in time (55P03), a deadlock (40P01) or a lost race between transactions (40001): the same may
  /// succeed a moment later.
  var isWorthRetrying: Bool { ["55P03", "40P01", "40001"].contains(cause.sqlState) }

  /// 53100 and 53200 are what a full `/dev/shm` and a refused mapping give.
  var lacksSharedMemory: Bool {
    ["53100", "53200"].contains(cause.sqlState) && cause.message.contains("shared memory")
      && statement?.mentions(.index) ?? false
  }
}

extension RunUnit {
  /// The statement to send alone because the server takes it in no transaction (25001), or because it ends one itself
  /// (2D000); in both cases nothing of it has been kept.
  fileprivate func fallback(after failure: StatementFailure) -> Int? {
    guard case .transaction(let statement?) = kind, failure.statement != nil else { return nil }
    return ["25001", "2D000"].contains(failure.cause.sqlState) ? statement : nil
  }
}
