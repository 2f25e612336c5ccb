internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// The record and the lock of one run.
struct LoadTracker: Sendable {
  /// Nil when no record is kept.
  let ledger: LoadLedger?
  let lock: LoadLock?
  /// What earlier runs left; empty for a fresh start.
  let record: LoadRecord
  /// Whether an earlier run did everything.
  let isFinished: Bool

  private let isFresh: Bool
  private let connection: PostgresConnection
  private let indexes: LoadOptions.IndexPolicy
  private let onEvent: @Sendable (LoadEvent) -> Void

  /// Looks for a record; writes nothing.
  /// - Throws: `LoadError` with code `resume` or `locked`.
  init(_ run: LoadRun, table: TargetTable, server: ServerCapabilities) async throws {
    connection = run.connection
    indexes = run.options.indexes
    onEvent = run.onEvent
    let fingerprint = try await run.fingerprint.value
    let isTracked = run.options.continuation != .untracked && fingerprint != nil
    if run.options.continuation == .resume, fingerprint == nil {
      throw LoadError(
        .resume,
        "\(run.source.name) cannot be read again from the start, so it cannot be resumed"
      )
    }
    try Self.checkIndexes(run, table, isTracked: isTracked)
    let ledger = LoadLedger(table: table.catalog.name, source: run.source.identity, server: server)
    let empty = LoadRecord(
      key: ledger.key,
      tableOID: table.catalog.oid,
      fingerprint: fingerprint?.description ?? "",
      recipe: run.options.recipe,
      deferredIndexes: [],
      isFinished: false,
      counts: LoadCounts(),
      done: DoneRanges(),
      offset: 0,
      line: 1
    )
    guard isTracked else {
      (self.ledger, lock, record, isFinished, isFresh) = (nil, nil, empty, false, true)
      return
    }
    self.ledger = ledger
    lock = run.options.isDryRun ? nil : LoadLock(key: ledger.key)
    try await lock?.acquire(connection, patience: run.options.lockPatience)
    guard let found = try await ledger.read(connection) else {
      (record, isFinished, isFresh) = (empty, false, true)
      return
    }
    let next = try found.continuation(
      run.options.continuation,
      table: table,
      fingerprint: empty.fingerprint,
      recipe: empty.recipe,
      source: run.source.name,
      expected: try await run.source.expectedCount()
    )
    var kept = found
    if next == .fresh {
      kept = empty
      // Indexes that the earlier run dropped must come back all the same.
      kept.deferredIndexes =
        found.isFinished || found.tableOID != table.catalog.oid ? [] : found.deferredIndexes
    }
    (record, isFinished, isFresh) = (kept, next == .finished, next == .fresh)
  }

  /// - Throws: `LoadError` with code `option` when indexes are to be dropped that would not come back.
  private static func checkIndexes(_ run: LoadRun, _ table: TargetTable, isTracked: Bool) throws {
    guard run.options.indexes == .defer, !table.vectorIndexes.isEmpty else { return }
    let name = table.target.table.quoted
    guard isTracked else {
      throw LoadError(
        .option,
        "deferring the indexes of \(name) needs the record of the load, which keeps their definitions: load from a file "
          + "and without --untracked, or choose --indexes keep"
      )
    }
    guard table.hasDroppableIndexes else {
      let reason =
        table.catalog.isOwned ? "\(name) is partitioned, or a partition" : "\(name) is another user's"
      throw LoadError(
        .option,
        "\(reason), so its indexes cannot be dropped and built again; choose --indexes keep"
      )
    }
  }

  /// Where the source goes on.
  var start: SourcePlace { record.place }

  /// Writes down that the load begins, and drops the indexes that are to be built behind it.
  /// - Returns: the definitions of indexes that must be built at the end.
  func begin(_ table: TargetTable, expected: Int?) async throws -> [String] {
    guard let ledger else { return [] }
    guard isFresh else { return record.deferredIndexes }
    try await ledger.install(connection)
    let dropped = defers(table, expected) ? table.vectorIndexes : []
    if !dropped.isEmpty {
      onEvent(
        .step("dropping \(dropped.map(\.name).joined(separator: ", ")), to be built again behind the load")
      )
    }
    var begun = record
    begun.deferredIndexes = record.deferredIndexes + dropped.map(\.definition)
    try await ledger.begin(begun, dropping: dropped.map(\.name), connection)
    return begun.deferredIndexes
  }

  /// The record as it is now when positions before `end` are missing from it; nil when it is complete, or none is kept.
  func incomplete(before end: Int, _ connection: PostgresConnection) async throws -> LoadRecord? {
    guard let ledger, let record = try await ledger.read(connection) else { return nil }
    return record.done.prefix < end ? record : nil
  }

  /// Writes down that the load ran to its end.
  func finish(
    _ counts: LoadCounts,
    end: SourcePlace,
    _ connection: PostgresConnection
  ) async throws {
    try await ledger?.finish(counts, end: end, connection)
  }

  private static let manyRows = 5_000

  private func defers(_ table: TargetTable, _ expected: Int?) -> Bool {
    switch indexes {
    case .keep: false
    case .defer: !table.vectorIndexes.isEmpty
    case .automatic:
      table.hasDroppableIndexes && !table.hasRows && !table.vectorIndexes.isEmpty
        && expected ?? Self.manyRows >= Self.manyRows
    }
  }
}

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
    let rows = try await connection.query(trusted: text, parameters: ParameterList([.int8(key)]))
    return try rows.first?.value(at: 0, as: Bool.self) ?? false
  }
}
