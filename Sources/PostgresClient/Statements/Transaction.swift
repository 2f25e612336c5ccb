internal import CLibpq

/// How a transaction sees what others do meanwhile.
public struct TransactionIsolation: Sendable, Hashable {
  let clause: String

  /// The session's default.
  public static let serverDefault = TransactionIsolation(clause: "")
  /// Each statement sees what was committed before it.
  public static let readCommitted = TransactionIsolation(clause: " ISOLATION LEVEL READ COMMITTED")
  /// Every statement sees what was committed before the first.
  public static let repeatableRead = TransactionIsolation(clause: " ISOLATION LEVEL REPEATABLE READ")
  /// As if transactions ran one after another; conflicts fail with 40001.
  public static let serializable = TransactionIsolation(clause: " ISOLATION LEVEL SERIALIZABLE")
}

extension PostgresConnection {
  /// Runs `body` between BEGIN and COMMIT; an error rolls back and is thrown on.
  ///
  /// Nested calls are savepoints. A connection's transactions are not kept apart by tasks: use one connection a task,
  /// from a `ConnectionPool` where there are many.
  ///
  /// - Parameter retries: how often the whole body is run again after a serialisation failure (40001) or a deadlock
  ///   (40P01); nested calls are never run again by themselves.
  /// - Throws: what `body` threw; `PostgresError`, also with code `rolledBack` when the server ended the transaction
  ///   with a rollback although COMMIT was asked for, because an error inside had been passed over.
  @discardableResult
  public func transaction<Value: Sendable>(
    isolation: TransactionIsolation = .serverDefault,
    retries: Int = 0,
    _ body: @Sendable (isolated PostgresConnection) async throws -> Value
  ) async throws -> Value {
    guard transactionStatus == .idle else { return try await savepoint(body) }
    var attempt = 0
    while true {
      do {
        try await run("BEGIN\(isolation.clause)")
        let value = try await body(self)
        try await commit()
        return value
      } catch {
        await rollBack("ROLLBACK")
        guard attempt < retries, let error = error as? PostgresError, error.isTransientConflict else {
          throw error
        }
        attempt += 1
        // Two transactions that met once should not meet again at once.
        try await Task.sleep(for: .milliseconds(Int.random(in: 1...(10 << min(attempt, 6)))))
      }
    }
  }

  private func commit() async throws {
    let answer = try await run("COMMIT")
    guard answer.first?.commandTag == "COMMIT" else {
      throw PostgresError(
        code: .rolledBack,
        message: "the transaction was rolled back: a statement in it had failed and its error was passed over"
      )
    }
  }

  private func savepoint<Value: Sendable>(
    _ body: @Sendable (isolated PostgresConnection) async throws -> Value
  ) async throws -> Value {
    savepointDepth += 1
    defer { savepointDepth -= 1 }
    let name = "adbvec_\(savepointDepth)"
    try await run("SAVEPOINT \(name)")
    do {
      let value = try await body(self)
      try await run("RELEASE SAVEPOINT \(name)")
      return value
    } catch {
      await rollBack("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")
      throw error
    }
  }

  /// Leaves a failed transaction, also when the task is cancelled; a cancel request that arrives late may hit this
  /// statement in place of the one it was meant for, so it is tried again.
  private func rollBack(_ script: String) async {
    for _ in 0..<3 where [.inTransaction, .failed].contains(transactionStatus) {
      let done = await Task { try? await self.run(script) }.value
      if done != nil { return }
    }
  }
}

extension PostgresError {
  /// Whether the transaction lost against another one and may simply be run again.
  public var isTransientConflict: Bool { ["40001", "40P01"].contains(sqlState) }
}

/// Where a connection stands in a transaction.
public enum TransactionStatus: Sendable, Hashable {
  /// Outside any transaction block.
  case idle
  /// Inside a transaction block that is sound.
  case inTransaction
  /// Inside a block whose last statement failed; only ROLLBACK helps.
  case failed
  /// A statement is under way, or the connection is gone.
  case unknown

  init(_ status: PGTransactionStatusType) {
    switch status {
    case PQTRANS_IDLE: self = .idle
    case PQTRANS_INTRANS: self = .inTransaction
    case PQTRANS_INERROR: self = .failed
    default: self = .unknown
    }
  }
}
