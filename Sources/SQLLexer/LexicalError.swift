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
