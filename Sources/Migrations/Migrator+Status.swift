public import PostgresClient

extension Migrator {
  /// Where every migration stands; reads, and never writes.
  public func status(on connection: PostgresConnection) async throws -> StatusReport {
    let session = session(connection)
    let rendered = try await rendered(for: connection)
    let state = try await session.readState()
    return StatusReport(
      migrations: Planner(migrations: rendered, records: state.records).statuses(),
      invalidIndexes: try await session.invalidIndexes(),
      historyTable: history.sqlName
    )
  }

  /// What is wrong with the files by themselves: text that the server's scanner would refuse, statements that cannot
  /// run the way their section asks for. Empty when all is well.
  public func problems() -> [MigrationError] {
    assumed.flatMap { migration in
      SectionCheck(section: migration.upSection).errors()
        + (migration.downSection.map { SectionCheck(section: $0).errors() } ?? [])
    }
  }

  /// What is wrong with the files and with what the history says of them; empty when all is well.
  public func validate(on connection: PostgresConnection) async throws -> [MigrationError] {
    let rendered = try await rendered(for: connection)
    let state = try await session(connection).readState()
    let planner = Planner(migrations: rendered, records: state.records)
    return problems() + planner.statuses().flatMap(planner.driftErrors)
  }
}
