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
        "\n-- \(migration.version) \(migration.name): \(migration.direction.rawValue) (\(migration.file))\n"
      for message in migration.messages {
        text += message.sql + ";\n"
        if let data = message.data { text += data + "\\.\n" }
      }
    }
    text += "\n"
    for sql in closing { text += sql + ";\n" }
    return text
  }
}
