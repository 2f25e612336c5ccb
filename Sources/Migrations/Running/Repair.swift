public import PostgresClient
internal import SQLLexer

/// What `baseline` and `repair` changed in the history.
public struct RepairReport: Sendable, Hashable, Encodable {
  /// The command.
  public var command: String
  /// The versions whose rows were written or taken away.
  public var versions: [String]
}

extension Migrator {
  /// Declares that a database made by other means already is where the files up to a version would bring it.
  /// - Throws: `MigrationError` with code `drift` when the history is not empty, `unknownVersion`.
  public func baseline(_ version: String, on connection: PostgresConnection) async throws -> RepairReport {
    try await change("baseline", on: connection) { planner in
      guard planner.records.isEmpty else {
        throw MigrationError(
          .drift,
          "the history already has \(planner.records.count == 1 ? "1 row" : "\(planner.records.count) rows"), so this database "
            + "has a baseline",
          hint: "use repair --mark-applied for single versions"
        )
      }
      let limit = try self.file(version, planner)
      let covered = planner.migrations.filter { migration in
        if case .version = migration.id { return migration.id <= limit.id }
        return false
      }
      return covered.map { ($0.id, self.markApplied($0, as: .baseline)) }
    }
  }

  /// Accepts today's file and values as those that ran: all that drifted, or one version.
  public func bless(_ version: String? = nil, on connection: PostgresConnection) async throws -> RepairReport
  {
    try await change("repair", on: connection) { planner in
      let wanted = try version.map { try self.file($0, planner) }
      let drifted = planner.statuses().filter { status in
        status.state == .applied && !status.drift.isEmpty && (wanted?.id.isSame(as: status.id) ?? true)
      }
      return drifted.compactMap { status in
        guard let record = status.record,
          let migration = planner.migration(status.id)
        else { return nil }
        return (record.id, [self.history.bless(migration, key: record.id)])
      }
    }
  }

  /// Declares a version as applied without running it.
  public func markApplied(_ version: String, on connection: PostgresConnection) async throws -> RepairReport {
    try await change("repair", on: connection) { planner in
      let migration = try self.file(version, planner)
      let old = planner.records.first { $0.id.isSame(as: migration.id) }
      return [
        (
          migration.id,
          (old.map { [self.history.delete($0.id)] } ?? []) + self.markApplied(migration, as: migration.kind)
        )
      ]
    }
  }

  /// Forgets a version's row, so that it is pending again (or gone, where there is no file).
  public func markPending(_ version: String, on connection: PostgresConnection) async throws -> RepairReport {
    try await change("repair", on: connection) { planner in
      let id = MigrationID(key: version)
      guard let record = planner.records.first(where: { $0.id.isSame(as: id) }) else {
        throw MigrationError(.unknownVersion, "the history has no row for \(version)")
      }
      return [(record.id, [self.history.delete(record.id)])]
    }
  }

  private func markApplied(_ migration: RenderedMigration, as kind: HistoryRecord.Kind) -> [String] {
    let total = migration.upSection.script.statements.count
    return [
      history.insert(.init(migration: migration, kind: kind, state: .applied, total: total, done: total))
    ]
  }

  private func file(_ version: String, _ planner: Planner) throws -> RenderedMigration {
    let id = MigrationID(key: version)
    guard let found = planner.migration(id) else {
      throw MigrationError(.unknownVersion, "no file has the version \(version)")
    }
    return found
  }

  /// Changes rows of the history in one transaction, under the lock.
  private func change(
    _ command: String,
    on connection: PostgresConnection,
    _ changes: @escaping @Sendable (Planner) throws -> [(id: MigrationID, sql: [String])]
  ) async throws -> RepairReport {
    var session = session(connection)
    let files = try await rendered(for: connection)
    let earlier = try await session.readState()
    session.history.commits = earlier.commits
    let lent = session
    let carryOut = { @Sendable in
      let read = try await lent.readState()
      let changes = try changes(Planner(migrations: files.migrations, records: read.records))
      guard !changes.isEmpty else { return RepairReport(command: command, versions: []) }
      _ = try await lent.prepareHistory(knowing: read)
      do {
        try await connection.run(
          trusted: (["BEGIN"] + changes.flatMap(\.sql) + ["COMMIT"]).joined(separator: ";\n")
        )
      } catch {
        if await connection.transactionStatus != .idle { _ = await lent.shielded("ROLLBACK") }
        throw error
      }
      return RepairReport(command: command, versions: changes.map(\.id.key))
    }
    if options.lock == .none || session.locksByTransaction(earlier) { return try await carryOut() }
    return try await session.withSessionLock(carryOut)
  }
}
