/// A row of the history table.
public struct HistoryRecord: Sendable, Hashable {
  /// What the migration is known by.
  public var id: MigrationID
  /// The file's name behind the version, when it was recorded.
  public var name: String
  /// How the row came to be.
  public var kind: Kind
  /// Where the migration stands.
  public var state: State
  /// 1 for the first that was applied to this database.
  public var appliedOrder: Int
  /// SHA-256 of the file, of the values it uses, and of the SQL that ran.
  public var templateHash: String
  /// SHA-256 of the parameters in canonical form.
  public var parametersHash: String
  /// SHA-256 of the SQL of the `up` section.
  public var renderedHash: String
  /// The values, as a JSON object of strings.
  public var parametersJSON: String
  /// Statements in the section.
  public var statementsTotal: Int
  /// Statements that are done.
  public var statementsDone: Int
  /// SHA-256 of the statements that are done.
  public var doneHash: String
  /// The last failure, one line.
  public var error: String?
  /// When it began and ended, as the server prints times.
  public var startedAt: String
  /// When it ended; nil while it has not.
  public var finishedAt: String?
  /// The server's user who ran it.
  public var appliedBy: String

  /// How a row came to be.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// A versioned file was run.
    case versioned
    /// A repeatable file was run.
    case repeatable
    /// Declared as present, not run.
    case baseline
  }

  /// Where a migration stands.
  public enum State: String, Sendable, Hashable, Codable {
    /// Done.
    case applied
    /// Under way, or left half-way by a run that died.
    case running
    /// Failed; a transactional file left nothing else behind.
    case failed
    /// On its way down, or left half-way there.
    case reverting
  }

  /// The values by name.
  public var parameters: [String: String] { FlatJSON.read(parametersJSON) ?? [:] }

  /// Whether statements of it are in the database although it is not applied.
  var isPartial: Bool { state == .reverting || (state != .applied && statementsDone > 0) }
}
