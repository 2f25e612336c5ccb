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
}
