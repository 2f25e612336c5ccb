internal import Basics
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// Writes batches on one connection or several. Each connection has one batch to go on with, so that at most one more
/// than twice their number is in memory.
struct LoadLanes {
  let context: LoadContext
  private let lanes: [LoadLane]

  init(_ context: LoadContext) {
    self.context = context
    lanes = (0..<max(context.options.connections, 1)).map { _ in LoadLane(context) }
  }

  /// Connects, while nothing is there to be written yet.
  func open() {
    for lane in lanes { Task { await lane.open() } }
  }

  /// Writes everything that the feed gives.
  /// - Throws: the first failure, after the other connections have stopped; what they committed meanwhile is counted.
  func write(_ feed: inout BatchFeed, _ meter: inout LoadMeter) async throws {
    let failure = await writeAll(&feed, &meter)
    await close()
    if let failure { throw failure }
  }

  /// The first failure, or nil.
  private func writeAll(_ feed: inout BatchFeed, _ meter: inout LoadMeter) async -> (any Error)? {
    await withTaskGroup(of: Result<Written, any Error>.self) { group in
      var free = lanes + lanes
      var failure: (any Error)?
      var underWay = IDsUnderWay(context)

      /// Counts what is written; after a batch that could not be, the others stop.
      func take(_ outcome: Result<Written, any Error>) {
        switch outcome {
        case .success(let written):
          context.report(.progress(meter.add(written.counts, positions: written.positions.count)))
          free.append(written.lane)
          underWay.remove(written.positions)
        case .failure(let error):
          failure = failure ?? error
          group.cancelAll()
        }
      }

      /// The next batch; nil at the end, and where it cannot be read: what was read before is still written.
      func next() async -> LoadBatch? {
        do {
          return try await feed.next()
        } catch {
          failure = error
          return nil
        }
      }

      while failure == nil, let current = await next() {
        while failure == nil, free.isEmpty || underWay.meets(current), let outcome = await group.next() {
          take(outcome)
        }
        guard failure == nil else { break }
        underWay.insert(current)
        let lane = free.removeFirst()
        group.addTask { await written(current, by: lane) }
      }
      while let outcome = await group.next() { take(outcome) }
      return failure
    }
  }

  private func written(_ batch: LoadBatch, by lane: LoadLane) async -> Result<Written, any Error> {
    do {
      let counts = try await lane.write(batch)
      return .success(Written(lane: lane, counts: counts, positions: batch.positions))
    } catch {
      return .failure(error)
    }
  }

  /// Ends the connections.
  func close() async {
    for lane in lanes { await lane.close() }
  }

  private struct Written: Sendable {
    let lane: LoadLane
    let counts: LoadCounts
    let positions: Range<Int>
  }
}

/// The ids of the batches that are being written: a batch that shares one waits, so that of rows with the same id the
/// order of the source decides, as with one connection, and no two transactions wait for each other.
private struct IDsUnderWay {
  private let isNeeded: Bool
  private var batches: [Int: Set<ImageID>] = [:]

  init(_ context: LoadContext) {
    isNeeded = context.options.connections > 1 && context.policy != .fail
  }

  mutating func insert(_ batch: LoadBatch) {
    if isNeeded { batches[batch.positions.lowerBound] = Set(batch.rows.ids) }
  }

  mutating func remove(_ positions: Range<Int>) {
    batches[positions.lowerBound] = nil
  }

  func meets(_ batch: LoadBatch) -> Bool {
    isNeeded && batches.values.contains { !$0.isDisjoint(with: batch.rows.ids) }
  }
}

/// One connection that writes batches, one after another, and reconnects.
///
/// Lane and connection share a thread: a batch that waits in the lane is begun as soon as the one before it is committed.
actor LoadLane {
  private let context: LoadContext
  private nonisolated let executor = ThreadExecutor()
  private var last: Task<LoadCounts, any Error>?
  private var connection: PostgresConnection?
  /// The server's process behind a connection that broke; it may not have noticed, and hold its rows locked.
  private var lostBackend: Int32?

  /// Pauses between attempts grow to about three seconds.
  private static let longestDoubling = 5

  init(_ context: LoadContext) {
    self.context = context
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Writes a batch and its record in one transaction, behind the batches that came before; tries again when the
  /// connection broke or the server asks for it.
  /// - Throws: `PostgresError`, `LoadError`, `CancellationError`; the batch is then not in the table. Also what a batch
  ///   before it threw.
  func write(_ batch: LoadBatch) async throws -> LoadCounts {
    let turn = Task { [last] in
      _ = try await last?.value
      return try await writeInTurn(batch)
    }
    last = turn
    return try await withTaskCancellationHandler {
      try await turn.value
    } onCancel: {
      turn.cancel()
    }
  }

  /// Connects; why it could not shows with the first batch.
  func open() {
    guard last == nil else { return }
    last = Task {
      _ = try? await openConnection()
      return LoadCounts()
    }
  }

  private func writeInTurn(_ batch: LoadBatch) async throws -> LoadCounts {
    var attempt = 0
    while true {
      do {
        return try await writeOnce(batch, isRepeated: attempt > 0)
      } catch let error as PostgresError where context.isTakenOver(error) {
        throw LoadError(
          .locked,
          "another run has taken this load over after this one had lost its connection. Fix: let that run end"
        )
      } catch let error as PostgresError where error.sqlState == "23505" && attempt > 0 {
        // The transaction whose answer was lost may have committed only after it was looked for.
        if let counts = try await committed(batch) { return counts }
        throw error
      } catch let error as PostgresError where mayRetry(error) && attempt < context.options.retries {
        attempt += 1
        context.report(.retrying(reason: error.description, attempt: attempt))
        if error.isConnectionProblem {
          // A pooler's connections are others' backends.
          if !context.isPooled { lostBackend = connection?.backendPID ?? lostBackend }
          await drop()
        }
        try await Task.sleep(for: .milliseconds(100 << min(attempt, Self.longestDoubling)))
      }
    }
  }

  /// Without a record nobody could tell whether a transaction whose answer was lost had committed.
  private func mayRetry(_ error: PostgresError) -> Bool {
    error.isWorthRetrying(on: context.engine)
      && (context.journal != nil || context.policy != .fail || !error.isConnectionProblem)
  }

  private func committed(_ batch: LoadBatch) async throws -> LoadCounts? {
    guard let journal = context.journal else { return nil }
    return try await journal.counts(of: batch.positions, try await openConnection())
  }

  /// Ends the connection.
  func close() async {
    await drop()
  }

  private func drop() async {
    await connection?.close()
    connection = nil
  }

  private func writeOnce(_ batch: LoadBatch, isRepeated: Bool) async throws -> LoadCounts {
    let connection = try await openConnection()
    // The answer to the last COMMIT may have been lost, and not the COMMIT.
    if isRepeated, let counts = try await committed(batch) { return counts }
    let watchdog = Watchdog(context.options.batchTimeout) { connection.abandon() }
    defer { watchdog.stop() }
    let policy = context.policy
    let rows = policy == .fail ? batch.rows : batch.rows.distinct(keepingLast: policy == .update)
    let written = SinkBatch(
      head: context.head,
      rows: rows,
      changed: batch.changed,
      images: try context.journal?.imageStatements(batch.images) ?? []
    )
    return try await context.sink.commit(written, on: connection) { [journal = context.journal] written in
      var counts = written
      counts.skipped += batch.rows.count - rows.count
      counts.unreadable = batch.unreadable.count
      let committed = CommittedBatch(positions: batch.positions, place: batch.place, counts: counts)
      return (counts, journal?.entry(committed))
    }
  }

  /// Ends what is left of a connection that broke: it would keep the rows of its transaction from everybody else.
  private static func end(_ backend: Int32, _ connection: PostgresConnection) async throws {
    let text: StaticString = """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE pid = $1 AND usename = current_user AND application_name = current_setting('application_name')
      """
    for _ in 0..<50 {
      let left = try await connection.query(Statement(text, binds: [.int4(backend)]))
      if left.isEmpty { return }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func openConnection() async throws -> PostgresConnection {
    if let connection { return connection }
    let opened = try await PostgresConnection.connect(context.settings, on: executor)
    if let lostBackend { try await Self.end(lostBackend, opened) }
    lostBackend = nil
    try await context.sink.prepare(opened)
    connection = opened
    return opened
  }
}

/// What the lanes of a load share.
struct LoadContext: Sendable {
  let settings: ConnectionSettings
  let options: LoadOptions
  /// What happens to rows that are in the table.
  let policy: LoadOptions.ConflictPolicy
  let sink: any RowSink
  let journal: LoadJournal?
  let lock: LoadLock?
  /// Whether a batch's commit does not wait for the server's disk. Rows and record are lost together when the server
  /// crashes, the record is compared at the end, and the load's last commit waits for all of them. Not where a commit
  /// spans machines: there the last commit may wait for one of them only.
  let commitsLate: Bool
  /// Whether a pooler stands between, so that the backend's process is not known.
  let isPooled: Bool
  /// How the server does what engines do in different ways.
  let engine: Engine
  let report: @Sendable (LoadEvent) -> Void

  /// What every transaction runs first: nothing of it outlives the transaction, so that a pooler's connections stay clean.
  var head: SQL? {
    let late: SQL? = commitsLate ? "set_config('synchronous_commit', 'off', true)" : nil
    let calls = [late, lock?.sharing].compactMap(\.self)
    return calls.isEmpty ? nil : "SELECT \(calls.joined(separator: ", "))"
  }

  /// Whether the journal refused a batch because its run's token is not there any more.
  func isTakenOver(_ error: PostgresError) -> Bool { journal != nil && error.isRefusalOfJournal }
}

extension PostgresError {
  /// Whether the journal refused a batch. Greenplum 6 names no table, and the column in the message alone.
  var isRefusalOfJournal: Bool {
    sqlState == "23502"
      && tableName.map { $0 == "adbvec_load_batch" } ?? message.contains("\"end_position\"")
  }

  /// Whether the same statement may succeed later: the connection is gone, the server restarts or is full, a deadlock
  /// or a serialisation failure chose this transaction, or another node was lost.
  func isWorthRetrying(on engine: Engine) -> Bool {
    if isConnectionProblem { return code != .invalidSettings && code != .libraryMissing }
    guard let sqlState else { return false }
    return ["40001", "40P01", "53300"].contains(sqlState) || engine.statesOfLostNodes.contains(sqlState)
  }
}

/// Runs something when a time has passed.
struct Watchdog: Sendable {
  private let timer: Task<Void, Never>?

  /// - Parameter limit: nil for no limit.
  init(_ limit: Duration?, _ expire: @escaping @Sendable () -> Void) {
    timer = limit.map { limit in
      Task {
        do {
          try await Task.sleep(for: limit)
          expire()
        } catch {
          // Stopped in time.
        }
      }
    }
  }

  func stop() {
    timer?.cancel()
  }
}
