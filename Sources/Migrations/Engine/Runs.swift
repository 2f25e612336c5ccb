public import PostgresClient

extension Migrator {
  /// Runs what is pending.
  /// - Parameter monitor: how to open a second connection, which follows long index builds; nil for none.
  public func up(
    _ target: MigrationTarget = MigrationTarget(),
    on connection: PostgresConnection,
    monitor: ConnectionSettings? = nil
  ) -> MigrationRun<RunReport> {
    run("up", on: connection, monitor: monitor) { planner in
      try planner.up(target, allowOutOfOrder: options.allowOutOfOrder, ignoreDrift: options.ignoreDrift)
    }
  }

  /// Takes back the migration applied last, or `count` of them, or all above a version.
  public func down(
    _ target: MigrationTarget = MigrationTarget(count: 1),
    on connection: PostgresConnection
  ) -> MigrationRun<RunReport> {
    run("down", on: connection) { planner in
      try planner.down(target, ignoreDrift: options.ignoreDrift, rendered: asApplied)
    }
  }

  /// Plans, and carries the plan out under the lock; the plan is made anew once the lock is held.
  func run(
    _ command: String,
    on connection: PostgresConnection,
    monitor: ConnectionSettings? = nil,
    plan: @escaping @Sendable (Planner) throws -> [PlannedStep]
  ) -> MigrationRun<RunReport> {
    MigrationRun { emit in
      let session = session(connection, monitor: monitor, emit)
      let rendered = try await rendered(for: connection)
      let state = try await session.readState()
      let steps = try checked(plan(Planner(migrations: rendered, records: state.records)))
      guard !steps.isEmpty else { return RunReport(command: command, migrations: []) }
      await connection.setNoticeHandler { emit(.notice(severity: $0.severity, message: $0.message)) }
      let carryOut = { @Sendable in
        try await self.carryOut(rendered, in: session, knowing: state, plan: plan)
      }
      let done =
        options.lock == .none || session.locksByTransaction(state)
        ? try await carryOut() : try await session.withSessionLock(carryOut)
      await connection.setNoticeHandler(nil)
      return RunReport(command: command, migrations: done)
    }
  }

  private func carryOut(
    _ rendered: [RenderedMigration],
    in session: MigrationSession,
    knowing earlier: MigrationSession.State,
    plan: @Sendable (Planner) throws -> [PlannedStep]
  ) async throws -> [RunReport.Migration] {
    let byTransaction = session.locksByTransaction(earlier)
    if !earlier.hasTable, byTransaction { try await createWithLock(in: session) }
    let state =
      try await earlier.hasTable || byTransaction ? session.readState() : session.createdState()
    let steps = try plan(Planner(migrations: rendered, records: state.records))
    if byTransaction { try refuseStepwise(steps) }
    var done: [RunReport.Migration] = []
    let isAlone = !byTransaction && options.lock != .none
    let places = RunPlace.all(of: steps, after: state.records, isAlone: isAlone)
    for (step, place) in zip(steps, places) {
      let result = try await session.carryOut(step, at: place, lockByTransaction: byTransaction)
      if !result.wasApplied { done.append(RunReport.Migration(step, result)) }
    }
    return done
  }

  private func createWithLock(in session: MigrationSession) async throws {
    try await session.beginWithLock()
    try await session.connection.run(trusted: history.create + ";\nCOMMIT")
  }

  private func refuseStepwise(_ steps: [PlannedStep]) throws {
    guard let step = steps.first(where: { !$0.section.options.transaction }) else { return }
    throw MigrationError(
      .unsuitableConnection,
      "\(step.id) \(step.migration.migration.name) runs outside a transaction, and a pooler stands before the server",
      hint:
        "give a URL that leads to the server itself; or use --lock session where the pooler is in session mode",
      at: step.migration.migration.location(step.migration.migration.up.markOffset)
    )
  }

  /// Refuses what is known to fail before anything is sent.
  func checked(_ steps: [PlannedStep]) throws -> [PlannedStep] {
    let problems = steps.flatMap { SectionCheck(section: $0.section).errors() }
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    return steps
  }

  /// A migration with the values that it was applied with: the way down undoes what was done, not what would be.
  func asApplied(_ current: RenderedMigration, _ record: HistoryRecord) throws -> RenderedMigration {
    guard record.kind != .baseline, let manifest = parameters.manifest,
      record.parametersHash != current.parametersHash
    else { return current }
    var values = parameters.values.compactMapValues(\.text)
    for (name, value) in record.parameters where manifest[name] != nil { values[name] = value }
    let old = try ParameterSet(manifest: manifest, given: values, dialect: dialect)
    let renderer = MigrationRenderer(
      parameters: old,
      dialect: dialect,
      capabilities: options.capabilities(over: dialect.assumedCapabilities)
    )
    return try renderer.render(current.migration)
  }
}

extension Migrator {
  /// Takes back the migrations applied last and runs them again, with today's files and parameters, under one lock.
  ///
  /// This is the way to another value of a parameter: the way down uses the old one, the way up the new.
  public func redo(_ count: Int = 1, on connection: PostgresConnection) -> MigrationRun<RunReport> {
    run("redo", on: connection) { planner in
      // A changed parameter is what redo is for; an edited file may not fit the way down.
      let down = try planner.down(
        MigrationTarget(count: count),
        ignoreDrift: options.ignoreDrift,
        rendered: asApplied
      )
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
    name = step.migration.migration.name
    direction = step.direction
    statements = result.statements
    milliseconds = result.milliseconds
  }
}
