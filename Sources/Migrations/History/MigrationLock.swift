internal import VectorSQL

/// The SQL of the lock that lets one run at a time work on a history table.
///
/// An advisory lock of the session, asked for without waiting: a session that waits inside a statement holds a
/// snapshot, which `CREATE INDEX CONCURRENTLY` of the lock's holder would wait for in its turn.
struct MigrationLock: Sendable, Hashable {
  let key: Int64

  init(_ table: HistoryTable) {
    let digits = SHA256Hex.of("adbvec migrations " + table.name.quoted).prefix(16)
    key = Int64(bitPattern: UInt64(digits, radix: 16) ?? 0)
  }

  var take: String { "SELECT pg_try_advisory_lock(\(key))" }
  var release: String { "SELECT pg_advisory_unlock(\(key))" }
  /// For poolers in transaction mode: held by the transaction, so it cannot be left behind on a server's session.
  var takeInTransaction: String { "SELECT pg_try_advisory_xact_lock(\(key))" }

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
