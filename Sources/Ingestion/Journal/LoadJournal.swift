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

  private let loads: QualifiedName
  private let batches: QualifiedName
  /// The table of images.
  let images: QualifiedName
  private let distributes: Bool

  /// - Parameters:
  ///   - table: with the schema it was found in, so that every spelling of the name finds the same record.
  ///   - source: what names the source wherever it is loaded from.
  init(table: QualifiedName, source: String, server: ServerCapabilities) {
    loads = QualifiedName(schema: table.schema, name: "adbvec_load")
    batches = QualifiedName(schema: table.schema, name: "adbvec_load_batch")
    images = QualifiedName(schema: table.schema, name: "adbvec_load_image")
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
        sql: "SELECT coalesce(max(version), \(Int32(Self.version))) FROM \(table: loads)"
      )
      let newest = try rows.first?.value(at: 0, as: Int.self) ?? Self.version
      guard newest <= Self.version else {
        throw LoadError(
          .resume,
          "\(loads.quoted) was written by a newer adbvec (layout \(newest), this one knows \(Self.version)). Fix: use that "
            + "version, or load with --untracked"
        )
      }
      try await connection.query(sql: "SELECT 1 FROM \(table: batches), \(table: images) LIMIT 0")
    } catch let error as PostgresError where error.sqlState == "42703" {
      return .version1
    } catch let error as PostgresError where error.sqlState == "42P01" {
      return .missing
    }
    var columns = Self.addedColumns
    while let newest = columns.last {
      if try await has(columns.map(\.column.name), connection) { return newest.layout }
      columns.removeAll { $0.layout == newest.layout }
    }
    return .version2
  }

  private func has(_ columns: [Identifier], _ connection: PostgresConnection) async throws -> Bool {
    let list = columns.map(SQL.identifier).joined(separator: ", ")
    do {
      try await connection.query(sql: "SELECT \(list) FROM \(table: images) LIMIT 0")
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
        let added: [Identifier] = ["version", "on_conflict", "index_restores", "run_token"]
        try await add(loadTable.columns.filter { added.contains($0.name) }, to: loads, connection)
      case .version2, .version3, .version4, .version5:
        for (_, column) in Self.addedColumns {
          if try await has([column.name], connection) { continue }
          try await add([column], to: images, connection)
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
        "this user may not create or alter \(loads.quoted), which keeps the progress of loads. Fix: GRANT CREATE on the schema, "
          + "or load with --untracked"
      )
    }
  }

  /// What later versions added to the table of images, in their order.
  private static let addedColumns: [(layout: Layout, column: TableDefinition.ColumnDefinition)] = [
    (.version3, .init("content_hash", .text)), (.version3, .init("missing_since", .timestamptz)),
    (.version4, .init("id_text", .text)), (.version5, .init("phash", .bigint)),
    (.version5, .init("duplicate_of", .text)), (.current, .init("status_changed_at", .bigint)),
  ]

  private var loadTable: TableDefinition {
    TableDefinition(
      loads,
      columns: [
        .init("load_key", .text, notNull: true), .init("version", .integer, notNull: true, default: "1"),
        .init("table_oid", .bigint, notNull: true), .init("fingerprint", .text, notNull: true),
        .init("recipe", .text, notNull: true), .init("on_conflict", .text, notNull: true, default: "'fail'"),
        .init("deferred_indexes", .textArray, notNull: true),
        .init("index_restores", .textArray, notNull: true, default: "'{}'"), .init("run_token", .text),
        .init("is_finished", .boolean, notNull: true),
        .init("started_at", .timestamptz, notNull: true, default: "now()"),
        .init("finished_at", .timestamptz),
      ],
      primaryKey: ["load_key"]
    )
  }

  private var batchTable: TableDefinition {
    let numbers: [Identifier] = [
      "first_position", "end_position", "end_offset", "end_line", "loaded", "skipped", "replaced",
      "unreadable",
    ]
    return TableDefinition(
      batches,
      columns: [.init("load_key", .text, notNull: true)] + numbers.map { .init($0, .bigint, notNull: true) },
      primaryKey: ["load_key", "first_position"]
    )
  }

  private var imageTable: TableDefinition {
    TableDefinition(
      images,
      columns: [
        .init("load_key", .text, notNull: true), .init("path", .text, notNull: true), .init("id", .bigint),
        .init("byte_count", .bigint, notNull: true), .init("modified_at", .bigint, notNull: true),
      ] + Self.addedColumns.map(\.column),
      primaryKey: ["load_key", "path"]
    )
  }

  private func create(_ connection: PostgresConnection) async throws {
    let tables = [loadTable, batchTable, imageTable].map { table in
      var table = table
      table.distributionKey = ["load_key"]
      return table
    }
    try await connection.pipeline(try tables.map { try $0.creation(distributes: distributes) })
  }

  private func add(
    _ columns: [TableDefinition.ColumnDefinition],
    to table: QualifiedName,
    _ connection: PostgresConnection
  ) async throws {
    let actions = columns.map { "ADD COLUMN \($0.declaration)" as SQL }.joined(separator: ", ")
    do {
      try await connection.query(sql: "ALTER TABLE \(table: table) \(actions)")
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
    let columns: SQL =
      layout != .version1
      ? "version, on_conflict, index_restores" : "1, 'fail'::text, '{}'::text[]"
    let head = try await connection.query(
      sql: """
        SELECT table_oid, fingerprint, recipe, deferred_indexes, is_finished, \(columns)
        FROM \(table: loads) WHERE load_key = \(key)
        """
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
      sql: """
        SELECT first_position, end_position, end_offset, end_line, loaded, skipped, replaced, unreadable
        FROM \(table: batches) WHERE load_key = \(key) ORDER BY first_position
        """
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
      sql: "UPDATE \(table: loads) SET run_token = \(token) WHERE load_key = \(key)"
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
      // Their names are the catalogue's, quoted where that is needed.
      for index in indexes { try await connection.run(trusted: "DROP INDEX IF EXISTS \(index)") }
      if isFresh || plan != nil {
        try await connection.query(sql: "DELETE FROM \(table: batches) WHERE load_key = \(key)")
      }
      let started = try await connection.query(
        sql: "DELETE FROM \(table: loads) WHERE load_key = \(key) RETURNING started_at::text, table_oid"
      )
      let before = try started.first?.value(at: 0, as: String.self)
      // Images of a table that was dropped since then say nothing of the one that has its name now.
      if let oid = try started.first?.value(at: 1, as: Int64.self), oid != Int64(record.tableOID) {
        try await connection.query(sql: "DELETE FROM \(table: images) WHERE load_key = \(key)")
      }
      let since = isFresh ? nil : before
      try await connection.query(
        sql: """
          INSERT INTO \(table: loads) (load_key, version, table_oid, fingerprint, recipe, on_conflict, deferred_indexes,
            index_restores, run_token, is_finished, started_at)
          VALUES (\(key), \(Int32(Self.version)), \(Int64(record.tableOID)), \(record.fingerprint), \(record.recipe),
            \(record.onConflict.rawValue), \(record.deferredIndexes), \(record.indexRestores), \(token), false,
            coalesce(\(since.sqlValue)::text::timestamptz, now()))
          """
      )
      if let plan { try await adopt(plan, connection) }
    }
  }

  /// Whether a batch was committed, and its counts, after an answer that never came.
  func counts(of positions: Range<Int>, _ connection: PostgresConnection) async throws -> LoadCounts? {
    let rows = try await connection.query(
      sql: """
        SELECT loaded, skipped, replaced, unreadable FROM \(table: batches)
        WHERE load_key = \(key) AND first_position = \(positions.lowerBound) AND end_position = \(positions.upperBound)
        """
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
      try await connection.query(sql: "DELETE FROM \(table: batches) WHERE load_key = \(key)")
      if let batch {
        try await connection.query(sql: entry(batch).insertion)
      } else {
        try await checkOwner(connection)
      }
      try await connection.query(
        sql: "UPDATE \(table: loads) SET is_finished = true, finished_at = now() WHERE load_key = \(key)"
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
    JournalEntry(batches: batches, loads: loads, key: key, token: token, batch: batch)
  }

  /// Refuses to go on once another run has taken the load over.
  /// - Throws: `LoadError` with code `locked`.
  func checkOwner(_ connection: PostgresConnection) async throws {
    let rows = try await connection.query(
      sql: "SELECT 1 FROM \(table: loads) WHERE load_key = \(key) AND run_token = \(token)"
    )
    guard rows.isEmpty else { return }
    throw LoadError(
      .locked,
      "another run has taken this load over after this one had lost its connection. Fix: let that run end"
    )
  }
}
