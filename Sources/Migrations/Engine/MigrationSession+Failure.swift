internal import PostgresClient
internal import SQLLexer

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
