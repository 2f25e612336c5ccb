internal import Basics
internal import PostgresClient
internal import SQLLexer
internal import VectorSQL

/// The SQL of the lock that lets one run at a time work on a history table.
///
/// An advisory lock of the session, asked for without waiting: a session that waits inside a statement holds a
/// snapshot, which `CREATE INDEX CONCURRENTLY` of the lock's holder would wait for in its turn.
struct MigrationLock: Sendable, Hashable {
  let key: Int64

  init(_ table: HistoryTable) {
    let digits = SHA256.hexadecimal(of: "adbvec migrations " + table.name.quoted).prefix(16)
    key = Int64(bitPattern: UInt64(digits, radix: 16) ?? 0)
  }

  var take: String { "SELECT pg_try_advisory_lock(\(key))" }
  var release: String { "SELECT pg_advisory_unlock(\(key))" }
  /// For poolers in transaction mode: held by the transaction, so it cannot be left behind on a server's session.
  var takeInTransaction: String { "SELECT pg_try_advisory_xact_lock(\(key))" }

  /// For scripts that read no answers: fails where another run holds the lock.
  var takeOrFail: String { Self.orFail("pg_try_advisory_lock(\(key))") }
  /// For scripts that read no answers, inside a transaction.
  var takeInTransactionOrFail: String { Self.orFail("pg_try_advisory_xact_lock(\(key))") }

  private static func orFail(_ attempt: String) -> String {
    """
    DO $adbvec$ BEGIN IF NOT \(attempt) THEN RAISE EXCEPTION \
    'another run holds the migration lock' USING ERRCODE = '55P03'; END IF; END $adbvec$
    """
  }

  /// Who holds it; PostgreSQL shows the key's halves as two object ids.
  var holder: String {
    let bits = UInt64(bitPattern: key)
    return """
      SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''), \
      coalesce(extract(epoch FROM clock_timestamp() - a.backend_start)::bigint, 0), \
      coalesce(a.state, ''), coalesce(a.query, '') \
      FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
      AND l.classid = \(bits >> 32)::oid AND l.objid = \(bits & 0xFFFF_FFFF)::oid LIMIT 1
      """
  }
}

/// The session that holds the migration lock.
public struct LockHolder: Sendable, Hashable, CustomStringConvertible {
  /// The server's process.
  public var pid: Int
  /// What the session calls itself.
  public var application: String
  /// The session's user.
  public var user: String
  /// Seconds since the session began.
  public var age: Int
  /// `active`, `idle` …
  public var state: String
  /// The statement that it runs, or ran last; strings in it are left out, for they may be secrets.
  public var query: String

  /// One line for people.
  public var description: String {
    var text = "process \(pid)"
    if !application.isEmpty { text += " (\(application))" }
    if !user.isEmpty { text += " of \(user)" }
    text += ", connected for \(age) s"
    if !state.isEmpty { text += ", \(state)" }
    return query.isEmpty ? text : text + ": \(query)"
  }

  /// The first words of a statement on one line, each string in it replaced by `'…'`.
  static func redact(_ query: String) -> String {
    let script = Script(query)
    var words: [String] = []
    for token in script.tokens where token.isSignificant {
      switch token.kind {
      case .string, .escapeString, .unicodeString, .bitString, .dollarString: words.append("'…'")
      default: words.append(script.source[token.range])
      }
    }
    let line = words.joined(separator: " ")
    return line.count > 80 ? String(line.prefix(79)) + "…" : line
  }
}

extension MigrationSession {
  /// Whether the lock goes with each transaction, and not with the session.
  func locksByTransaction(_ state: State) -> Bool {
    options.lock == .transaction || (options.lock == .automatic && state.isPooled)
  }

  /// Runs `body` while the session holds the lock.
  /// - Throws: `MigrationError` with code `lockNotObtained` after `lockWait`.
  func withSessionLock<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    let lock = MigrationLock(history)
    try await obtain(lock.take, lock) {}
    do {
      let value = try await body()
      await release(lock)
      return value
    } catch {
      await release(lock)
      throw error
    }
  }

  /// Opens a transaction that holds the lock.
  func beginWithLock() async throws {
    let lock = MigrationLock(history)
    try await obtain("BEGIN;\n" + lock.takeInTransaction, lock) {
      try await connection.run(trusted: "ROLLBACK")
    }
  }

  private func obtain(
    _ request: String,
    _ lock: MigrationLock,
    otherwise: () async throws -> Void
  ) async throws {
    let deadline = ContinuousClock.now + .milliseconds(options.lockWait)
    var pause = 50
    var announced = false
    while true {
      let results = try await connection.run(trusted: request)
      if results.last?.rows.first?.first == "t" { return }
      try await otherwise()
      let holder = try? await holder(lock)
      if !announced { emit(.waitingForLock(holder: holder)) }
      announced = true
      guard ContinuousClock.now < deadline else { throw timedOut(holder) }
      let jittered = Int.random(in: pause / 2...pause)
      let rest = max(1, Int((deadline - ContinuousClock.now) / .milliseconds(1)))
      try await Task.sleep(for: .milliseconds(min(jittered, rest)))
      pause = min(pause * 2, 1000)
    }
  }

  private func holder(_ lock: MigrationLock) async throws -> LockHolder? {
    guard let row = try await connection.run(trusted: lock.holder).first?.rows.first, row.count == 6 else {
      return nil
    }
    return LockHolder(
      pid: row[0].flatMap { Int($0) } ?? 0,
      application: row[1] ?? "",
      user: row[2] ?? "",
      age: row[3].flatMap { Int($0) } ?? 0,
      state: row[4] ?? "",
      query: LockHolder.redact(row[5] ?? "")
    )
  }

  private func timedOut(_ holder: LockHolder?) -> MigrationError {
    let who = holder.map { "held by \($0)" } ?? "held by a session that the server does not name"
    return MigrationError(
      .lockNotObtained,
      "could not obtain the migration lock in \(options.lockWait) ms; it is \(who)",
      hint: holder.map {
        "Fix: wait longer with --lock-wait, or end that session: SELECT pg_terminate_backend(\($0.pid))"
      }
    )
  }

  private func release(_ lock: MigrationLock) async {
    let released = try? await Task.detached {
      try await connection.run(trusted: lock.release).first?.rows.first?.first == "t"
    }.value
    guard let released, !released else { return }
    emit(
      .warning(
        "the session did not hold the lock any more at the end of the run; a pooler in transaction mode, or a "
          + "migration that releases all advisory locks, does this"
      )
    )
  }
}
