internal import PostgresClient
internal import VectorSQL

/// Keeps two runs of one load apart, also from a backend that a killed run left behind in its last statement.
///
/// The first connection of a run holds one advisory lock alone; every connection that writes shares a second one.
/// A new run takes the second alone for a moment, which waits until the last writer of the run before is gone.
struct LoadLock: Sendable {
  private let run: Int64
  private let writers: Int64

  init(key: String) {
    // FNV-1a, 64 bits: the same number in every version and on every machine.
    let hash = key.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    run = Int64(bitPattern: hash)
    writers = Int64(bitPattern: hash ^ 0x5851_F42D_4C95_7F2D)
  }

  /// Waits at most `patience` for a run that is ending.
  /// - Throws: `LoadError` with code `locked`.
  func acquire(_ connection: PostgresConnection, patience: Duration) async throws {
    let deadline = ContinuousClock.now + patience
    while true {
      if try await attempt("SELECT pg_try_advisory_lock($1)", run, connection) {
        if try await attempt("SELECT pg_try_advisory_lock($1)", writers, connection) {
          _ = try await attempt("SELECT pg_advisory_unlock($1)", writers, connection)
          return
        }
        _ = try await attempt("SELECT pg_advisory_unlock($1)", run, connection)
      }
      guard ContinuousClock.now < deadline else {
        throw LoadError(.locked, "another run loads this source into this table; wait for it to end")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Marks a connection as one that writes.
  func share(_ connection: PostgresConnection) async throws {
    try await connection.query(
      "SELECT pg_advisory_lock_shared($1)",
      parameters: ParameterList([.int8(writers)])
    )
  }

  private func attempt(_ text: String, _ key: Int64, _ connection: PostgresConnection) async throws -> Bool {
    let rows = try await connection.query(text, parameters: ParameterList([.int8(key)]))
    return try rows.first?.value(at: 0, as: Bool.self) ?? false
  }
}
