internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// The two tables, beside the target, in which loads are recorded: `adbvec_load`, a row a load, and
/// `adbvec_load_batch`, a row a committed batch.
///
/// Batches are only ever inserted while a load runs: on Greenplum an UPDATE would hold the whole table against the
/// other connections of the same load. Everything here runs on a 9.4 base.
struct LoadLedger: Sendable {
  let key: String
  private let loads: String
  private let batches: String
  private let distributes: Bool

  /// - Parameters:
  ///   - table: with the schema it was found in, so that every spelling of the name finds the same record.
  ///   - source: what names the source wherever it is loaded from.
  init(table: QualifiedName, source: String, server: ServerCapabilities) {
    let schema = table.schema
    loads = QualifiedName(schema: schema, name: "adbvec_load").quoted
    batches = QualifiedName(schema: schema, name: "adbvec_load_batch").quoted
    distributes = server.canDistribute
    key = "\(table.quoted) \(source)"
  }

  /// Makes the tables where they are missing.
  /// - Throws: `LoadError` when the user may not make them.
  func install(_ connection: PostgresConnection) async throws {
    let placement = distributes ? " DISTRIBUTED BY (load_key)" : ""
    let script = """
      CREATE TABLE IF NOT EXISTS \(loads) (
        load_key text NOT NULL PRIMARY KEY, table_oid bigint NOT NULL, fingerprint text NOT NULL, recipe text NOT NULL,
        deferred_indexes text[] NOT NULL, is_finished boolean NOT NULL, started_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz
      )\(placement);
      CREATE TABLE IF NOT EXISTS \(batches) (
        load_key text NOT NULL, first_position bigint NOT NULL, end_position bigint NOT NULL,
        end_offset bigint NOT NULL, end_line bigint NOT NULL, loaded bigint NOT NULL, skipped bigint NOT NULL,
        replaced bigint NOT NULL, unreadable bigint NOT NULL, PRIMARY KEY (load_key, first_position)
      )\(placement)
      """
    do {
      try await installOnce(script, connection)
    } catch let error as PostgresError where error.sqlState == "42501" {
      throw LoadError(
        .option,
        "this user may not create the table \(loads) that --resume needs; grant CREATE on the schema, or load with "
          + "--untracked"
      )
    }
  }

  /// Two runs that make the tables at once make one of them fail on a catalogue's unique index.
  private func installOnce(_ script: String, _ connection: PostgresConnection) async throws {
    if try await isInstalled(connection) { return }
    do {
      try await connection.run(trusted: script)
    } catch let error as PostgresError where ["23505", "42P07"].contains(error.sqlState) {
      try await connection.run(trusted: script)
    }
  }

  private func isInstalled(_ connection: PostgresConnection) async throws -> Bool {
    do {
      try await connection.query(.init(trusted: "SELECT 1 FROM \(loads), \(batches) LIMIT 0"))
      return true
    } catch let error as PostgresError where error.sqlState == "42P01" {
      return false
    }
  }

  /// The record of an earlier run; nil when there is none.
  func read(_ connection: PostgresConnection) async throws -> LoadRecord? {
    guard try await isInstalled(connection) else { return nil }
    let head = try await connection.query(
      .init(
        trusted:
          "SELECT table_oid, fingerprint, recipe, deferred_indexes, is_finished FROM \(loads) WHERE load_key = $1",
        binds: [.text(key)]
      )
    )
    guard let row = head.first else { return nil }
    let (oid, fingerprint, recipe, deferred, isFinished) = try row.decode(
      Int64.self,
      String.self,
      String.self,
      [String].self,
      Bool.self
    )
    var record = LoadRecord(
      key: key,
      tableOID: UInt32(truncatingIfNeeded: oid),
      fingerprint: fingerprint,
      recipe: recipe,
      deferredIndexes: deferred,
      isFinished: isFinished,
      counts: LoadCounts(),
      done: DoneRanges(),
      offset: 0,
      line: 1
    )
    try await readBatches(into: &record, connection)
    return record
  }

  private func readBatches(into record: inout LoadRecord, _ connection: PostgresConnection) async throws {
    let rows = try await connection.query(
      .init(
        trusted: """
          SELECT first_position, end_position, end_offset, end_line, loaded, skipped, replaced, unreadable
          FROM \(batches) WHERE load_key = $1 ORDER BY first_position
          """,
        binds: [.text(key)]
      )
    )
    var ranges: [Range<Int>] = []
    var prefix = 0
    for row in rows {
      let (first, end, offset, line, loaded, skipped, replaced, unreadable) = try row.decode(
        Int.self,
        Int.self,
        Int.self,
        Int.self,
        Int.self,
        Int.self,
        Int.self,
        Int.self
      )
      // The source goes on behind what is done without a gap from its start.
      if first == prefix { (prefix, record.offset, record.line) = (max(first, end), offset, line) }
      ranges.append(first..<max(first, end))
      var counts = LoadCounts()
      (counts.loaded, counts.skipped) = (loaded, skipped)
      (counts.replaced, counts.unreadable) = (replaced, unreadable)
      record.counts = record.counts + counts
    }
    record.done = DoneRanges(ranges)
  }

  /// Forgets an earlier run and writes down that one begins.
  ///
  /// - Parameter dropping: indexes that are dropped in the same transaction.
  func begin(_ record: LoadRecord, dropping indexes: [String], _ connection: PostgresConnection) async throws
  {
    try await connection.transaction { connection in
      for index in indexes { try await connection.run(trusted: "DROP INDEX IF EXISTS \(index)") }
      try await connection.query(
        .init(trusted: "DELETE FROM \(batches) WHERE load_key = $1", binds: [.text(key)])
      )
      try await connection.query(
        .init(trusted: "DELETE FROM \(loads) WHERE load_key = $1", binds: [.text(key)])
      )
      try await connection.query(
        .init(
          trusted: """
            INSERT INTO \(loads) (load_key, table_oid, fingerprint, recipe, deferred_indexes, is_finished)
            VALUES ($1, $2, $3, $4, $5, false)
            """,
          binds: [
            .text(key), .int8(Int64(record.tableOID)), .text(record.fingerprint), .text(record.recipe),
            .textArray(record.deferredIndexes),
          ]
        )
      )
    }
  }

  /// What a batch adds, for the transaction that writes its rows.
  func entry(_ batch: LoadBatch, _ counts: LoadCounts) -> LedgerEntry {
    let numbers = [
      batch.positions.lowerBound, batch.positions.upperBound, batch.place.offset, batch.place.line,
      counts.loaded,
      counts.skipped, counts.replaced, counts.unreadable,
    ]
    return LedgerEntry(table: batches, values: [.text(key)] + numbers.map { .int8(Int64($0)) })
  }

  /// Whether a batch was committed, after an answer that never came.
  func holds(_ positions: Range<Int>, _ connection: PostgresConnection) async throws -> Bool {
    let rows = try await connection.query(
      .init(
        trusted: "SELECT 1 FROM \(batches) WHERE load_key = $1 AND first_position = $2 AND end_position = $3",
        binds: [.text(key), .int8(Int64(positions.lowerBound)), .int8(Int64(positions.upperBound))]
      )
    )
    return !rows.isEmpty
  }

  /// The counts of a batch that was committed.
  func counts(of positions: Range<Int>, _ connection: PostgresConnection) async throws -> LoadCounts {
    let rows = try await connection.query(
      .init(
        trusted: """
          SELECT loaded, skipped, replaced, unreadable FROM \(batches) WHERE load_key = $1 AND first_position = $2
          """,
        binds: [.text(key), .int8(Int64(positions.lowerBound))]
      )
    )
    var counts = LoadCounts()
    if let row = rows.first {
      (counts.loaded, counts.skipped, counts.replaced, counts.unreadable) = try row.decode(
        Int.self,
        Int.self,
        Int.self,
        Int.self
      )
    }
    return counts
  }

  /// Writes down that the load ran to its end, and folds its batches into one row.
  func finish(_ counts: LoadCounts, end: SourcePlace, _ connection: PostgresConnection) async throws {
    let total = LoadBatch(
      rows: FeatureBatch(),
      positions: 0..<end.position,
      place: end,
      unreadable: []
    )
    try await connection.transaction { connection in
      try await connection.query(
        .init(trusted: "DELETE FROM \(batches) WHERE load_key = $1", binds: [.text(key)])
      )
      try await connection.query(entry(total, counts).statement)
      try await connection.query(
        .init(
          trusted: "UPDATE \(loads) SET is_finished = true, finished_at = now() WHERE load_key = $1",
          binds: [.text(key)]
        )
      )
    }
  }
}

/// A row of the record, ready to be inserted.
struct LedgerEntry: Sendable, Hashable {
  /// The table, quoted.
  let table: String
  /// Its columns' values, in order.
  let values: [SQLValue]

  /// The insertion with bound values.
  var statement: Statement {
    let parameters = values.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
    return Statement(trusted: "INSERT INTO \(table) VALUES (\(parameters))", binds: values)
  }

  /// The insertion as text for a message of several statements, which carries no parameters.
  var script: String {
    "INSERT INTO \(table) VALUES (\(values.map(\.literal).joined(separator: ", ")))"
  }
}
