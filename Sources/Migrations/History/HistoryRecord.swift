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
  /// The statement that was sent outside a transaction and that no record says the end of.
  var underway: StatementUnderway?
  /// What the session was like behind the statements that are done; nil where none of them can have changed it.
  var session: SessionState?
  /// What its SQL was rendered from beside the file and the values; nil where that is not known.
  var inputs: TemplateInputs?
  /// Whether a version of adbvec wrote the row that keeps neither what is under way nor the session.
  var isOfFirstFormat: Bool

  /// How a row came to be: one of these, or the name of the step that is all that its file asks for (`backfill`).
  public struct Kind: RawRepresentable, Sendable, Hashable, Codable {
    /// The word in the history.
    public let rawValue: String

    /// A versioned file was run.
    public static let versioned = Kind(word: "versioned")
    /// A repeatable file was run.
    public static let repeatable = Kind(word: "repeatable")
    /// Declared as present, not run.
    public static let baseline = Kind(word: "baseline")

    /// Nil for text that is not a word of small letters, which adbvec does not write.
    public init?(rawValue: String) {
      guard !rawValue.isEmpty, rawValue.utf8.allSatisfy({ (0x61...0x7a).contains($0) }) else { return nil }
      self.rawValue = rawValue
    }

    private init(word: String) { rawValue = word }
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

  /// Whether statements of it are, or may be, in the database although it is not applied.
  var isPartial: Bool {
    state == .reverting || (state != .applied && (statementsDone > 0 || underway != nil))
  }

  /// Whether anything of it is, or may be, in the database: a try that failed as a whole left its row alone.
  var isPresent: Bool { state == .applied || isPartial }
}

/// A statement that was sent outside a transaction, as the history keeps it until its record is written.
struct StatementUnderway: Sendable, Hashable {
  /// Its number in the section, from 1.
  var number: Int
  /// The chained SHA-256 up to and with it.
  var hash: String
  /// `StatementOutcome.kind`.
  var kind: String
  /// What `StatementOutcome.before` said before it was sent.
  var before: String

  init?(json: String) {
    guard let values = FlatJSON.read(json), let number = values["statement"].flatMap({ Int($0) }),
      let hash = values["sha256"], let kind = values["kind"], let before = values["before"]
    else { return nil }
    (self.number, self.hash, self.kind, self.before) = (number, hash, kind, before)
  }
}
