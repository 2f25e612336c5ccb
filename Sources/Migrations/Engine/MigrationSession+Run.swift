internal import PostgresClient
internal import SQLLexer

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
      "SELECT state FROM \(history.sqlName) WHERE version = \(ParameterValue.quote(step.id.key))"
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
