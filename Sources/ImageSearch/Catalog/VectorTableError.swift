/// Why a table cannot be used for vectors.
public struct VectorTableError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    let name: String

    /// There is no such table.
    public static let missingTable = Code(name: "missingTable")
    /// The table has no such column.
    public static let missingColumn = Code(name: "missingColumn")
    /// The column's type cannot hold what is asked of it.
    public static let wrongType = Code(name: "wrongType")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String

  /// An error with its line.
  public init(code: Code, description: String) {
    self.code = code
    self.description = description
  }
}
