/// A place in a text, as editors and compilers count it.
public struct SourcePosition: Sendable, Hashable {
  /// Bytes before it in UTF-8, from 0.
  public let utf8Offset: Int
  /// The line, from 1.
  public let line: Int
  /// The column in Unicode scalars, from 1.
  public let column: Int

  /// A place given by all three counts.
  public init(utf8Offset: Int, line: Int, column: Int) {
    self.utf8Offset = utf8Offset
    self.line = line
    self.column = column
  }
}
