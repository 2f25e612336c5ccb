internal import SQLLexer

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

  /// Reads `transaction:false lock-timeout:5s …`.
  /// - Throws: `MigrationError` with code `invalidFile` at an option that is unknown or has no such value.
  init(_ words: [OptionWord], isDown: Bool, in file: SourceFile) throws {
    for word in words {
      let split = word.text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = split.count == 2 ? String(split[1]) : nil
      let problem = set(String(split[0]), value, isDown: isDown)
      guard let problem else { continue }
      throw MigrationError(
        .invalidFile,
        problem,
        hint: "known options: \(Self.names(isDown: isDown).joined(separator: ", "))",
        at: SourceLocation(file: file.path, text: file.text, offset: word.offset)
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

/// A blank-separated word behind a section's mark; a value may stand in double quotes.
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
    for offset in range {
      let byte = text.utf8[offset]
      if byte == UInt8(ascii: "\"") {
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
