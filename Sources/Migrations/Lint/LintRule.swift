import Basics
internal import SQLLexer

/// Something that lint looks for.
///
/// `D…` rules find what locks or breaks a production database, `V…` rules what is wrong with vectors and their indexes,
/// `L…` rules what is wrong with lint's own comments.
public struct LintRule: Sendable, Hashable, Encodable {
  /// The code, for `-- lint:ignore D001 reason`.
  public let code: String
  /// How bad it is.
  public let severity: Severity
  /// What it finds, one line.
  public let summary: String

  /// How bad a finding is.
  public enum Severity: String, Sendable, Hashable, Codable, Comparable {
    /// Worth knowing.
    case note
    /// Locks or surprises in production.
    case warning
    /// Does not work.
    case error

    /// Notes are least.
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

    private var rank: Int { self == .error ? 2 : self == .warning ? 1 : 0 }
  }

  private init(_ code: String, _ severity: Severity, _ summary: String) {
    self.code = code
    self.severity = severity
    self.summary = summary
  }

  /// Every rule, in the order of the codes.
  public static let all: [LintRule] = [
    indexBlocksWrites, typeChange, notNull, drop, rename, constraintScan, uniqueConstraint, volatileDefault,
    dropIndexBlocks, fullRewrite, concurrentlyInTransaction, wholeTableChange, noWayDown, dimension, opclass,
    metric,
    notPlain, quantisesNothing, distributionKey, unknownOption, plainTooWide, indexBeforeLoad, unsupported,
    optionRange, tooManyDimensions, noDimension, unknownCode, uselessIgnore,
  ]

  static let indexBlocksWrites = LintRule(
    "D001",
    .warning,
    "CREATE INDEX without CONCURRENTLY on a table that this file does not create blocks writers"
  )
  static let typeChange = LintRule(
    "D002",
    .warning,
    "changing a column's type rewrites the table under a full lock"
  )
  static let notNull = LintRule(
    "D003",
    .warning,
    "NOT NULL on an existing table scans it, or fails, under a full lock"
  )
  static let drop = LintRule("D004", .warning, "dropping or emptying a table or column loses data")
  static let rename = LintRule("D005", .warning, "renaming breaks programs that still use the old name")
  static let constraintScan = LintRule(
    "D006",
    .warning,
    "a constraint without NOT VALID scans the table under a lock"
  )
  static let uniqueConstraint = LintRule(
    "D007",
    .warning,
    "a unique constraint builds its index under a full lock"
  )
  static let volatileDefault = LintRule(
    "D008",
    .warning,
    "a volatile default rewrites the table under a full lock"
  )
  static let dropIndexBlocks = LintRule(
    "D009",
    .note,
    "DROP INDEX without CONCURRENTLY waits for and blocks queries"
  )
  static let fullRewrite = LintRule(
    "D010",
    .warning,
    "VACUUM FULL and CLUSTER rewrite the table under a full lock"
  )
  static let concurrentlyInTransaction = LintRule(
    "D011",
    .error,
    "CONCURRENTLY cannot run inside a transaction"
  )
  static let wholeTableChange = LintRule("D012", .warning, "UPDATE or DELETE without WHERE changes every row")
  static let noWayDown = LintRule("D013", .note, "there is no way down, and no word that there is none")

  static let dimension = LintRule("V001", .error, "the index's dim is not the column's")
  static let opclass = LintRule("V002", .error, "the operator class is not for the column's type")
  static let metric = LintRule("V003", .warning, "the index serves another distance than the parameters say")
  static let notPlain = LintRule(
    "V004",
    .warning,
    "an ann index on a column without STORAGE PLAIN reads every vector through TOAST"
  )
  static let quantisesNothing = LintRule(
    "V005",
    .warning,
    "pq_enable on an empty or small table has nothing to learn from"
  )
  static let distributionKey = LintRule("V006", .error, "a unique key must contain the distribution key")
  static let unknownOption = LintRule("V007", .error, "the index method does not know this option")
  static let plainTooWide = LintRule("V008", .error, "a PLAIN vector of this size does not fit into a page")
  static let indexBeforeLoad = LintRule(
    "V009",
    .warning,
    "loading rows into a vector index is slower than building it afterwards"
  )
  static let unsupported = LintRule("V010", .error, "this kind of server does not understand the statement")
  static let optionRange = LintRule("V011", .error, "the index option's value is out of range")
  static let tooManyDimensions = LintRule(
    "V012",
    .error,
    "the type cannot be indexed with this many dimensions"
  )
  static let noDimension = LintRule("V013", .error, "a column without dimensions cannot be indexed")

  static let unknownCode = LintRule("L001", .error, "a lint:ignore names a code that does not exist")
  static let uselessIgnore = LintRule("L002", .note, "a lint:ignore hides nothing")
}

/// Something that lint found.
public struct LintFinding: Sendable, Hashable, CustomStringConvertible {
  /// The rule.
  public var rule: LintRule
  /// What is wrong here, one line.
  public var message: String
  /// What to do, one line.
  public var hint: String?
  /// Where.
  public var location: SourceLocation

  /// `file:line:column: warning D001: message; hint`.
  public var description: String {
    "\(location): \(rule.severity.rawValue) \(rule.code): \(message)" + (hint.map { "; \($0)" } ?? "")
  }
}

extension LintFinding: Encodable {
  private enum Key: String, CodingKey { case code, severity, message, fix, file, line, column }

  /// Encodes the finding flat.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(rule.code, forKey: .code)
    try container.encode(rule.severity, forKey: .severity)
    try container.encode(message, forKey: .message)
    try container.encodeIfPresent(hint, forKey: .fix)
    try container.encode(location.file, forKey: .file)
    try container.encode(location.lineNumber, forKey: .line)
    try container.encode(location.column, forKey: .column)
  }
}

/// The `-- lint:ignore D001,V009 reason` comments of a file.
struct LintIgnores {
  struct Entry {
    var code: String
    var offset: Int
  }

  let entries: [Entry]

  init(_ file: SourceFile) {
    var found: [Entry] = []
    for token in Script(file.text).tokens where token.kind == .lineComment {
      let words = OptionWord.words(in: file.text, range: token.range.lowerBound + 2..<token.range.upperBound)
      guard words.first?.text == "lint:ignore" else { continue }
      for word in words.dropFirst().prefix(1) {
        for code in word.text.split(separator: ",") {
          found.append(Entry(code: String(code), offset: word.offset))
        }
      }
    }
    entries = found
  }

  /// Takes out what is ignored, and adds what is wrong with the ignoring.
  func apply(to findings: [LintFinding], in file: SourceFile) -> [LintFinding] {
    let known = Set(LintRule.all.map(\.code))
    let kept = findings.filter { finding in !entries.contains { $0.code == finding.rule.code } }
    let own = entries.compactMap { entry -> LintFinding? in
      let location = file.location(entry.offset)
      if !known.contains(entry.code) {
        return LintFinding(
          rule: .unknownCode,
          message: "there is no rule \(entry.code)",
          hint: Suggestion.nearest(to: entry.code, in: known.sorted()).isEmpty ? "see lint --rules" : nil,
          location: location
        )
      }
      guard !findings.contains(where: { $0.rule.code == entry.code }) else { return nil }
      return LintFinding(
        rule: .uselessIgnore,
        message: "\(entry.code) finds nothing in this file",
        hint: "remove the comment",
        location: location
      )
    }
    return kept + own
  }
}
