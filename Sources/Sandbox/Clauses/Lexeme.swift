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
