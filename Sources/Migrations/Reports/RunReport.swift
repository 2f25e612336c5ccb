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
