internal import Basics
internal import ImageSearch
internal import Ingestion
internal import Migrations
internal import PostgresClient
internal import Synchronization
internal import VectorSQL

/// Makes the vectors that a column lacks, until no row is without one.
///
/// Any number of backfills, on any number of machines, share the work: a row is worked on by the one that holds its advisory
/// lock, and nothing in the table is locked while vectors are computed. A row that changes meanwhile keeps its NULL, since
/// the trigger has changed its state, and is done again.
struct Backfill: Sendable {
  let change: VectorChange
  /// The column to fill.
  let column: Identifier
  /// Its type and the key's, as the catalogue writes them.
  let types: (column: String, id: String)
  let settings: ConnectionSettings
  let making: Making
  let server: ServerCapabilities

  /// Rows whose vectors are computed before they are written.
  static let claimRows = 64
  /// Rows written in one transaction: their locks are what writers may wait for.
  static let writeRows = 16
  /// One writes while the other's images are embedded; and an insertion into a graph keeps a core of the server busy.
  static let lanes = 2

  /// What the rows' vectors are made by.
  enum Making: Sendable {
    /// The client.
    case maker(any VectorMaker)
    /// The server: an expression over the row.
    case expression(String)
  }

  /// What a backfill has done.
  struct Counts: Sendable, Hashable {
    var made = 0
    var missing = 0
  }

  /// Fills the column.
  /// - Parameters:
  ///   - patience: how long it goes on once it has caught up with writers who are as fast as it is.
  ///   - report: told the counts, about once a second.
  /// - Throws: `PostgresError`, what the maker throws, `CancellationError`.
  func run(patience: Duration, report: @escaping @Sendable (Counts) -> Void) async throws -> Counts {
    let tally = Tally()
    let end = CatchUp(patience: patience)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<Self.lanes {
        group.addTask {
          let session = try await BackfillLane.open(self)
          do {
            try await session.run(until: end) { done in
              report(tally.add(done))
            }
            await session.close()
          } catch {
            await session.close()
            throw error
          }
        }
      }
      try await group.waitForAll()
    }
    return tally.add(Counts())
  }
}

/// What all lanes have done.
private final class Tally: Sendable {
  private let counts = StateLock(Backfill.Counts())

  func add(_ done: Backfill.Counts) -> Backfill.Counts {
    counts.withLock { counts in
      counts.made += done.made
      counts.missing += done.missing
      return counts
    }
  }
}

/// When a backfill has caught up: once no row waits, or once few have waited for a while.
private final class CatchUp: Sendable {
  private let since = StateLock<ContinuousClock.Instant?>(nil)
  private let patience: Duration

  init(patience: Duration) { self.patience = patience }

  /// - Parameter few: whether a look from the first id on found fewer rows than one claim takes.
  func isOver(few: Bool) -> Bool {
    since.withLock { since in
      guard few else {
        since = nil
        return false
      }
      let start = since ?? .now
      since = start
      return .now - start > patience
    }
  }
}

/// A row that lacks a vector.
struct PendingRow: Sendable, Hashable {
  /// The key, as text.
  var id: String
  /// Where its image is.
  var source: String?
  /// Its vector in the other column, where the maker asks for it.
  var vector: [Float]?
  /// What the trigger has written; another value later tells that the row has changed.
  var state: String?
}

/// Makes vectors of rows.
package protocol VectorMaker: Sendable {
  /// Whether it reads the vector in the other column.
  var readsVectors: Bool { get }
  /// One result for each row.
  func vectors(of rows: [(source: String?, vector: [Float]?)]) async throws -> [Result<[Float], ImageMissing>]
}

/// Why a row gets no vector.
package struct ImageMissing: Error, Sendable, Hashable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// A pair of connections that work on some rows at a time.
private struct BackfillLane: Sendable {
  let job: Backfill
  /// Reads and writes rows.
  let rows: PostgresConnection
  /// Holds the advisory locks, in a transaction that touches no table: nobody waits for it.
  let locks: PostgresConnection

  static func open(_ job: Backfill) async throws -> BackfillLane {
    let rows = try await PostgresConnection.connect(job.settings)
    return BackfillLane(job: job, rows: rows, locks: try await PostgresConnection.connect(job.settings))
  }

  func close() async {
    await rows.close()
    await locks.close()
  }

  private var change: VectorChange { job.change }
  private var table: String { change.sql(change.table) }
  private var id: String { change.sql(change.idColumn) }
  private var pending: String { change.pending(job.column) }

  func run(until end: CatchUp, report: (Backfill.Counts) -> Void) async throws {
    var last: String?
    while true {
      try Task.checkCancellation()
      let found = try await candidates(after: last, limit: Backfill.claimRows * 8)
      if last == nil {
        if found.isEmpty || end.isOver(few: found.count < Backfill.claimRows) { return }
      }
      guard let lastFound = found.last else {
        last = nil
        continue
      }
      guard let done = try await withClaim(on: found, { try await work(on: $0) }) else {
        // Others work on all of these.
        last = lastFound
        try await Task.sleep(for: .milliseconds(10))
        continue
      }
      last = done.lastID
      // Writers hold these rows.
      if done.counts == Backfill.Counts() { try await Task.sleep(for: .milliseconds(10)) }
      report(done.counts)
    }
  }

  private func candidates(after last: String?, limit: Int) async throws -> [String] {
    let from = last == nil ? "" : " AND \(id) > CAST($1 AS \(job.types.id))"
    // ORDER BY takes a name of the output first: the cast would keep the key's, and order its texts.
    let statement = Statement(
      trusted:
        "SELECT CAST(\(id) AS text) AS adbvec_id FROM \(table) WHERE \(pending)\(from) ORDER BY \(id) LIMIT \(limit)",
      binds: last.map { [.text($0)] } ?? []
    )
    return try await rows.transaction(retries: 5) { rows in
      try await rows.setLocally(ChangeFiles.byIndex)
      return try await rows.query(statement, prepared: true).map { try $0.value(at: 0, as: String.self) }
    }
  }

  private struct Done {
    var counts: Backfill.Counts
    var lastID: String?
  }

  /// Lends the rows whose locks could be obtained; nil when all are others'.
  private func withClaim(
    on ids: [String],
    _ body: ([String]) async throws -> Backfill.Counts
  ) async throws -> Done? {
    try await locks.run(trusted: "BEGIN")
    do {
      if locks.serverVersion >= 90_600 {
        try await locks.run(trusted: "SET LOCAL idle_in_transaction_session_timeout = 0")
      }
      let space = Int32(truncatingIfNeeded: Self.hash("\(table).\(job.column.name)"))
      let keys = ids.map { Int32(truncatingIfNeeded: Self.hash($0)) }
      let statement = Statement(
        trusted: """
          SELECT p FROM (SELECT p, k FROM unnest($1::int4[], $2::int4[]) AS u (p, k)) c
          WHERE pg_try_advisory_xact_lock(\(space), k) LIMIT \(Backfill.claimRows)
          """,
        binds: [.int4Array(ids.indices.map { Int32($0) }), .int4Array(keys)]
      )
      let claimed = try await locks.query(statement, prepared: true).map {
        ids[try $0.value(at: 0, as: Int.self)]
      }
      let counts = claimed.isEmpty ? nil : try await body(claimed)
      try await locks.run(trusted: "COMMIT")
      return counts.map { Done(counts: $0, lastID: claimed.last) }
    } catch {
      let locks = locks
      _ = await Task.detached { try? await locks.run(trusted: "ROLLBACK") }.value
      throw error
    }
  }

  /// FNV-1a.
  private static func hash(_ text: String) -> UInt32 {
    text.utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  private func work(on ids: [String]) async throws -> Backfill.Counts {
    switch job.making {
    case .expression(let expression):
      return Backfill.Counts(made: try await convert(ids, expression))
    case .maker(let maker):
      let pending = try await read(ids, withVector: maker.readsVectors)
      guard !pending.isEmpty else { return Backfill.Counts() }
      let made = try await maker.vectors(of: pending.map { ($0.source, $0.vector) })
      var counts = Backfill.Counts()
      let all = Array(zip(pending, made))
      for start in stride(from: 0, to: all.count, by: Backfill.writeRows) {
        let done = try await write(Array(all[start..<min(start + Backfill.writeRows, all.count)]))
        counts.made += done.made
        counts.missing += done.missing
      }
      return counts
    }
  }

  /// The rows as they are now: another backfill may have done some before their locks were obtained.
  private func read(_ ids: [String], withVector: Bool) async throws -> [PendingRow] {
    let source = change.sourceColumn.map { change.sql($0) } ?? "NULL::text"
    let other = job.column == change.column ? change.previous : change.column
    let vector = withVector ? "\(change.sql(other))::real[]" : "NULL::real[]"
    let statement = Statement(
      trusted: """
        SELECT CAST(\(id) AS text) AS adbvec_id, \(source), \(vector), \(change.sql(change.state)) FROM \(table)
        WHERE \(id) = ANY (CAST($1::text[] AS \(job.types.id)[])) AND \(pending) ORDER BY \(id)
        """,
      binds: [.textArray(ids)]
    )
    return try await rows.query(statement, prepared: true).map { row in
      let (id, source, vector, state) = try row.decode(String.self, String?.self, [Float]?.self, String?.self)
      return PendingRow(id: id, source: source, vector: vector, state: state)
    }
  }

  private func write(_ made: [(PendingRow, Result<[Float], ImageMissing>)]) async throws -> Backfill.Counts {
    do {
      return try await writeTogether(made)
    } catch let error as PostgresError where error.sqlState == "55P03" && made.count > 1 {
      // A writer holds one of the rows for long: the others need not wait, and it is done later.
      var counts = Backfill.Counts()
      for one in made {
        do {
          let done = try await writeTogether([one])
          counts.made += done.made
          counts.missing += done.missing
        } catch let error as PostgresError where error.sqlState == "55P03" {}
      }
      return counts
    } catch let error as PostgresError where error.sqlState == "55P03" {
      return Backfill.Counts()
    }
  }

  private func writeTogether(
    _ made: [(PendingRow, Result<[Float], ImageMissing>)]
  ) async throws -> Backfill.Counts {
    let (column, state) = (change.sql(job.column), change.sql(change.state))
    let unchanged = "\(id) = CAST($1 AS \(job.types.id)) AND \(pending) AND \(state) IS NOT DISTINCT FROM $2"
    // An old vector for the way back leaves the new one of the image before to be made again.
    let left = job.column == change.previous ? "CASE WHEN \(change.hasOtherSource) THEN \(state) END" : "NULL"
    let fill =
      "UPDATE \(table) SET \(column) = CAST($3 AS \(job.types.column)), \(state) = \(left) WHERE \(unchanged)"
    let mark = "UPDATE \(table) SET \(column) = NULL, \(state) = 'missing: ' || $3::text WHERE \(unchanged)"
    let statements = try made.map { row, result in
      let head: [SQLValue] = [.text(row.id), row.state.map(SQLValue.text) ?? .null]
      switch result {
      case .success(let vector): return Statement(trusted: fill, binds: head + [try value(vector)])
      case .failure(let missing): return Statement(trusted: mark, binds: head + [.text(missing.reason)])
      }
    }
    let settings = settings
    let answers = try await rows.transaction(retries: 5) { rows in
      try await rows.setLocally(settings)
      return try await rows.pipeline(statements).map(\.affectedRows)
    }
    var counts = Backfill.Counts()
    for ((_, result), affected) in zip(made, answers) where affected > 0 {
      if case .success = result { counts.made += 1 } else { counts.missing += 1 }
    }
    return counts
  }

  /// The last word of a step is a commit that waits for the disk, and for all before it.
  private var settings: [String] {
    (job.server.allowsAsynchronousCommit ? ["SET LOCAL synchronous_commit = off"] : [])
      + ["SET LOCAL lock_timeout = '100ms'"]
  }

  private func value(_ vector: [Float]) throws -> SQLValue {
    let bare = job.types.column.prefix { $0 != "(" }
    switch bare.split(separator: ".").last.map(String.init) ?? "" {
    case "real[]": return .float4Array(vector)
    case "double precision[]": return .float8Array(vector.map(Double.init))
    case "halfvec": return .halfvec(vector)
    case "vector": return .vector(vector)
    default: throw ChangeError("vectors cannot be written to a column of type \(job.types.column)")
    }
  }

  private func convert(_ ids: [String], _ expression: String) async throws -> Int {
    let other = change.sql(job.column == change.column ? change.previous : change.column)
    let settings = settings
    var made = 0
    for start in stride(from: 0, to: ids.count, by: Backfill.writeRows) {
      let some = Array(ids[start..<min(start + Backfill.writeRows, ids.count)])
      // A row without the other vector has nothing to convert.
      let statement = Statement(
        trusted: """
          UPDATE \(table) SET \(change.sql(job.column)) = \(expression),
            \(change.sql(change.state)) = CASE WHEN \(other) IS NULL THEN 'missing: no vector' END
          WHERE \(id) = ANY (CAST($1::text[] AS \(job.types.id)[])) AND \(pending)
          """,
        binds: [.textArray(some)]
      )
      do {
        made += try await rows.transaction(retries: 5) { rows in
          try await rows.setLocally(settings)
          return try await rows.query(statement, prepared: true).affectedRows
        }
      } catch let error as PostgresError where error.sqlState == "55P03" {
        // A writer holds one of the rows; they are claimed again.
      } catch let error as PostgresError where error.sqlState == "22003" {
        throw ChangeError(
          "a vector of \(change.table.quoted), among the rows \(some.first ?? "") to \(some.last ?? ""), cannot be converted: "
            + "\(error.message). Fix: change that row and run this again, or take the change back with 'adbvec migrate down'"
        )
      }
    }
    return made
  }
}
