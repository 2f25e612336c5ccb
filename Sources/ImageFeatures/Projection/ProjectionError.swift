/// A projection that cannot be learned, read or applied.
public struct ProjectionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public struct Code: Sendable, Hashable {
    private let name: String

    private init(_ name: String) { self.name = name }

    /// Vectors, labels or dimensions do not fit together.
    public static let shape = Code("shape")
    /// There is too little to learn from.
    public static let samples = Code("samples")
    /// The linear algebra did not succeed.
    public static let numerical = Code("numerical")
    /// The projection was fitted for other vectors.
    public static let mismatch = Code("mismatch")
    /// The file is not a projection, or cannot be written.
    public static let file = Code("file")
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
