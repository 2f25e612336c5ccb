internal import SQLLexer

/// A token with its bytes counted from the start of a window.
struct Lexeme {
  let kind: Token.Kind
  let range: Range<Int>

  var isSignificant: Bool {
    switch kind {
    case .whitespace, .lineComment, .blockComment: false
    default: true
    }
  }
}

/// The tokens of one piece of SQL text.
struct LexedWindow {
  private(set) var lexemes: [Lexeme] = []
  /// Whether the last token is a string or a quoted identifier without its end.
  private(set) var endsInsideQuotes = false

  /// Reads a piece with `SQLLexer`.
  ///
  /// A script's lines behind `COPY … FROM STDIN;` are data. In a message they are SQL, since data has messages of its
  /// own; so reading starts anew there.
  init(_ bytes: [UInt8]) {
    var start = 0
    while true {
      let script = Script(SourceText(utf8: Array(bytes[start...])))
      let data = script.statements.lazy.compactMap(\.copyData).first
      let end = data?.lowerBound ?? Int.max
      for token in script.tokens.prefix(while: { $0.range.lowerBound < end }) {
        lexemes.append(
          Lexeme(kind: token.kind, range: start + token.range.lowerBound..<start + token.range.upperBound)
        )
      }
      guard let data else {
        endsInsideQuotes = script.errors.last.map { Self.unfinishedQuotes.contains($0.code) } ?? false
        return
      }
      start += data.lowerBound
    }
  }

  private static let unfinishedQuotes: Set<LexicalError.Code> = [
    .unterminatedString, .unterminatedIdentifier, .unterminatedDollarString,
  ]
}

/// Stands for a string whose end has not arrived yet, however long it is already.
enum QuotedOpening {
  /// The shortest text that leaves a scanner in the same state as an unfinished string or quoted identifier.
  /// - Returns: nil when there is nothing to gain.
  static func shortened(_ bytes: [UInt8], _ kind: Token.Kind) -> [UInt8]? {
    let short: [UInt8]?
    switch kind {
    case .string, .unicodeString, .bitString:
      short = opening(bytes, UInt8(ascii: "'"))
    case .escapeString:
      short = opening(bytes, UInt8(ascii: "'")).map { $0 + (endsInEscape(bytes) ? [UInt8(ascii: "\\")] : []) }
    case .quotedIdentifier:
      short = opening(bytes, UInt8(ascii: "\"")).map { $0 + [UInt8(ascii: "x")] }
    case .dollarString:
      short = dollarOpening(bytes)
    default:
      short = nil
    }
    return short.flatMap { $0.count < bytes.count ? $0 : nil }
  }

  private static func opening(_ bytes: [UInt8], _ quote: UInt8) -> [UInt8]? {
    bytes.firstIndex(of: quote).map { Array(bytes[...$0]) }
  }

  private static func endsInEscape(_ bytes: [UInt8]) -> Bool {
    bytes.reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
  }

  /// The delimiter, and the bytes at the end that may be the first part of the closing one.
  private static func dollarOpening(_ bytes: [UInt8]) -> [UInt8]? {
    guard let end = bytes.dropFirst().firstIndex(of: UInt8(ascii: "$")) else { return nil }
    let delimiter = bytes[...end]
    return Array(delimiter) + bytes[(end + 1)...].suffix(delimiter.count - 1)
  }
}
