internal import ImageSources
internal import PostgresClient

/// One run of a load, from the checks to the last step.
struct LoadRun: Sendable {
  let loader: Loader
  let source: any BatchSource
  /// What tells the source's content from another's, once it is known.
  let fingerprint: Task<SourceFingerprint?, any Error>
  let connection: PostgresConnection
  let onEvent: @Sendable (LoadEvent) -> Void

  var options: LoadOptions { loader.options }
  var target: LoadTarget { loader.target }

  func perform() async throws -> LoadReport {
    let start = ContinuousClock.now
    let server = try await connection.capabilities()
    let table = try await TargetTable.read(target, on: connection)
    let check = try TableCheck(table)
    try TableCheck.checkMetric(options.metric, of: table)
    let choice = try WriterChoice(
      options,
      table: table,
      check: check,
      source: source,
      server: server
    )
    let warnings = check.warnings + choice.warnings
    warnings.forEach { onEvent(.warning($0)) }
    let tracker = try await LoadTracker(self, table: table, server: server)
    var report = LoadReport(method: choice.reason, warnings: warnings)
    if tracker.isFinished {
      report.wasFinished = true
      report.counts = tracker.record.counts
      return report
    }
    try await source.skip(to: tracker.start)
    let lanes = LoadLanes(context(choice, tracker, server))
    // The server starts its processes while the first rows are read.
    if !options.isDryRun { lanes.open() }
    var feed = BatchFeed(self, table: table, check: check, done: tracker.record.done)
    // The first rows pass every check before anything is written, the record included.
    let first = try await feed.next()
    if first == nil, tracker.record.done.count == 0 {
      throw CollectionError(.empty, file: source.name, "there is no row in it")
    }
    onEvent(.started(try await plan(feed, choice, tracker)))
    report.isDryRun = options.isDryRun
    var meter = LoadMeter(before: tracker.record, expected: try await source.expectedCount())
    if options.isDryRun {
      try await rehearse(first, &feed, &meter)
    } else {
      let deferred = try await tracker.begin(table, expected: try await source.expectedCount())
      try await write(first, &feed, &meter, lanes, tracker, deferred, server)
    }
    report.counts = meter.total
    report.thisRun = meter.thisRun
    report.unreadable = feed.unreadable
    report.duration = ContinuousClock.now - start
    return report
  }

  private func plan(_ feed: BatchFeed, _ choice: WriterChoice, _ tracker: LoadTracker) async throws
    -> LoadPlan
  {
    LoadPlan(
      source: source.name,
      dimension: feed.dimension,
      method: choice.reason,
      batchRows: feed.batchRows,
      expectedCount: try await source.expectedCount(),
      alreadyDone: tracker.record.done.count
    )
  }

  /// Reads and checks everything, duplicates among it, and writes nothing.
  private func rehearse(_ first: LoadBatch?, _ feed: inout BatchFeed, _ meter: inout LoadMeter) async throws {
    var seen = SeenIDs()
    var batch = first
    while let current = batch {
      for id in current.rows.ids where !seen.insert(id) && options.onConflict == .fail {
        throw LoadError(.row, "\(source.name): the id \(id) comes twice; choose --on-conflict skip or update")
      }
      var counts = LoadCounts()
      (counts.loaded, counts.unreadable) = (current.rows.count, current.unreadable.count)
      onEvent(.progress(meter.add(counts, positions: current.positions.count)))
      batch = try await feed.next()
    }
  }

  /// The run's own connection, or a new one when the server has been away meanwhile.
  private func liveConnection() async throws -> PostgresConnection {
    if (try? await connection.run("")) != nil { return connection }
    var attempt = 0
    while true {
      do {
        return try await PostgresConnection.connect(loader.settings)
      } catch let error as PostgresError where error.isWorthRetrying && attempt < options.retries {
        attempt += 1
        try await Task.sleep(for: .seconds(1))
      }
    }
  }

  private func context(_ choice: WriterChoice, _ tracker: LoadTracker, _ server: ServerCapabilities)
    -> LoadContext
  {
    LoadContext(
      settings: loader.settings,
      options: options,
      writer: choice.writer,
      ledger: tracker.ledger,
      lock: tracker.lock,
      commitsLate: tracker.ledger != nil && server.product == .postgreSQL,
      report: onEvent
    )
  }

  private func write(
    _ first: LoadBatch?,
    _ feed: inout BatchFeed,
    _ meter: inout LoadMeter,
    _ lanes: LoadLanes,
    _ tracker: LoadTracker,
    _ deferred: [String],
    _ server: ServerCapabilities
  ) async throws {
    do {
      try await lanes.write(first, &feed, &meter)
      let connection = try await liveConnection()
      try await writeLost(&feed, &meter, lanes.context, tracker, connection)
      let finish = LoadFinish(run: self, connection: connection, server: server)
      try await finish.buildIndexes(deferred, rows: meter.total.loaded, dimension: feed.dimension)
      try await finish.analyze(feed.check)
      try await tracker.finish(meter.total, end: feed.end, connection)
      if connection !== self.connection { await connection.close() }
    } catch {
      throw LoadInterruption(cause: error, counts: meter.total, isResumable: tracker.ledger != nil)
    }
  }

  /// Writes batches again that had committed late and that a crash of the server took back.
  private func writeLost(
    _ feed: inout BatchFeed,
    _ meter: inout LoadMeter,
    _ context: LoadContext,
    _ tracker: LoadTracker,
    _ connection: PostgresConnection
  ) async throws {
    var before: DoneRanges?
    while let record = try await tracker.incomplete(before: feed.end.position, connection) {
      guard record.done != before else {
        throw LoadError(.resume, "\(source.name): rows that were read before are not there any more")
      }
      before = record.done
      onEvent(.warning("the server crashed and lost its last commits; their rows are written again"))
      try await source.skip(to: record.place)
      feed.restart(skipping: record.done)
      meter.restart(from: record)
      try await LoadLanes(context).write(try await feed.next(), &feed, &meter)
    }
  }
}

/// Counts what was committed and how fast.
struct LoadMeter: Sendable {
  /// This run and the runs it goes on from.
  private(set) var total: LoadCounts
  /// This run alone.
  private(set) var thisRun = LoadCounts()

  private let start = ContinuousClock.now
  private let expected: Int?
  private let positionsBefore: Int
  private var positions = 0

  init(before: LoadRecord, expected: Int?) {
    total = before.counts
    positionsBefore = before.done.count
    self.expected = expected
  }

  /// Goes back to what the record holds.
  mutating func restart(from record: LoadRecord) {
    thisRun = thisRun - (total - record.counts)
    total = record.counts
    positions = record.done.count - positionsBefore
  }

  mutating func add(_ counts: LoadCounts, positions added: Int) -> LoadProgress {
    thisRun = thisRun + counts
    total = total + counts
    positions += added
    let seconds = max((ContinuousClock.now - start) / .seconds(1), 1e-9)
    let rate = Double(positions) / seconds
    let left = expected.map { max($0 - positionsBefore - positions, 0) }
    return LoadProgress(
      counts: total,
      position: positionsBefore + positions,
      expectedCount: expected,
      rate: rate,
      remaining: left.map { .seconds(Double($0) / rate) }
    )
  }
}
