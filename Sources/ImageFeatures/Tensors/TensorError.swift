/// A tensor that is absent or has another shape than it is used with.
public struct TensorError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public struct Code: Sendable, Hashable {
    private let name: String

    private init(_ name: String) { self.name = name }

    /// The number of values, or the shape, is not the one needed.
    public static let shapeMismatch = Code("shapeMismatch")
    /// No tensor has this name.
    public static let unknownName = Code("unknownName")
  }

  /// What went wrong.
  public let code: Code

  /// One line: what, where, what to do.
  public let description: String

  /// Makes an error from its code and its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
