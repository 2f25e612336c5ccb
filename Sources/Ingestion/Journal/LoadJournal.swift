internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// The tables, beside the target, in which loads are recorded: `adbvec_load`, a row per load; `adbvec_load_batch`, a row
/// per committed batch; `adbvec_load_image`, a row per image of a folder.
///
/// Batches are only inserted while a load runs: on Greenplum an UPDATE would lock the whole table against the other
/// connections of the same load. Everything here runs on a 9.4 base.
struct LoadJournal: Sendable {
  /// Table and source: one load of a source into a table.
  let key: String
  /// Names this run: batches of a run that another one has taken over from are refused.
  let token: String

  /// The layout that this version writes. Version 1 had neither a version nor images, version 2 no hashes of contents,
  /// version 3 no ids but integers, version 4 no perceptual hashes, version 5 no times of the files' status.
  static let version = 6

  private let loads: String
  private let batches: String
  /// The table of images, quoted.
  let images: String
  private let distributes: Bool

  /// - Parameters:
  ///   - table: with the schema it was found in, so that every spelling of the name finds the same record.
  ///   - source: what names the source wherever it is loaded from.
  init(table: QualifiedName, source: String, server: ServerCapabilities) {
    func quoted(_ name: Identifier) -> String { QualifiedName(schema: table.schema, name: name).quoted }
    loads = quoted("adbvec_load")
    batches = quoted("adbvec_load_batch")
    images = quoted("adbvec_load_image")
    distributes = server.canDistribute
    key = "\(table.quoted) \(source)"
    token = String(UInt64.random(in: 0 ... .max), radix: 16)
  }
}

// Its tables, and their upgrade.
extension LoadJournal {
  /// Which layout the tables have.
  enum Layout: Int, Comparable {
    case missing
    case version1
    case version2
    case version3
    case version4
    case version5
    case current

    static func < (left: Layout, right: Layout) -> Bool { left.rawValue < right.rawValue }
  }

  func layout(_ connection: PostgresConnection) async throws -> Layout {
    do {
      let rows = try await connection.query(
        .init(trusted: "SELECT coalesce(max(version), \(Self.version)) FROM \(loads)")
      )
      let newest = try rows.first?.value(at: 0, as: Int.self) ?? Self.version
      guard newest <= Self.version else {
        throw LoadError(
          .resume,
          "\(loads) was written by a newer adbvec (layout \(newest), this one knows \(Self.version)). Fix: use that "
            + "version, or load with --untracked"
        )
      }
      _ = try await connection.query(.init(trusted: "SELECT 1 FROM \(batches), \(images) LIMIT 0"))
    } catch let error as PostgresError where error.sqlState == "42703" {
      return .version1
    } catch let error as PostgresError where error.sqlState == "42P01" {
      return .missing
    }
    var columns = Self.addedColumns
    while let newest = columns.last {
      if try await has(columns.map { $0.name }.joined(separator: ", "), connection) { return newest.layout }
      columns.removeAll { $0.layout == newest.layout }
    }
    return .version2
  }

  private func has(_ columns: String, _ connection: PostgresConnection) async throws -> Bool {
    do {
      _ = try await connection.query(.init(trusted: "SELECT \(columns) FROM \(images) LIMIT 0"))
      return true
    } catch let error as PostgresError where error.sqlState == "42703" {
      return false
    }
  }

  /// Makes the tables where they are missing, and brings those of earlier versions up to date in place.
  /// - Throws: `LoadError` when the user may not make them.
  func install(_ connection: PostgresConnection) async throws {
    do {
      switch try await layout(connection) {
      case .current: return
      case .version1:
        try await add(
          """
          \(loads) ADD COLUMN version integer NOT NULL DEFAULT 1, ADD COLUMN on_conflict text NOT NULL DEFAULT 'fail',
            ADD COLUMN index_restores text[] NOT NULL DEFAULT '{}', ADD COLUMN run_token text
          """,
          connection
        )
      case .version2, .version3, .version4, .version5:
        for (_, name, type) in Self.addedColumns {
          if try await has(name, connection) { continue }
          try await add("\(images) ADD COLUMN \(name) \(type)", connection)
        }
        return
      case .missing: break
      }
      do {
        try await create(connection)
      } catch let error as PostgresError where ["23505", "42P07"].contains(error.sqlState) {
        // Two runs that make the tables at once make one of them fail on a catalogue's unique index.
        try await create(connection)
      }
    } catch let error as PostgresError where error.sqlState == "42501" {
      throw LoadError(
        .option,
        "this user may not create or alter \(loads), which keeps the progress of loads. Fix: GRANT CREATE on the schema, "
          + "or load with --untracked"
      )
    }
  }

  /// What later versions added to the table of images, in their order.
  private static let addedColumns: [(layout: Layout, name: String, type: String)] = [
    (.version3, "content_hash", "text"), (.version3, "missing_since", "timestamptz"),
    (.version4, "id_text", "text"), (.version5, "phash", "bigint"), (.version5, "duplicate_of", "text"),
    (.current, "status_changed_at", "bigint"),
  ]

  private func create(_ connection: PostgresConnection) async throws {
    let placement = distributes ? Placement.clause(by: ["load_key"]) : ""
    let script = """
      CREATE TABLE IF NOT EXISTS \(loads) (
        load_key text NOT NULL PRIMARY KEY, version integer NOT NULL DEFAULT 1, table_oid bigint NOT NULL,
        fingerprint text NOT NULL, recipe text NOT NULL, on_conflict text NOT NULL DEFAULT 'fail',
        deferred_indexes text[] NOT NULL, index_restores text[] NOT NULL DEFAULT '{}', run_token text,
        is_finished boolean NOT NULL, started_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz
      )\(placement);
      CREATE TABLE IF NOT EXISTS \(batches) (
        load_key text NOT NULL, first_position bigint NOT NULL, end_position bigint NOT NULL,
        end_offset bigint NOT NULL, end_line bigint NOT NULL, loaded bigint NOT NULL, skipped bigint NOT NULL,
        replaced bigint NOT NULL, unreadable bigint NOT NULL, PRIMARY KEY (load_key, first_position)
      )\(placement);
      CREATE TABLE IF NOT EXISTS \(images) (
        load_key text NOT NULL, path text NOT NULL, id bigint, byte_count bigint NOT NULL,
        modified_at bigint NOT NULL, content_hash text, missing_since timestamptz, id_text text,
        phash bigint, duplicate_of text, status_changed_at bigint, PRIMARY KEY (load_key, path)
      )\(placement)
      """
    try await connection.run(trusted: script)
  }

  private func add(_ columns: String, _ connection: PostgresConnection) async throws {
    do {
      try await connection.run(trusted: "ALTER TABLE \(columns)")
    } catch let error as PostgresError where error.sqlState == "42701" {
      // Another run has just done it.
    }
  }
}

// What it holds.
extension LoadJournal {
  /// The record of an earlier run; nil when there is none.
  func read(_ connection: PostgresConnection) async throws -> LoadRecord? {
    let layout = try await layout(connection)
    guard layout != .missing else { return nil }
    let columns =
      layout != .version1
      ? "version, on_conflict, index_restores" : "1, 'fail'::text, '{}'::text[]"
    let head = try await connection.query(
      .init(
        trusted: """
          SELECT table_oid, fingerprint, recipe, deferred_indexes, is_finished, \(columns)
          FROM \(loads) WHERE load_key = $1
          """,
        binds: [.text(key)]
      )
    )
    guard let row = head.first else { return nil }
    let (oid, fingerprint, recipe, deferred, isFinished, version, policy, restores) = try row.decode(
      Int64.self,
      String.self,
      String.self,
      [String].self,
      Bool.self,
      Int.self,
      String.self,
      [String].self
    )
    var record = LoadRecord(
      tableOID: UInt32(truncatingIfNeeded: oid),
      fingerprint: fingerprint,
      recipe: recipe,
      onConflict: LoadOptions.ConflictPolicy(rawValue: policy) ?? .fail
    )
    record.deferredIndexes = deferred
    record.indexRestores = restores
    record.isFinished = isFinished
    record.version = version
    for batch in try await readBatches(connection) { record.add(batch) }
    return record
  }

  private func readBatches(_ connection: PostgresConnection) async throws -> [CommittedBatch] {
    let rows = try await connection.query(
      .init(
        trusted: """
          SELECT first_position, end_position, end_offset, end_line, loaded, skipped, replaced, unreadable
          FROM \(batches) WHERE load_key = $1 ORDER BY first_position
          """,
        binds: [.text(key)]
      )
    )
    return try rows.map { row in
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
      return CommittedBatch(
        positions: first..<max(first, end),
        place: SourcePlace(position: max(first, end), offset: offset, line: line),
        counts: LoadCounts(loaded: loaded, skipped: skipped, replaced: replaced, unreadable: unreadable)
      )
    }
  }

  /// Takes an existing record over, so that batches of the run before are refused from now on.
  func takeOver(_ connection: PostgresConnection) async throws {
    try await connection.query(
      .init(
        trusted: "UPDATE \(loads) SET run_token = $2 WHERE load_key = $1",
        binds: [.text(key), .text(token)]
      )
    )
  }

  /// Writes down that a run begins.
  ///
  /// - Parameters:
  ///   - isFresh: forgets the batches of earlier runs.
  ///   - indexes: indexes that are dropped in the same transaction.
  ///   - plan: of a folder; its images are matched one by one, so that positions of earlier runs mean nothing.
  func begin(
    _ record: LoadRecord,
    isFresh: Bool,
    dropping indexes: [String],
    plan: LoadPlan?,
    _ connection: PostgresConnection
  ) async throws {
    try await connection.transaction { connection in
      for index in indexes { try await connection.run(trusted: "DROP INDEX IF EXISTS \(index)") }
      if isFresh || plan != nil {
        try await connection.query(
          .init(trusted: "DELETE FROM \(batches) WHERE load_key = $1", binds: [.text(key)])
        )
      }
      let started = try await connection.query(
        .init(
          trusted: "DELETE FROM \(loads) WHERE load_key = $1 RETURNING started_at::text, table_oid",
          binds: [.text(key)]
        )
      )
      let before = try started.first?.value(at: 0, as: String.self)
      // Images of a table that was dropped since then say nothing of the one that has its name now.
      if let oid = try started.first?.value(at: 1, as: Int64.self), oid != Int64(record.tableOID) {
        try await connection.query(
          .init(trusted: "DELETE FROM \(images) WHERE load_key = $1", binds: [.text(key)])
        )
      }
      try await connection.query(
        .init(
          trusted: """
            INSERT INTO \(loads) (load_key, version, table_oid, fingerprint, recipe, on_conflict, deferred_indexes,
              index_restores, run_token, is_finished, started_at)
            VALUES ($1, \(Self.version), $2, $3, $4, $5, $6, $7, $8, false, coalesce($9::text::timestamptz, now()))
            """,
          binds: [
            .text(key), .int8(Int64(record.tableOID)), .text(record.fingerprint), .text(record.recipe),
            .text(record.onConflict.rawValue), .textArray(record.deferredIndexes),
            .textArray(record.indexRestores), .text(token),
            isFresh ? .null : before.map(SQLValue.text) ?? .null,
          ]
        )
      )
      if let plan { try await adopt(plan, connection) }
    }
  }

  /// Whether a batch was committed, and its counts, after an answer that never came.
  func counts(of positions: Range<Int>, _ connection: PostgresConnection) async throws -> LoadCounts? {
    let rows = try await connection.query(
      .init(
        trusted: """
          SELECT loaded, skipped, replaced, unreadable FROM \(batches)
          WHERE load_key = $1 AND first_position = $2 AND end_position = $3
          """,
        binds: [.text(key), .int8(Int64(positions.lowerBound)), .int8(Int64(positions.upperBound))]
      )
    )
    guard let row = rows.first else { return nil }
    let (loaded, skipped, replaced, unreadable) = try row.decode(
      Int.self,
      Int.self,
      Int.self,
      Int.self
    )
    return LoadCounts(loaded: loaded, skipped: skipped, replaced: replaced, unreadable: unreadable)
  }

  /// Writes down that the load ran to its end, with one batch in place of all.
  ///
  /// - Parameter batch: nil for a folder, whose images are recorded one by one.
  func finish(_ batch: CommittedBatch?, _ connection: PostgresConnection) async throws {
    try await connection.transaction { connection in
      try await connection.query(
        .init(trusted: "DELETE FROM \(batches) WHERE load_key = $1", binds: [.text(key)])
      )
      if let batch {
        try await connection.query(entry(batch).statement)
      } else {
        try await checkOwner(connection)
      }
      try await connection.query(
        .init(
          trusted: "UPDATE \(loads) SET is_finished = true, finished_at = now() WHERE load_key = $1",
          binds: [.text(key)]
        )
      )
    }
  }
}

// What is written in the transaction of a batch.
extension LoadJournal {
  /// A batch's row, for the transaction that writes its rows.
  ///
  /// The end is NULL, which the table refuses, once another run has taken the load over.
  func entry(_ batch: CommittedBatch) -> JournalEntry {
    let numbers = [
      batch.positions.lowerBound, batch.place.offset, batch.place.line, batch.counts.loaded,
      batch.counts.skipped, batch.counts.replaced, batch.counts.unreadable, batch.positions.upperBound,
    ]
    return JournalEntry(
      batches: batches,
      loads: loads,
      values: [.text(key)] + numbers.map { .int8(Int64($0)) } + [.text(token)]
    )
  }

  /// Refuses to go on once another run has taken the load over.
  /// - Throws: `LoadError` with code `locked`.
  func checkOwner(_ connection: PostgresConnection) async throws {
    let rows = try await connection.query(
      .init(
        trusted: "SELECT 1 FROM \(loads) WHERE load_key = $1 AND run_token = $2",
        binds: [.text(key), .text(token)]
      )
    )
    guard rows.isEmpty else { return }
    throw LoadError(
      .locked,
      "another run has taken this load over after this one had lost its connection. Fix: let that run end"
    )
  }
}
