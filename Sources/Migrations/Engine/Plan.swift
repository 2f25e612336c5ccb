public import PostgresClient

extension Migrator {
  /// What `up` would send now; reads the history and writes nothing.
  public func plan(
    _ target: MigrationTarget = MigrationTarget(),
    on connection: PostgresConnection
  ) async throws -> PlanReport {
    try await report("up", on: connection) { planner, _ in
      try planner.up(target, allowOutOfOrder: options.allowOutOfOrder, ignoreDrift: options.ignoreDrift)
    }
  }

  /// What `down` would send now; reads the history and writes nothing.
  public func planDown(
    _ target: MigrationTarget = MigrationTarget(count: 1),
    on connection: PostgresConnection
  ) async throws -> PlanReport {
    try await report("down", on: connection) { planner, capabilities in
      try planner.down(target, ignoreDrift: options.ignoreDrift) { try asApplied($0, $1, capabilities) }
    }
  }

  /// What `up` sends to a database that has no history yet, without a server.
  public func planFromNothing() throws -> PlanReport {
    let planner = Planner(migrations: assumed, records: [])
    let steps = try checked(planner.up(MigrationTarget(), allowOutOfOrder: true, ignoreDrift: true))
    return try planReport("up", steps, history, nil, byTransaction: options.lock == .transaction)
  }

  private func report(
    _ command: String,
    on connection: PostgresConnection,
    plan: (Planner, Set<Capability>) throws -> [PlannedStep]
  ) async throws -> PlanReport {
    let session = session(connection)
    let files = try await rendered(for: connection)
    let state = try await session.readState()
    let planner = Planner(migrations: files.migrations, records: state.records)
    var history = history
    history.commits = state.commits
    return try planReport(
      command,
      try checked(plan(planner, files.capabilities)),
      history,
      state,
      byTransaction: session.locksByTransaction(state)
    )
  }

  private func planReport(
    _ command: String,
    _ steps: [PlannedStep],
    _ history: HistoryTable,
    _ state: MigrationSession.State?,
    byTransaction: Bool
  ) throws -> PlanReport {
    guard !steps.isEmpty else {
      return PlanReport(command: command, opening: [], migrations: [], closing: [])
    }
    let lock = MigrationLock(history)
    let locks = !byTransaction && options.lock != .none
    let change: String? =
      state?.hasTable ?? false ? (state?.needsUpgrade ?? false ? history.upgrade : nil) : history.create
    let prepare = change.map { change in
      byTransaction
        ? ["BEGIN", lock.takeInTransactionOrFail, change, "COMMIT"]
        : ["BEGIN"] + history.lateCommit + [change, "COMMIT"]
    }
    let places = RunPlace.all(of: steps, after: state?.records ?? [], isAlone: locks)
    return PlanReport(
      command: command,
      opening: (locks ? [lock.takeOrFail] : []) + (prepare ?? []),
      migrations: try zip(steps, places).map {
        try planned($0, history, at: $1, lock: byTransaction ? lock : nil)
      },
      closing: locks ? [lock.release] : []
    )
  }

  private func planned(
    _ step: PlannedStep,
    _ history: HistoryTable,
    at place: RunPlace,
    lock: MigrationLock?
  ) throws -> PlanReport.Migration {
    let script = RunScript(
      step: step,
      history: history,
      defaultLockTimeout: options.lockTimeout,
      opensTransaction: lock == nil,
      place: place
    )
    let opening = lock.map { [PlanReport.Message(sql: "BEGIN;\n" + $0.takeInTransactionOrFail)] } ?? []
    let messages = try script.units.flatMap(\.messages).map { message in
      PlanReport.Message(
        sql: message.text,
        data: try message.copyData?.string(),
        statement: message.statement.map { $0 + 1 }
      )
    }
    return PlanReport.Migration(
      version: step.id.key,
      name: step.migration.migration.name,
      file: step.migration.migration.file.path,
      direction: step.direction,
      messages: opening + messages
    )
  }
}

/// Exactly what a run would send, bookkeeping included.
public struct PlanReport: Sendable, Hashable, Encodable {
  /// The command that it is the plan of.
  public var command: String
  /// What is sent before the first migration: the lock, and the history table where it is missing.
  public var opening: [String]
  /// The migrations in their order.
  public var migrations: [Migration]
  /// What is sent behind the last migration.
  public var closing: [String]

  /// One migration of the plan.
  public struct Migration: Sendable, Hashable, Encodable {
    /// The version, or `R__name`.
    public var version: String
    /// The file's name behind the version.
    public var name: String
    /// The file.
    public var file: String
    /// Which section runs.
    public var direction: MigrationDirection
    /// What is sent, in its order.
    public var messages: [Message]
  }

  /// One message to the server.
  public struct Message: Sendable, Hashable, Encodable {
    /// One statement; where the lock goes with each transaction, BEGIN and the lock together.
    public var sql: String
    /// The lines behind `COPY … FROM STDIN`.
    public var data: String?
    /// The number of the file's statement, from 1; nil for bookkeeping.
    public var statement: Int?
  }

  /// Whether a run would do nothing.
  public var isEmpty: Bool { migrations.isEmpty }

  /// The plan as a script for psql with the effect of the run; empty when there is nothing to do.
  public var psql: String {
    guard !isEmpty else { return "" }
    var text = "\\set ON_ERROR_STOP on\n"
    for sql in opening { text += sql + ";\n" }
    for migration in migrations {
      text +=
        "\n-- "
        + PsqlText.comment(
          "\(migration.version) \(migration.name): \(migration.direction.rawValue) (\(migration.file))"
        ) + "\n"
      for message in migration.messages {
        text += PsqlText.sql(message.sql) + ";\n"
        if let data = message.data { text += PsqlText.copyData(data) }
      }
    }
    text += "\n"
    for sql in closing { text += sql + ";\n" }
    return text
  }
}
