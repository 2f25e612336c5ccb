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

  /// What it is.
  public let kind: Kind
  /// The bytes it takes in the UTF-8 text.
  public let range: Range<Int>

  /// False for white space and comments, which no statement is made of.
  public var isSignificant: Bool {
    switch kind {
    case .whitespace, .lineComment, .blockComment: false
    default: true
    }
  }
}
