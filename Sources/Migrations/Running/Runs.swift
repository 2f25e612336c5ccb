public import PostgresClient

/// A run that is under way: its events in their order, and its report at the end.
///
///     let run = migrator.up(on: connection)
///     for await event in run { print(event) }
///     let report = try await run.report
///
/// The run goes on whether or not anybody reads its events. Cancelling it, or the task that waits for its report,
/// cancels the statement on the server and leaves the history in order.
public struct MigrationRun<Report: Sendable>: AsyncSequence, Sendable {
  /// The events end with the run; a failure is thrown by `report`.
  public typealias Failure = Never

  private let events: AsyncStream<MigrationEvent>
  private let task: Task<Report, any Error>

  init(_ body: @escaping @Sendable (@escaping @Sendable (MigrationEvent) -> Void) async throws -> Report) {
    let (stream, continuation) = AsyncStream.makeStream(of: MigrationEvent.self)
    events = stream
    task = Task {
      defer { continuation.finish() }
      return try await body { continuation.yield($0) }
    }
  }

  /// The events, once.
  public func makeAsyncIterator() -> AsyncStream<MigrationEvent>.Iterator { events.makeAsyncIterator() }

  /// What the run did.
  /// - Throws: `MigrationError`, `MigrationErrors`, `PostgresError`, or `CancellationError`.
  public var report: Report {
    get async throws {
      try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    }
  }

  /// Stops the run: the running statement is cancelled on the server.
  public func cancel() { task.cancel() }
}

/// What happens while migrations run, in its order.
public enum MigrationEvent: Sendable {
  /// Another run holds the lock; asked again after a while. Nil when the server does not say who.
  case waitingForLock(holder: LockHolder?)
  /// A migration begins; `resumingAt` is the number of its statements that an earlier run has done.
  case started(MigrationID, name: String, direction: MigrationDirection, statements: Int, resumingAt: Int)
  /// A statement is about to be sent; counted from 1.
  case statement(MigrationID, number: Int, of: Int, at: SourceLocation)
  /// An index is being built, as the server tells.
  case indexProgress(MigrationID, IndexProgress)
  /// An index that a failed build left invalid is dropped, to be built again.
  case rebuildingInvalidIndex(MigrationID, index: String)
  /// A lock was not obtained or a deadlock was broken; tried again after the pause.
  case retrying(MigrationID, attempt: Int, afterMilliseconds: Int, reason: String)
  /// A step that a file asks for tells how far it is.
  case step(MigrationID, String)
  /// The server's notice or warning.
  case notice(severity: String, message: String)
  /// Something that does not stop the run, and that somebody should know.
  case warning(String)
  /// A migration is committed.
  case finished(MigrationID, name: String, direction: MigrationDirection, milliseconds: Int)
  /// A migration failed; the run ends with this error.
  case failed(MigrationID, MigrationError)
}

/// How far the server has come with an index, from `pg_stat_progress_create_index`.
public struct IndexProgress: Sendable, Hashable {
  /// What it is doing: `building index: loading tuples`.
  public var phase: String
  /// Rows done and to do; 0 where the phase does not count rows.
  public var rowsDone: Int
  /// Rows to do.
  public var rowsTotal: Int
  /// Blocks done.
  public var blocksDone: Int
  /// Blocks to do.
  public var blocksTotal: Int

  /// Between 0 and 1; nil where the phase counts nothing.
  public var fraction: Double? {
    if rowsTotal > 0 { return min(1, Double(rowsDone) / Double(rowsTotal)) }
    if blocksTotal > 0 { return min(1, Double(blocksDone) / Double(blocksTotal)) }
    return nil
  }
}

extension Migrator {
  /// Runs what is pending.
  /// - Parameters:
  ///   - monitor: how to open a second connection, which follows long index builds; nil for none.
  ///   - steps: does what files ask for beside their SQL; without it such files are refused.
  public func up(
    _ target: MigrationTarget = MigrationTarget(),
    on connection: PostgresConnection,
    monitor: ConnectionSettings? = nil,
    steps: (any MigrationStepRunner)? = nil
  ) -> MigrationRun<RunReport> {
    run("up", on: connection, monitor: monitor, steps: steps, mayBeDone: target.version == nil) {
      planner,
      _ in
      try planner.up(target, allowOutOfOrder: options.allowOutOfOrder, ignoreDrift: options.ignoreDrift)
    }
  }

  /// Takes back the migration applied last, or `count` of them, or all above a version.
  ///
  /// A way down that deletes rows is refused unless `options.deletesRows` says that it may.
  public func down(
    _ target: MigrationTarget = MigrationTarget(count: 1),
    on connection: PostgresConnection,
    steps: (any MigrationStepRunner)? = nil
  ) -> MigrationRun<RunReport> {
    run("down", on: connection, steps: steps) { planner, capabilities in
      try planner.down(target, ignoreDrift: options.ignoreDrift) { try asApplied($0, $1, capabilities) }
    }
  }

  /// Plans, and carries the plan out under the lock; the plan is made anew once the lock is held.
  private func run(
    _ command: String,
    on connection: PostgresConnection,
    monitor: ConnectionSettings? = nil,
    steps: (any MigrationStepRunner)? = nil,
    mayBeDone: Bool = false,
    plan: @escaping @Sendable (Planner, Set<Capability>) throws -> [PlannedStep]
  ) -> MigrationRun<RunReport> {
    MigrationRun { emit in
      var session = session(connection, monitor: monitor, steps: steps, emit)
      if mayBeDone, try await isUpToDate(session) { return RunReport(command: command, migrations: []) }
      let state = try await session.readState()
      session.history.commits = state.commits
      let plan = try await planning(plan, on: connection, knowing: state.records)
      do {
        let planned = try checked(plan.first())
        guard !planned.isEmpty else { return RunReport(command: command, migrations: []) }
        try await planned.checkSteps(steps, on: connection)
      } catch let error as MigrationErrors {
        // What is half done may be under way right now, by a newer release; under the lock it is not.
        let mayBeUnderway = state.records.contains { $0.state == .running && $0.isPartial }
        guard mayBeUnderway, options.lock != .none, !session.locksByTransaction(state) else { throw error }
      }
      let earlier = await connection.setNoticeHandler { notice in Self.tell(notice, emit) }
      do {
        if state.commits == .onWorkers { try await connection.completePreparedTransactions() }
        let lent = session
        let carryOut = { @Sendable in try await self.carryOut(in: lent, knowing: state, plan: plan.again) }
        let done =
          options.lock == .none || session.locksByTransaction(state)
          ? try await carryOut() : try await session.withSessionLock(carryOut)
        await connection.setNoticeHandler(earlier)
        return RunReport(command: command, migrations: done)
      } catch {
        await connection.setNoticeHandler(earlier)
        throw error
      }
    }
  }

  /// A plan for what the history says, and the way to make it anew for what it says later.
  private struct Planning: Sendable {
    var first: @Sendable () throws -> [PlannedStep]
    var again: @Sendable ([HistoryRecord]) throws -> [PlannedStep]
  }

  /// Files that ran unchanged are read only where the plan cannot do without.
  private func planning(
    _ plan: @escaping @Sendable (Planner, Set<Capability>) throws -> [PlannedStep],
    on connection: PostgresConnection,
    knowing records: [HistoryRecord]
  ) async throws -> Planning {
    if let files = try await rendered(for: connection, knowing: records) {
      let planner = Planner(migrations: files.migrations, records: records)
      if let first = try? plan(planner, files.capabilities), !first.contains(where: \.migration.isUnread) {
        return Planning {
          first
        } again: { records in
          let steps = try plan(Planner(migrations: files.migrations, records: records), files.capabilities)
          guard steps.contains(where: \.migration.isUnread) else { return steps }
          throw MigrationError(
            .drift,
            "another run changed the history before this one held the lock",
            hint: "Fix: run again"
          )
        }
      }
    }
    let files = try await rendered(for: connection)
    let again = { @Sendable records in
      try plan(Planner(migrations: files.migrations, records: records), files.capabilities)
    }
    return Planning(first: { try again(records) }, again: again)
  }

  private static func tell(_ notice: PostgresNotice, _ emit: @Sendable (MigrationEvent) -> Void) {
    // pgvector says it as a mere notice, but such a build takes many times as long.
    guard notice.message.contains("maintenance_work_mem") else {
      return emit(.notice(severity: notice.severity, message: notice.message))
    }
    let hint = notice.hint.map { " (\($0))" } ?? ""
    emit(
      .warning(
        "\(notice.message)\(hint). Fix: give index builds more, as with "
          + "PGOPTIONS='-c maintenance_work_mem=1GB', within the server's memory"
      )
    )
  }

  private func carryOut(
    in first: MigrationSession,
    knowing earlier: MigrationSession.State,
    plan: @Sendable ([HistoryRecord]) throws -> [PlannedStep]
  ) async throws -> [RunReport.Migration] {
    let byTransaction = first.locksByTransaction(earlier)
    let state = try await first.prepareHistory(knowing: earlier)
    var session = first
    session.vectorSchema = state.vectorSchema
    let steps = try state.records == earlier.records ? plan(state.records) : checked(plan(state.records))
    if byTransaction { try refuseStepwise(steps) }
    try await session.refuseDataLoss(of: steps)
    var done: [RunReport.Migration] = []
    let isAlone = !byTransaction && options.lock != .none
    let places = RunPlace.all(of: steps, after: state.records, isAlone: isAlone)
    for (step, place) in zip(steps, places) {
      let result = try await session.carryOut(step, at: place, lockByTransaction: byTransaction)
      if !result.wasApplied { done.append(RunReport.Migration(step, result)) }
    }
    return done
  }

  private func refuseStepwise(_ steps: [PlannedStep]) throws {
    guard let step = steps.first(where: { !$0.section.options.transaction }) else { return }
    throw MigrationError(
      .unsuitableConnection,
      "\(step.id) \(step.migration.parsed.name) runs outside a transaction, and a pooler stands before the server",
      hint:
        "give a URL that leads to the server itself; or use --lock session where the pooler is in session mode",
      at: step.migration.parsed.location(step.migration.parsed.up.markOffset)
    )
  }

  /// Refuses what is known to fail before anything is sent.
  func checked(_ steps: [PlannedStep]) throws -> [PlannedStep] {
    let problems = steps.flatMap { SectionCheck(section: $0.section).errors() }
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    return steps
  }

  /// A migration with the values that it was applied with: the way down undoes what was done, not what would be.
  func asApplied(
    _ current: RenderedMigration,
    _ record: HistoryRecord,
    _ capabilities: Set<Capability>
  ) throws -> RenderedMigration {
    guard record.kind != .baseline, let manifest = parameters.manifest,
      record.parametersHash != current.parametersHash
    else { return current }
    var values = parameters.values.compactMapValues(\.text)
    for (name, value) in record.parameters where manifest[name] != nil { values[name] = value }
    let old = try ParameterSet(manifest: manifest, given: values, dialect: dialect)
    let renderer = MigrationRenderer(parameters: old, dialect: dialect, capabilities: capabilities)
    return try renderer.render(current.parsed)
  }
}

extension Migrator {
  /// Takes back the migrations applied last and runs them again, with today's files and parameters, under one lock.
  ///
  /// This is the way to another value of a parameter: the way down uses the old one, the way up the new. A way down that
  /// deletes rows is refused unless `options.deletesRows` says that it may.
  public func redo(
    _ count: Int = 1,
    on connection: PostgresConnection,
    steps: (any MigrationStepRunner)? = nil
  ) -> MigrationRun<RunReport> {
    run("redo", on: connection, steps: steps) { planner, capabilities in
      // A changed parameter is what redo is for; an edited file may not fit the way down.
      let down = try planner.down(
        MigrationTarget(count: count),
        ignoreDrift: options.ignoreDrift
      ) { try asApplied($0, $1, capabilities) }
      let up = down.reversed().compactMap { step -> PlannedStep? in
        guard let current = planner.migration(step.id) else { return nil }
        return PlannedStep(migration: current, direction: .up, record: nil, section: current.upSection)
      }
      return down + up
    }
  }
}

/// What a run of `up`, `down` or `redo` did.
public struct RunReport: Sendable, Hashable, Encodable {
  /// The command.
  public var command: String
  /// The migrations in the order in which they ran.
  public var migrations: [Migration]

  /// One migration that ran.
  public struct Migration: Sendable, Hashable, Encodable {
    /// The version, or `R__name`.
    public var version: String
    /// The file's name behind the version.
    public var name: String
    /// Which section ran.
    public var direction: MigrationDirection
    /// How many statements were sent.
    public var statements: Int
    /// How long it took.
    public var milliseconds: Int
  }

  init(command: String, migrations: [Migration]) {
    self.command = command
    self.migrations = migrations
  }
}

extension RunReport.Migration {
  init(_ step: PlannedStep, _ result: MigrationSession.CarriedOut) {
    version = step.id.key
    name = step.migration.parsed.name
    direction = step.direction
    statements = result.statements
    milliseconds = result.milliseconds
  }
}

/// How far a run goes.
public struct MigrationTarget: Sendable, Hashable {
  /// Up: the last version to run. Down: the last version to keep.
  public var version: String?
  /// How many migrations at most.
  public var count: Int?

  /// As far as there is something to do, unless a version or a count says otherwise.
  public init(version: String? = nil, count: Int? = nil) {
    self.version = version
    self.count = count
  }
}
