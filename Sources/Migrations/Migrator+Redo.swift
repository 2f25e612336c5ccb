public import PostgresClient

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
