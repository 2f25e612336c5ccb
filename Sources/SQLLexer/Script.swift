/// SQL text cut into tokens and statements, as `psql` cuts it (without psql's own backslash commands).
///
/// A semicolon ends a statement unless it stands inside a string, a comment, an identifier, parentheses, or the
/// `BEGIN ATOMIC … END` body of a routine. The lines behind `COPY … FROM STDIN;` are its data, up to `\.`.
public struct Script: Sendable, Hashable {
  /// The text.
  public let source: SourceText
  /// All tokens in their order, white space and comments included; COPY data is not made of tokens.
  public let tokens: [Token]
  /// The statements in their order.
  public let statements: [SQLStatement]
  /// What is wrong with the text, in its order; the statements before it can still be used.
  public let errors: [LexicalError]

  /// Reads a text. A broken text is read to its end, and says so in `errors`.
  public init(_ text: String, standardConformingStrings: Bool = true) {
    self.init(SourceText(text), standardConformingStrings: standardConformingStrings)
  }

  /// Reads a text. A broken text is read to its end, and says so in `errors`.
  public init(_ source: SourceText, standardConformingStrings: Bool = true) {
    var splitter = Splitter(source, standardConformingStrings: standardConformingStrings)
    splitter.run()
    self.source = source
    tokens = splitter.tokens
    statements = splitter.statements
    errors = splitter.errors
  }

  /// All tokens of a text that is not split into statements, such as a routine's body, where COPY has no data.
  public static func tokens(of utf8: [UInt8]) -> [Token] {
    var scanner = Scanner(utf8, standardConformingStrings: true)
    var tokens: [Token] = []
    while let token = scanner.next() { tokens.append(token) }
    return tokens
  }
}

/// One token of SQL text: what it is, and which bytes it takes.
public struct Token: Sendable, Hashable {
  /// What a token is.
  public enum Kind: UInt8, Sendable, Hashable {
    /// Blanks, tabs and line ends.
    case whitespace
    /// `-- …` up to the line's end.
    case lineComment
    /// `/* … */`, nested as PostgreSQL nests them.
    case blockComment
    /// A keyword or an unquoted identifier.
    case word
    /// `"…"` or `U&"…"`.
    case quotedIdentifier
    /// `'…'` with its continuation lines, also `N'…'`.
    case string
    /// `E'…'`, where a backslash escapes.
    case escapeString
    /// `U&'…'`.
    case unicodeString
    /// `B'…'` or `X'…'`.
    case bitString
    /// `$tag$ … $tag$`.
    case dollarString
    /// `1`, `1_000`, `0xFF`, `1.5e-3`, `.5`.
    case number
    /// `$1`.
    case parameter
    /// An operator's name, such as `<->`.
    case `operator`
    /// `( ) [ ] , ; . : :: := ..`
    case punctuation
    /// A byte that no SQL token begins with, such as `{` or a lone backslash.
    case unknown
  }

  // Twelve bytes: a large file has millions of tokens.
  private let start: UInt32
  private let length: UInt32
  /// What it is.
  public let kind: Kind

  /// The bytes it takes in the UTF-8 text, which has at most 4 GiB.
  public var range: Range<Int> { Int(start)..<Int(start) + Int(length) }

  init(kind: Kind, range: Range<Int>) {
    self.kind = kind
    start = UInt32(clamping: range.lowerBound)
    length = UInt32(clamping: range.count)
  }

  /// False for white space and comments, which no statement is made of.
  public var isSignificant: Bool {
    switch kind {
    case .whitespace, .lineComment, .blockComment: false
    default: true
    }
  }
}

/// A text that PostgreSQL's scanner would refuse, or that can be read in two ways.
public struct LexicalError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// A short stable name.
    public let description: String

    /// `'…` without its end.
    public static let unterminatedString = Code(description: "unterminated string")
    /// `"…` without its end.
    public static let unterminatedIdentifier = Code(description: "unterminated quoted identifier")
    /// `$tag$ …` without its end.
    public static let unterminatedDollarString = Code(description: "unterminated dollar-quoted string")
    /// `/* …` without its end.
    public static let unterminatedComment = Code(description: "unterminated comment")
    /// `""`.
    public static let emptyIdentifier = Code(description: "zero-length quoted identifier")
    /// SQL behind `COPY … FROM STDIN;` on the same line, where the data begins on the next.
    public static let textBesideCopyData = Code(
      description: "text after COPY … FROM STDIN on the same line"
    )
  }

  /// What is wrong.
  public let code: Code
  /// Where it begins.
  public let position: SourcePosition

  /// One line for people.
  public var description: String { "\(position.line):\(position.column): \(code)" }
}
