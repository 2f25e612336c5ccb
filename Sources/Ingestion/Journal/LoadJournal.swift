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

  /// The layout that this version writes. Version 1 had neither a version nor images, version 2 no hashes of contents.
  static let version = 3

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
  private enum Layout {
    case missing
    case version1
    case version2
    case current
  }

  private func layout(_ connection: PostgresConnection) async throws -> Layout {
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
    do {
      _ = try await connection.query(
        .init(trusted: "SELECT content_hash, missing_since FROM \(images) LIMIT 0")
      )
      return .current
    } catch let error as PostgresError where error.sqlState == "42703" {
      return .version2
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
      case .version2:
        try await add(
          "\(images) ADD COLUMN content_hash text, ADD COLUMN missing_since timestamptz",
          connection
        )
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

  private func create(_ connection: PostgresConnection) async throws {
    let placement = distributes ? " DISTRIBUTED BY (load_key)" : ""
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
        modified_at bigint NOT NULL, content_hash text, missing_since timestamptz, PRIMARY KEY (load_key, path)
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

  /// Streams the images that earlier runs of a folder's load dealt with, and whether their rows are in the table.
  ///
  /// - Parameter target: nil does not look for the rows, and takes them for present.
  func readImages(
    _ connection: PostgresConnection,
    target: TargetTable?,
    _ body: @escaping @Sendable (RecordedImage) -> Void
  ) async throws {
    let layout = try await layout(connection)
    guard layout == .current || layout == .version2 else { return }
    let content =
      layout == .current ? "i.content_hash IS NOT NULL, i.missing_since IS NOT NULL" : "false, false"
    let join: String
    if let target, !target.catalog.hasRowSecurity {
      let id = target.target.idColumn.quoted
      // An id that was freed may be another image's now: the source tells.
      let sameSource =
        target.hasSource
        ? " AND coalesce(right(t.\(target.target.sourceColumn.quoted), length(i.path)) = i.path"
          + " OR i.path LIKE 'file:%', true)"
        : ""
      let key = target.idIsText ? "i.id::text" : "i.id"
      join =
        "t.\(id) IS NOT NULL FROM \(images) i LEFT JOIN \(target.catalog.name.quoted) t ON t.\(id) = \(key)\(sameSource)"
    } else {
      join = "true FROM \(images) i"
    }
    let query = Statement(
      trusted: "SELECT i.path, i.id, i.byte_count, i.modified_at, \(content), \(join) WHERE i.load_key = $1",
      binds: [.text(key)]
    )
    try await connection.forEachRow(query) { row in
      let (path, id, byteCount, modified, hasHash, isMissing, isPresent) = try row.decode(
        String.self,
        Int64?.self,
        Int.self,
        Int.self,
        Bool.self,
        Bool.self,
        Bool.self
      )
      body(
        RecordedImage(
          path: path,
          id: id,
          byteCount: byteCount,
          modificationTime: modified,
          isPresent: isPresent,
          hasHash: hasHash,
          isMissing: isMissing
        )
      )
    }
  }

  /// Where contents are recorded.
  func matches(_ hashes: [String], _ connection: PostgresConnection) async throws -> [FolderComparison.Match]
  {
    guard try await layout(connection) == .current else { return [] }
    var matches: [FolderComparison.Match] = []
    for start in stride(from: 0, to: hashes.count, by: Self.hashesPerStatement) {
      let chunk = Array(hashes[start..<min(start + Self.hashesPerStatement, hashes.count)])
      let rows = try await connection.query(
        .init(
          trusted: """
            SELECT content_hash, path FROM \(images)
            WHERE load_key = $1 AND id IS NOT NULL AND content_hash = ANY ($2)
            """,
          binds: [.text(key), .textArray(chunk)]
        )
      )
      for row in rows {
        let (hash, path) = try row.decode(String.self, String.self)
        matches.append(FolderComparison.Match(hash: hash, path: path))
      }
    }
    return matches
  }

  private static let hashesPerStatement = 20_000

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

  /// Writes down images whose rows are in the table though no record of them is.
  private func adopt(_ plan: LoadPlan, _ connection: PostgresConnection) async throws {
    let adopted = plan.adopted.map { plan.image(at: $0, hash: plan.hashes[$0]) }
    for start in stride(from: 0, to: adopted.count, by: Self.imagesPerStatement) {
      let chunk = adopted[start..<min(start + Self.imagesPerStatement, adopted.count)]
      for statement in imageStatements(Array(chunk)) { try await connection.run(trusted: statement) }
    }
  }

  private static let imagesPerStatement = 500

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
      if let batch { try await connection.query(entry(batch).statement) }
      try await connection.query(
        .init(
          trusted: "UPDATE \(loads) SET is_finished = true, finished_at = now() WHERE load_key = $1",
          binds: [.text(key)]
        )
      )
    }
  }
}

/// What the journal keeps of an image.
struct JournalImage: Sendable, Hashable {
  var file: ImageFile
  /// Nil for an image that could not be read.
  var id: Int64?
  /// Whether the journal may have a row of it that has to be replaced.
  var isKnown: Bool
  /// The SHA-256 of the content; nil where it could not be taken.
  var hash: String?

  /// The file's time of modification where a later modification would show in it, else 0.
  var recordedTime: Int64 { file.isRecent ? 0 : Int64(file.modificationTime) }
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

  /// Writes images down, as text for a message of several statements.
  func imageStatements(_ written: [JournalImage]) -> [String] {
    guard !written.isEmpty else { return [] }
    let known = written.filter(\.isKnown).map { SQLValue.text($0.file.path).literal }
    let rows = written.map { image in
      let values: [SQLValue] = [
        .text(key), .text(image.file.path), image.id.map { .int8($0) } ?? .null,
        .int8(Int64(image.file.byteCount)), .int8(image.recordedTime), image.hash.map { .text($0) } ?? .null,
      ]
      return "(" + values.map(\.literal).joined(separator: ", ") + ")"
    }
    let removal =
      known.isEmpty
      ? []
      : [
        "DELETE FROM \(images) WHERE load_key = \(SQLValue.text(key).literal) AND path IN "
          + "(\(known.joined(separator: ", ")))"
      ]
    return removal + [
      "INSERT INTO \(images) (load_key, path, id, byte_count, modified_at, content_hash) VALUES \(rows.joined(separator: ", "))"
    ]
  }
}

extension LoadJournal {
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

/// A batch's row of the journal, ready to be inserted.
struct JournalEntry: Sendable, Hashable {
  private static let columns =
    "load_key, first_position, end_offset, end_line, loaded, skipped, replaced, unreadable, end_position"

  /// The table of batches, quoted.
  let batches: String
  /// The table of loads, quoted.
  let loads: String
  /// The columns' values, the end of the batch and the run's token last.
  let values: [SQLValue]

  /// The insertion with bound values.
  var statement: Statement {
    Statement(trusted: text(values.indices.map { "$\($0 + 1)" }), binds: values)
  }

  /// The insertion as text for a message of several statements, which carries no parameters.
  var script: String { text(values.map(\.literal)) }

  private func text(_ values: [String]) -> String {
    let plain = values.prefix(8).joined(separator: ", ")
    return
      "INSERT INTO \(batches) (\(Self.columns)) VALUES (\(plain), (SELECT \(values[8])::int8 FROM \(loads) "
      + "WHERE load_key = \(values[0]) AND run_token = \(values[9])))"
  }
}
