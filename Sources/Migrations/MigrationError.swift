internal import Basics
public import SQLLexer

/// What is wrong with a migration, its parameters, the history or the run; and what to do.
public struct MigrationError: Error, Sendable, Hashable {
  /// The kind of problem; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, as JSON output shows it.
    public let description: String

    /// A file cannot be read, or is not UTF-8 text.
    public static let unreadableFile = Code(description: "unreadable_file")
    /// A file's name or structure is not that of a migration.
    public static let invalidFile = Code(description: "invalid_file")
    /// Two files claim one version.
    public static let duplicateVersion = Code(description: "duplicate_version")
    /// A `{{…}}` tag that cannot be understood.
    public static let invalidTemplate = Code(description: "invalid_template")
    /// A line of `parameters.yaml` that cannot be understood.
    public static let invalidManifest = Code(description: "invalid_manifest")
    /// A parameter that is missing, unknown, out of range or not of its type.
    public static let invalidParameter = Code(description: "invalid_parameter")
    /// Text that PostgreSQL's scanner would refuse.
    public static let invalidSQL = Code(description: "invalid_sql")
    /// Applied files, parameters or history disagree.
    public static let drift = Code(description: "drift")
    /// A pending version is lower than one already applied.
    public static let outOfOrder = Code(description: "out_of_order")
    /// There are no migration files where they are looked for.
    public static let noMigrations = Code(description: "no_migrations")
    /// A migration stopped half-way and the session that its rest needs is gone.
    public static let cannotResume = Code(description: "cannot_resume")
    /// A statement was sent outside a transaction, and nothing tells whether it has taken effect.
    public static let outcomeUnknown = Code(description: "outcome_unknown")
    /// The run would delete rows, and nobody has said that it may.
    public static let confirmationNeeded = Code(description: "confirmation_needed")
    /// A version named in a command is not there.
    public static let unknownVersion = Code(description: "unknown_version")
    /// There is no way back from this migration.
    public static let irreversible = Code(description: "irreversible")
    /// Another run holds the lock.
    public static let lockNotObtained = Code(description: "lock_not_obtained")
    /// The connection's kind cannot do what is asked for (a pooler in transaction mode).
    public static let unsuitableConnection = Code(description: "unsuitable_connection")
    /// The server refused a statement of a migration.
    public static let statementFailed = Code(description: "statement_failed")
    /// The server lacks what the migration needs.
    public static let missingCapability = Code(description: "missing_capability")
    /// A helper program, such as `pg_dump`, is missing or failed.
    public static let toolFailed = Code(description: "tool_failed")
  }

  /// The kind of problem.
  public var code: Code
  /// What is wrong, one line.
  public var message: String
  /// What to do, one line.
  public var hint: String?
  /// Where it is wrong.
  public var location: SourceLocation?
  /// The server's SQLSTATE, when it was the server that refused.
  public var sqlState: String?
  /// The server's DETAIL line.
  public var detail: String?

  /// A problem with its place and fix, where they are known.
  public init(
    _ code: Code,
    _ message: String,
    hint: String? = nil,
    at location: SourceLocation? = nil,
    sqlState: String? = nil,
    detail: String? = nil
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.location = location
    self.sqlState = sqlState
    self.detail = detail
  }
}

extension MigrationError: CustomStringConvertible {
  /// `file:line:column: message (SQLSTATE …); detail; hint`, one line; a fix is a sentence of its own.
  public var description: String {
    var text = location.map { "\($0): " } ?? ""
    text += message
    if let sqlState { text += " (SQLSTATE \(sqlState))" }
    if let detail { text += "; \(detail)" }
    return text + shownHint
  }

  private var shownHint: String {
    guard let hint else { return "" }
    return (hint.hasPrefix("Fix: ") ? ". " : "; ") + hint
  }
}

extension MigrationError: ReportedError {
  package var reportedCode: String { code.description }
  /// With the reason that a hint may give before its fix.
  package var reportedMessage: String {
    let text = ReportedText(shownHint)
    return text.fix == nil ? message : message + text.message
  }
  /// The hint, without a reason and without the word before the fix.
  package var fix: String? { ReportedText(shownHint).fix ?? hint }
}

/// Several problems found in one go, such as all the broken files of a folder; never empty.
public struct MigrationErrors: Error, Sendable, Hashable, CustomStringConvertible {
  /// The problems, in the order of their files and places.
  public let errors: [MigrationError]

  /// The problems together.
  public init(errors: [MigrationError]) { self.errors = errors }

  /// One line per problem.
  public var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// A place in a file, which can show the line that it is on.
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
  /// The file, as the user knows it.
  public let file: String
  /// The place in it.
  public let position: SourcePosition
  private let text: SourceText

  /// The place of a byte in a file's text.
  public init(file: String, text: SourceText, offset: Int) {
    self.init(file: file, text: text, offset: offset, linesBefore: 0)
  }

  /// The place of a byte in a text from which lines before it were left out.
  init(file: String, text: SourceText, offset: Int, linesBefore: Int) {
    self.file = file
    self.text = text
    let found = text.position(at: offset)
    position = SourcePosition(
      utf8Offset: found.utf8Offset,
      line: found.line + linesBefore,
      column: found.column
    )
  }

  /// The same place in the same file.
  public static func == (left: SourceLocation, right: SourceLocation) -> Bool {
    left.file == right.file && left.position == right.position
  }

  /// Hashes the file and the place.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(file)
    hasher.combine(position)
  }

  /// The whole line there.
  public var line: String { text.line(at: position.utf8Offset) }

  /// The line's number, from 1.
  public var lineNumber: Int { position.line }

  /// The column, in characters from 1.
  public var column: Int { position.column }

  /// `file:line:column`.
  public var description: String { "\(file):\(position.line):\(position.column)" }

  /// The line with a caret under the column, as compilers show it; a long line is cut around the column.
  public var excerpt: String {
    let number = String(position.line)
    let characters = Array(line.unicodeScalars)
    let start = max(0, min(position.column - 1 - 60, characters.count - 100))
    let shown = characters[start..<min(characters.count, start + 120)]
    let before = shown.prefix(position.column - 1 - start).map {
      $0 == "\t" ? Character("\t") : Character(" ")
    }
    let text = String(String.UnicodeScalarView(shown))
    let margin = String(repeating: " ", count: number.count)
    return " \(number) | \(text)\n \(margin) | \(String(before))^"
  }
}
