internal import CLibpq
package import VectorSQL

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
  /// Nested calls are savepoints, and what they set with `SET LOCAL` ends with them, as in a transaction: PostgreSQL by
  /// itself lets it live on until the outermost one ends. (Settings that no loaded library knows, such as `app.tenant`,
  /// cannot be listed and are left as they are.) A connection's transactions are not kept apart by tasks: use one connection a task,
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
    return try await transaction(begin: "BEGIN\(isolation.clause)", retries: retries, body)
  }

  /// A transaction with a first statement, which is sent with BEGIN and so takes no round trip; as
  /// `transaction(isolation:retries:_:)`.
  package func transaction<Value: Sendable>(
    first: SQL,
    _ body: @Sendable (isolated PostgresConnection) async throws -> Value
  ) async throws -> Value {
    let first = try first.renderedWithConstants().text
    guard transactionStatus == .idle else {
      return try await savepoint { connection in
        try await connection.run(trusted: first)
        return try await body(connection)
      }
    }
    return try await transaction(begin: "BEGIN; \(first)", retries: 0, body)
  }

  private func transaction<Value: Sendable>(
    begin: String,
    retries: Int,
    _ body: @Sendable (isolated PostgresConnection) async throws -> Value
  ) async throws -> Value {
    var attempt = 0
    while true {
      do {
        try await run(trusted: begin)
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
    let list = LocalSettings.query(serverVersion: serverVersion)
    let before = LocalSettings(try await run(trusted: "\(list); SAVEPOINT \(name)"))
    do {
      let value = try await body(self)
      let after = LocalSettings(try await run(trusted: "\(list); RELEASE SAVEPOINT \(name)"))
      let restoring = before.restoring(from: after)
      if !restoring.isEmpty { try await pipeline(restoring) }
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
      let done = await Task { try? await self.run(trusted: script) }.value
      if done != nil { return }
    }
  }
}

/// The settings that differ from the session's own at one moment of a transaction.
struct LocalSettings {
  private let values: [String: String]

  /// Reads the first answer of a script that begins with `query`.
  init(_ answers: [CommandResult]) {
    let pairs = (answers.first?.rows ?? []).compactMap { row -> (String, String)? in
      guard row.count == 2, let name = row[0], let value = row[1] else { return nil }
      return (name, value)
    }
    values = Dictionary(pairs, uniquingKeysWith: { $1 })
  }

  /// A savepoint's end restores `transaction_…` itself. `role` is never listed, and neither is a setting whose library
  /// is not loaded yet; those of pgvector are asked for by name where that is possible (PostgreSQL 9.6).
  static func query(serverVersion: Int) -> String {
    let listed =
      "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction\\_%' "
      + "UNION ALL SELECT 'role', current_setting('role')"
    guard serverVersion >= 90_600 else { return listed }
    let names = extensionSettings.map { "'\($0)'" }.joined(separator: ", ")
    return listed
      + " UNION ALL SELECT n, NULLIF(current_setting(n, true), '') FROM unnest(ARRAY[\(names)]) AS n "
      + "WHERE n NOT IN (SELECT name FROM pg_settings)"
  }

  private static let extensionSettings = [
    "hnsw.ef_search", "hnsw.iterative_scan", "hnsw.max_scan_tuples", "hnsw.scan_mem_multiplier",
    "ivfflat.probes", "ivfflat.iterative_scan", "ivfflat.max_probes",
  ]

  /// The statements that bring these settings back from other ones.
  func restoring(from later: LocalSettings) -> [Statement] {
    // The role first: other settings may need its rights.
    let names = ["role"] + Set(values.keys).union(later.values.keys).subtracting(["role"]).sorted()
    return names.filter { values[$0] != later.values[$0] }.map { name in
      if let value = values[name] {
        return Statement("SELECT set_config($1, $2, true)", binds: [.text(name), .text(value)])
      }
      let quoted = name.split(separator: ".").map { "\"\($0)\"" }.joined(separator: ".")
      return Statement(trusted: "SET LOCAL \(quoted) TO DEFAULT")
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
