internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// One run of a load, from the checks to the last step.
struct LoadRun: Sendable {
  let job: LoadJob
  /// What tells the source's content from another's, once it is known.
  let fingerprint: Task<SourceFingerprint?, any Error>
  let connection: PostgresConnection

  private var options: LoadOptions { job.options }
  private var target: LoadTarget { job.target }
  private var source: any BatchSource { job.source }

  func perform() async throws -> LoadReport {
    let start = ContinuousClock.now
    let server = try await connection.capabilities()
    try server.requireEntryNode()
    let found = try await TargetTable.read(target, on: connection)
    switch try TableCheck(found).idType {
    case .text: await source.allow(.any)
    case .uuid: await source.allow(.filled)
    case .int2, .int4, .int8: break
    }
    try TableCheck.checkMetric(options.metric, of: found)
    let session = try await LoadSession(
      job,
      found: found,
      fingerprint: fingerprint.value,
      server: server,
      connection
    )
    do {
      var report = try await perform(session, server)
      report.duration = ContinuousClock.now - start
      await session.lock?.release()
      return report
    } catch {
      await session.lock?.release()
      throw error
    }
  }

  private func perform(_ session: LoadSession, _ server: ServerCapabilities) async throws -> LoadReport {
    let check = try TableCheck(session.table)
    let carriesClasses = try await source.carriesClasses()
    let traits = SourceTraits(
      hasPlaces: source.hasPlaces,
      hasClasses: carriesClasses && !check.classIsGenerated,
      hasHashes: session.plan != nil
    )
    let choice = try SinkChoice(
      options,
      policy: session.policy,
      table: session.table,
      check: check,
      source: traits,
      server: server
    )
    let warnings = check.warnings + choice.warnings + session.warnings
    warnings.forEach { job.onEvent(.warning($0)) }
    var report = LoadReport(method: choice.reason, warnings: warnings)
    report.changes = session.plan.map { FolderChanges($0, options) }
    if let plan = session.plan, options.plansOnly {
      plan.forEachChange(options) { job.onEvent(.planned($0)) }
      (report.counts, report.isDryRun) = (session.countsBefore, true)
      return report
    }
    if session.isFinished {
      if !options.isDryRun { try await FolderUpdate(job, session, choice.sink)?.bringUpToDate(connection) }
      report.wasFinished = true
      report.counts = session.countsBefore
      if session.plan != nil { (report.counts.loaded, report.counts.skipped) = (report.counts.skipped, 0) }
      return report
    }
    try await source.skip(to: session.start)
    let lanes = LoadLanes(context(choice, session, server))
    // The server starts its processes while the first rows are read.
    if !options.isDryRun, session.plan?.embedsNothing != true { lanes.open() }
    var feed = BatchFeed(
      job,
      table: session.table,
      check: check,
      traits: traits,
      done: session.done,
      engine: server.engine
    )
    do {
      // The first rows pass every check before anything is written, the record included.
      let isEmpty = try await feed.peek() == nil
      if isEmpty, session.done.count == 0, session.plan == nil {
        throw CollectionError(.empty, file: source.name, "there is no row in it")
      }
      let expected = try await source.expectedCount()
      feed.expected = expected
      job.onEvent(.started(outline(feed, choice, session, expected)))
      report.isDryRun = options.isDryRun
      var copied = LoadCounts()
      var meter = LoadMeter(before: session.countsBefore, done: session.done.count, expected: expected)
      if options.isDryRun {
        try await rehearse(&feed, &meter, session.policy)
        copied.loaded = session.plan?.duplicates.count ?? 0
        report.counts = meter.total + copied
      } else {
        (report.counts, copied) = try await write(&feed, &meter, lanes, session, server)
        let near = await source.nearDuplicates()
        report.changes?.settle(embedded: meter.thisRun, copied: copied, near: near, session.plan)
      }
      if let plan = session.plan { report.add(plan.pairs(await source.nearDuplicates())) }
      for notice in await source.notices() {
        job.onEvent(.warning(notice))
        report.warnings.append(notice)
      }
      report.thisRun = meter.thisRun + copied
      // No row that is there lets another pass where conflicts end the load.
      if session.plan == nil, session.policy == .fail, report.thisRun.skipped > 0 {
        let count = report.thisRun.skipped
        report.leftOutByTable = count
        let warning =
          "\(count == 1 ? "1 row was" : "\(count) rows were") not stored: a trigger or a rule of "
          + "\(target.table.quoted) leaves rows out"
        job.onEvent(.warning(warning))
        report.warnings.append(warning)
      }
      report.unreadable = feed.unreadable
    } catch {
      await lanes.close()
      throw error
    }
    return report
  }

  private func outline(
    _ feed: BatchFeed,
    _ choice: SinkChoice,
    _ session: LoadSession,
    _ expected: Int?
  ) -> LoadStart {
    LoadStart(
      source: source.name,
      dimension: feed.dimension,
      method: choice.reason,
      batchRows: feed.batchRows,
      expectedCount: expected,
      alreadyDone: session.done.count
    )
  }

  /// Reads and checks everything, duplicates among it, and writes nothing.
  private func rehearse(
    _ feed: inout BatchFeed,
    _ meter: inout LoadMeter,
    _ policy: LoadOptions.ConflictPolicy
  ) async throws {
    var seen = SeenIDs()
    while let current = try await feed.next() {
      for id in current.rows.ids where !seen.insert(id) && policy == .fail {
        throw LoadError(
          .row,
          "\(source.name): the id \(id) comes twice. Fix: choose --on-conflict skip or update"
        )
      }
      var counts = LoadCounts()
      counts.loaded = current.rows.count + current.changed.count
      (counts.replaced, counts.unreadable) = (current.changed.count, current.unreadable.count)
      job.onEvent(.progress(meter.add(counts, positions: current.positions.count)))
    }
  }

  /// What answers only when all nodes with rows do: after one was away the first statement that reaches it may fail, and
  /// nothing but that statement.
  private var probe: SQL { "SELECT count(*) FROM (SELECT 1 FROM \(table: target.table) LIMIT 1) AS t" }

  /// A connection that reaches all nodes: the one that there is, or a new one when the server has been away meanwhile.
  private func liveConnection(
    _ connection: PostgresConnection,
    _ engine: Engine
  ) async throws -> PostgresConnection {
    if (try? await connection.query(sql: probe)) != nil { return connection }
    if connection !== self.connection { await connection.close() }
    var attempt = 0
    while true {
      do {
        let fresh = try await PostgresConnection.connect(job.settings)
        try await fresh.query(sql: probe)
        return fresh
      } catch let error as PostgresError where error.isWorthRetrying(on: engine) && attempt < options.retries
      {
        attempt += 1
        try await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Takes a step, and takes it again when another node was lost meanwhile: what an engine of several nodes commits, it
  /// commits on all of them. One server that goes away is not asked again: what it was asked for may have brought it down.
  ///
  /// - Parameters:
  ///   - connection: becomes another one where this one does not reach all nodes any more.
  ///   - step: may be taken twice.
  private func persist<Value>(
    _ connection: inout PostgresConnection,
    _ engine: Engine,
    _ step: (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    var attempt = 0
    while true {
      do {
        return try await step(connection)
      } catch let error as PostgresError
        where engine.commitsInTwoPhases && error.isWorthRetrying(on: engine) && attempt < options.retries
      {
        attempt += 1
        job.onEvent(.retrying(reason: error.description, attempt: attempt))
        try await Task.sleep(for: .seconds(1))
        connection = try await liveConnection(connection, engine)
        // The locks of a commit that was left half done would stand in the way.
        try await connection.completePreparedTransactions()
      }
    }
  }

  private func context(
    _ choice: SinkChoice,
    _ session: LoadSession,
    _ server: ServerCapabilities
  ) -> LoadContext {
    LoadContext(
      settings: job.settings,
      options: options,
      policy: session.policy,
      sink: choice.sink,
      journal: session.journal,
      lock: session.lock,
      commitsLate: session.journal != nil && server.allowsAsynchronousCommit,
      isPooled: server.isPooled,
      engine: server.engine,
      report: job.onEvent
    )
  }

  /// Writes everything, and what follows the rows.
  /// - Returns: the counts of the load: of this run and the runs it goes on from; and what is among them of images whose
  ///   vector is another image's.
  private func write(
    _ feed: inout BatchFeed,
    _ meter: inout LoadMeter,
    _ lanes: LoadLanes,
    _ session: LoadSession,
    _ server: ServerCapabilities
  ) async throws -> (counts: LoadCounts, copied: LoadCounts) {
    let rowsBefore =
      session.table.facts.isUnlogged && session.journal != nil
      ? try await session.table.countRows(upTo: .max, on: connection) : nil
    var connection = self.connection
    let record = try await persist(&connection, server.engine) { connection in
      try await session.begin(expected: feed.expected, connection)
    }
    let update = FolderUpdate(job, session, lanes.context.sink)
    do {
      try await update?.prepare(connection)
      try await lanes.write(&feed, &meter)
      connection = try await liveConnection(connection, server.engine)
      let batch = try await persist(&connection, server.engine) { connection in
        try await writeLost(&feed, &meter, lanes.context, session, connection)
        let batch = try await committed(feed, session, connection)
        let isReconnected = connection !== self.connection
        try await checkRows(
          session,
          batch?.counts ?? meter.thisRun,
          rowsBefore,
          isReconnected,
          connection
        )
        return batch
      }
      let copied = try await update?.complete(await source.nearDuplicates(), connection) ?? LoadCounts()
      try await persist(&connection, server.engine) { connection in
        let finish = LoadFinish(job: job, connection: connection, server: server)
        try await finish.buildIndexes(record, rows: meter.total.loaded, dimension: feed.dimension)
        if changesMuch(session, meter.thisRun + copied) { try await finish.analyze(feed.check) }
        try await finish.advanceSequence(session.table)
        try await session.journal?.finish(session.plan == nil ? batch : nil, connection)
      }
      if connection !== self.connection { await connection.close() }
      return (session.plan == nil ? batch?.counts ?? meter.total : meter.total + copied, copied)
    } catch {
      throw LoadInterruption(
        cause: error,
        counts: meter.total,
        isResumable: session.journal != nil,
        idConstraints: session.table.hasUniqueID ? session.table.facts.idConstraints : [],
        followsChanges: session.plan != nil,
        resumeAdvice: options.resumeAdvice
      )
    }
  }

  /// Whether statistics may be another by now: not by a few images in a folder of many.
  private func changesMuch(_ session: LoadSession, _ counts: LoadCounts) -> Bool {
    guard let plan = session.plan else { return true }
    return plan.rowsBefore == 0 || counts.loaded * 20 > plan.rowsBefore
  }

  /// What the journal holds, as one batch; nil where none is kept.
  /// - Throws: `LoadError` with code `resume` when a position is missing from it.
  private func committed(
    _ feed: BatchFeed,
    _ session: LoadSession,
    _ connection: PostgresConnection
  ) async throws -> CommittedBatch? {
    guard let record = try await session.progress(connection), let end = feed.end else { return nil }
    guard let batch = record.folded(end: end, besides: session.plan?.done ?? DoneRanges()) else {
      throw LoadError(
        .resume,
        "\(source.name): the journal of this load misses rows that were written. Fix: \(options.resumeAdvice)"
      )
    }
    return batch
  }

  /// Counts the rows where some may have been lost: a crash of the server empties an UNLOGGED table, and the record of
  /// the load stays.
  private func checkRows(
    _ session: LoadSession,
    _ counts: LoadCounts,
    _ rowsBefore: Int?,
    _ isReconnected: Bool,
    _ connection: PostgresConnection
  ) async throws {
    guard session.journal != nil, rowsBefore != nil || isReconnected else { return }
    let written = counts.loaded - counts.replaced
    // An unlogged table held rows before; those that earlier runs of this load wrote are among the counts.
    let earlier = session.plan == nil ? session.record.rowsWritten : 0
    let wanted = max(written, (rowsBefore ?? 0) + written - earlier)
    let there = try await session.table.countRows(upTo: max(wanted, 1), on: connection)
    guard there < wanted else { return }
    throw LoadError(
      .resume,
      "\(target.table.quoted) has \(there) rows where \(wanted) must be: the server crashed"
        + (session.table.facts.isUnlogged ? " and emptied the table, which is UNLOGGED" : "")
        + (session.table.hasUniqueID
          ? ". Fix: --resume loads the missing rows again"
          : ". Fix: add a unique index on the id, then --resume loads the missing rows again")
    )
  }

  /// Writes batches again that had committed late and that a crash of the server took back.
  private func writeLost(
    _ feed: inout BatchFeed,
    _ meter: inout LoadMeter,
    _ context: LoadContext,
    _ session: LoadSession,
    _ connection: PostgresConnection
  ) async throws {
    var before: DoneRanges?
    while let end = feed.end, let record = try await session.progress(connection) {
      let done = record.done.union(session.plan?.done ?? DoneRanges())
      guard done.prefix < end else { return }
      guard done != before else {
        throw LoadError(.resume, "\(source.name): rows that were read before are not there any more")
      }
      before = done
      job.onEvent(.warning("the server crashed and lost its last commits; their rows are written again"))
      let start = session.plan == nil ? record.place : SourcePlace(position: 0, offset: 0, line: 1)
      try await source.skip(to: start)
      feed.restart(skipping: done)
      let counts = session.plan == nil ? record.counts : session.countsBefore + record.counts
      meter.restart(counts: counts, done: done.count)
      try await LoadLanes(context).write(&feed, &meter)
    }
  }
}
