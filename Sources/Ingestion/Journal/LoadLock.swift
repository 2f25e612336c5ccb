internal import Basics
internal import PostgresClient
internal import VectorSQL

/// Keeps two runs of one load apart, also from a backend that a killed run left behind in its last statement.
///
/// The run holds one advisory lock in a transaction on a connection of its own; every transaction that writes shares a
/// second one. Both end with their transactions, so that nothing is left behind on the connections of a pooler.
actor LoadLock {
  private nonisolated let run: Int64
  private nonisolated let writers: Int64
  private let settings: ConnectionSettings
  private var holder: PostgresConnection?

  init(key: String, settings: ConnectionSettings) {
    let hash = FNV1a(key).value
    run = Int64(bitPattern: hash)
    writers = Int64(bitPattern: hash ^ 0x5851_F42D_4C95_7F2D)
    self.settings = settings
  }

  /// Waits at most `patience` for a run that is ending.
  /// - Throws: `LoadError` with code `locked`.
  func acquire(patience: Duration) async throws {
    let connection = try await PostgresConnection.connect(settings)
    holder = connection
    try await connection.run("BEGIN")
    // The transaction lasts as long as the load and does nothing else.
    if connection.serverVersion >= 90_600 {
      try await connection.run("SET LOCAL idle_in_transaction_session_timeout = 0")
    }
    if connection.serverVersion >= 170_000 { try await connection.run("SET LOCAL transaction_timeout = 0") }
    try await wait(run, connection, patience: patience) {
      "another run loads this source into this table. Fix: wait until it has ended"
    }
  }

  /// Waits for every other run that gives ids to new images in a table: two of them would give the same ones.
  /// - Parameter onWait: called once when there is another run to wait for.
  func awaitNumbering(of table: String, onWait: () -> Void) async throws {
    guard let holder else { return }
    let key = Int64(bitPattern: FNV1a("numbering\0" + table).value)
    do {
      try await wait(key, holder, patience: .zero) { "" }
    } catch let error as LoadError where error.code == .locked {
      onWait()
      try await holder.query(Statement("SELECT pg_advisory_xact_lock($1)", binds: [.int8(key)]))
    }
  }

  /// Waits at most `patience` for the last batch of a run that was killed.
  /// - Throws: `LoadError` with code `locked`.
  nonisolated func awaitWriters(_ connection: PostgresConnection, patience: Duration) async throws {
    try await wait(writers, connection, patience: patience) {
      "the server still writes a batch of an earlier run of this load. Fix: try again when it is done"
    }
  }

  /// Refuses to go on when the lock was lost with its connection: another run may have begun since then.
  /// - Throws: `LoadError` with code `locked`.
  func requireHeld(resumeAdvice: String) async throws {
    guard let holder, (try? await holder.run("SELECT 1")) == nil else { return }
    throw LoadError(
      .locked,
      "the connection was lost that keeps other runs of this load away. Fix: \(resumeAdvice)"
    )
  }

  /// A call, for a SELECT list, that marks a transaction as one that writes.
  nonisolated var sharing: SQL { "pg_advisory_xact_lock_shared(\(writers))" }

  /// Lets other runs begin.
  func release() async {
    await holder?.close()
    holder = nil
  }

  private nonisolated func wait(
    _ key: Int64,
    _ connection: PostgresConnection,
    patience: Duration,
    _ refusal: () -> String
  ) async throws {
    let deadline = ContinuousClock.now + patience
    while true {
      let rows = try await connection.query(
        Statement("SELECT pg_try_advisory_xact_lock($1)", binds: [.int8(key)])
      )
      if try rows.first?.value(at: 0, as: Bool.self) ?? false { return }
      guard ContinuousClock.now < deadline else { throw LoadError(.locked, refusal()) }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}
