internal import Basics
internal import SQLLexer

/// Reads a file with the marks `-- migrate:up` and `-- migrate:down`, as dbmate reads them: each may stand several times,
/// and words behind them that are not an option are a comment.
struct MigrationParser {
  let file: SourceFile

  private struct Mark {
    var isDown: Bool
    var line: Range<Int>
    var options: SectionOptions
  }

  /// The id and name in a file's name; nil when it is not the name of a migration.
  static func identify(_ name: String) -> (id: MigrationID, name: String)? {
    guard name.utf8.suffix(4).elementsEqual(".sql".utf8) else { return nil }
    let stem = Substring(name.utf8.dropLast(4))
    if stem.utf8.first == UInt8(ascii: "R"), stem.hasPrefix(MigrationID.repeatablePrefix) {
      let rest = String(stem.dropFirst(MigrationID.repeatablePrefix.count))
      return rest.isEmpty ? nil : (.repeatable(rest), rest)
    }
    let digits = stem.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard !digits.isEmpty else { return nil }
    let rest = stem[digits.endIndex...]
    return (.version(String(Substring(digits))), String(rest.hasPrefix("_") ? rest.dropFirst() : rest))
  }

  /// Whether a file's name ends like that of SQL, in any case.
  static func isSQL(_ name: String) -> Bool {
    let end = name.utf8.suffix(4)
    return end.first == UInt8(ascii: ".") && end.dropFirst().lazy.map { $0 | 0x20 }.elementsEqual("sql".utf8)
  }

  func parse(_ id: MigrationID, name: String) throws -> Migration {
    let marks = try findMarks()
    guard let up = try section(marks, isDown: false) else {
      throw error("there is no line \"-- migrate:up\"", 0, hint: "begin the file with that line")
    }
    try checkHead(before: marks[0].line.lowerBound)
    if case .repeatable = id, let down = marks.first(where: \.isDown) {
      throw error(
        "a repeatable file cannot go down",
        down.line.lowerBound,
        hint: "remove the section"
      )
    }
    return Migration(
      id: id,
      name: name,
      file: file,
      up: up,
      down: try section(marks, isDown: true),
      templateHash: file.hash
    )
  }

  /// The parts of one direction; nil when there is none.
  private func section(_ marks: [Mark], isDown: Bool) throws -> MigrationSection? {
    var ranges: [Range<Int>] = []
    var options: SectionOptions?
    for (index, mark) in marks.enumerated() where mark.isDown == isDown {
      let end = index + 1 < marks.count ? marks[index + 1].line.lowerBound : file.text.utf8.count
      ranges.append(min(mark.line.upperBound + 1, end)..<end)
      guard let first = options else {
        options = mark.options
        continue
      }
      guard let joined = first.joined(with: mark.options) else {
        throw error(
          "the options differ from those of the section before",
          mark.line.lowerBound,
          hint: "give every section of the file the same, or use a file for each"
        )
      }
      options = joined
    }
    guard let options, let first = marks.first(where: { $0.isDown == isDown }) else { return nil }
    return MigrationSection(
      options: options,
      ranges: isDown ? ranges.reversed() : ranges,
      markOffset: first.line.lowerBound
    )
  }

  private func findMarks() throws -> [Mark] {
    let bytes = file.text.utf8
    var marks: [Mark] = []
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      if let mark = try mark(start..<end) { marks.append(mark) }
      start = end + 1
    }
    return marks
  }

  private func mark(_ line: Range<Int>) throws -> Mark? {
    let bytes = file.text.utf8
    guard let start = bytes[line].firstIndex(where: { $0 != 0x20 && $0 != 0x09 }) else { return nil }
    let opening = bytes[start..<min(start + 2, line.upperBound)]
    guard opening.elementsEqual("--".utf8) || opening.elementsEqual("/*".utf8) else { return nil }
    let words = OptionWord.words(in: file.text, range: start + 2..<line.upperBound)
    guard start == line.lowerBound, opening.first == 0x2D, let first = words.first,
      first.text.hasPrefix("migrate:")
    else {
      if let direction = Self.misspeltMark(String(decoding: bytes[start..<line.upperBound], as: UTF8.self)) {
        throw error(
          "this reads like a mark and is none: what follows would run as a part of the section above",
          start,
          hint: "write -- migrate:\(direction) at the start of the line"
        )
      }
      return nil
    }
    guard first.text == "migrate:up" || first.text == "migrate:down" else {
      throw error("unknown mark \"\(first.text)\"", first.offset, hint: "known: migrate:up, migrate:down")
    }
    if words.count > 1, words.last?.text.utf8.last == UInt8(ascii: ";") {
      throw error(
        "what stands behind the mark is a comment, and a statement there would never run",
        words[1].offset,
        hint: "move it to a line below"
      )
    }
    let isDown = first.text == "migrate:down"
    let options = try SectionOptions(Array(words.dropFirst()), isDown: isDown, in: file)
    return Mark(isDown: isDown, line: line, options: options)
  }

  /// `up` or `down` of a comment such as `-- Migrate : down`, `/* migrate:up */`, or of a mark behind blanks.
  private static func misspeltMark(_ comment: String) -> String? {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    let name = comment.drop { "-/* \t".contains($0) }.lowercased()
    guard name.hasPrefix("migrate") else { return nil }
    let mark = name.dropFirst("migrate".count).drop(while: isBlank)
    guard mark.first == ":" else { return nil }
    let direction = String(mark.dropFirst().drop(while: isBlank).prefix { $0.isLetter })
    return ["up", "down"].contains(direction) ? direction : nil
  }

  /// Only comments may stand before the first mark: anything else would never run.
  private func checkHead(before end: Int) throws {
    let head = Script(SourceText(utf8: Array(file.text.utf8[..<end])))
    if let stray = head.tokens.first(where: \.isSignificant) {
      throw error(
        "this stands before the first mark and would never run",
        stray.range.lowerBound,
        hint: "move it below \"-- migrate:up\""
      )
    }
  }

  private func error(_ message: String, _ offset: Int, hint: String) -> MigrationError {
    MigrationError(
      .invalidFile,
      message,
      hint: hint,
      at: file.location(offset)
    )
  }
}

/// The options behind `-- migrate:up` and `-- migrate:down`.
public struct SectionOptions: Sendable, Hashable {
  /// Whether the section is one transaction; false runs it statement by statement, with progress recorded.
  public var transaction = true
  /// Whether `{{…}}` is read as a parameter in this section.
  public var template = true
  /// How long a statement may wait for a lock, in milliseconds; 0 is without limit, nil the run's default.
  public var lockTimeout: Int?
  /// How long a statement may run, in milliseconds; 0 is without limit, nil the server's setting.
  public var statementTimeout: Int?
  /// Whether the file may run although a higher version was applied before it.
  public var outOfOrder = false
  /// Why there is no way back; nil when there is one. Only behind `migrate:down`.
  public var irreversible: String?

  /// The options of a section that names none.
  public init() {}

  /// Reads `transaction:false lock-timeout:5s …`; words that look like no option of ours are a comment, as for dbmate.
  /// - Throws: `MigrationError` with code `invalidFile` at an option that is misspelt or has no such value.
  init(_ words: [OptionWord], isDown: Bool, in file: SourceFile) throws {
    for word in words where Self.isOption(word.text) {
      let split = word.text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = split.count == 2 ? String(split[1]) : nil
      let problem = set(String(split[0]), value, isDown: isDown)
      guard let problem else { continue }
      throw MigrationError(
        .invalidFile,
        problem,
        hint: "known options: \(Self.names(isDown: isDown).joined(separator: ", "))",
        at: file.location(word.offset)
      )
    }
  }

  /// Sets one option; returns what is wrong with it.
  private mutating func set(_ name: String, _ value: String?, isDown: Bool) -> String? {
    switch (name, value) {
    case ("transaction", "true"), ("transaction", "false"): transaction = value == "true"
    case ("template", "true"), ("template", "false"): template = value == "true"
    case ("out-of-order", "true"), ("out-of-order", "false"): outOfOrder = value == "true"
    case ("irreversible", _) where isDown: irreversible = value ?? "the file says so"
    case ("lock-timeout", let value?):
      guard let limit = Self.milliseconds(value) else { return Self.notADuration(name, value) }
      lockTimeout = limit
    case ("statement-timeout", let value?):
      guard let limit = Self.milliseconds(value) else { return Self.notADuration(name, value) }
      statementTimeout = limit
    default:
      let isKnown = Self.names(isDown: isDown).contains(name)
      return isKnown ? "the option \(name) has no value \"\(value ?? "")\"" : "unknown option \"\(name)\""
    }
    return nil
  }

  /// The options of two sections that run as one: without a transaction when either is; nil where others differ.
  func joined(with other: SectionOptions) -> SectionOptions? {
    var (left, right) = (self, other)
    left.transaction = transaction && other.transaction
    right.transaction = left.transaction
    left.irreversible = irreversible ?? other.irreversible
    right.irreversible = left.irreversible
    return left == right ? left : nil
  }

  private static func isOption(_ word: String) -> Bool {
    guard let name = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first else {
      return false
    }
    guard name.utf8.count < word.utf8.count else {
      return !Suggestion.nearest(to: word, in: ["irreversible"]).isEmpty
        || word.utf8.contains(UInt8(ascii: "=")) && !Suggestion.nearest(to: assigned(word), in: all).isEmpty
    }
    return !Suggestion.nearest(to: String(name), in: all).isEmpty
  }

  /// The name in `transaction=false`, which is meant as an option and is none.
  private static func assigned(_ word: String) -> String {
    String(decoding: word.utf8.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
  }

  private static let all = names(isDown: true)

  private static func names(isDown: Bool) -> [String] {
    ["transaction", "template", "lock-timeout", "statement-timeout", "out-of-order"]
      + (isDown ? ["irreversible"] : [])
  }

  private static func notADuration(_ name: String, _ value: String) -> String {
    "\(name) is a duration such as 500ms, 5s, 2min, 1h or 0, not \"\(value)\""
  }

  /// Reads `500ms`, `5s`, `2min`, `1h`, or plain milliseconds, as PostgreSQL's own settings do.
  public static func milliseconds(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits) else { return nil }
    let unit: Int? =
      switch text.dropFirst(digits.count) {
      case "", "ms": 1
      case "s": 1000
      case "min": 60_000
      case "h": 3_600_000
      default: nil
      }
    guard let unit else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow || product > Int(Int32.max) ? nil : product
  }
}

/// A blank-separated word behind a section's mark; a value may stand in double quotes, inside which two stand for one.
struct OptionWord: Hashable {
  var text: String
  var offset: Int

  static func words(in text: SourceText, range: Range<Int>) -> [OptionWord] {
    var words: [OptionWord] = []
    var bytes: [UInt8] = []
    var start: Int?
    var quoted = false
    func flush() {
      if let begin = start {
        words.append(OptionWord(text: String(decoding: bytes, as: UTF8.self), offset: begin))
      }
      bytes = []
      start = nil
    }
    let quote = UInt8(ascii: "\"")
    var isSecond = false
    for offset in range {
      let byte = text.utf8[offset]
      if isSecond {
        isSecond = false
      } else if byte == quote {
        if quoted, offset + 1 < range.upperBound, text.utf8[offset + 1] == quote {
          bytes.append(quote)
          isSecond = true
          continue
        }
        quoted.toggle()
        start = start ?? offset
      } else if !quoted, byte == 0x20 || byte == 0x09 {
        flush()
      } else {
        bytes.append(byte)
        start = start ?? offset
      }
    }
    flush()
    return words
  }
}
