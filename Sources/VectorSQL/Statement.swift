/// The rendered form of a fragment: SQL text with `$1 … $n`, and the values for them in that order.
public struct Statement: Sendable, Hashable {
  /// SQL text; parameters are written `$1 … $n`.
  public let text: String
  /// The value of `$i` stands at `binds[i - 1]`.
  public let binds: [SQLValue]

  /// A statement from text that the caller vouches for.
  ///
  /// The label is there to be searched for: `trusted:` is the one way from run-time text to SQL.
  public init(trusted text: String, binds: [SQLValue] = []) {
    self.text = text
    self.binds = binds
  }

  /// A statement from text that stands in the program.
  public init(_ text: StaticString, binds: [SQLValue] = []) {
    self.init(trusted: text.description, binds: binds)
  }
}
