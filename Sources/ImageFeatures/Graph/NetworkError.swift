/// A network that cannot be made from its checkpoint, or a feature that it does not have.
public struct NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public struct Code: Sendable, Hashable {
    private let name: String

    private init(_ name: String) { self.name = name }

    /// No architecture has this name.
    public static let unknownArchitecture = Code("unknownArchitecture")
    /// The checkpoint's tensors are not the architecture's.
    public static let weights = Code("weights")
    /// The input has the wrong size or number of values.
    public static let inputSize = Code("inputSize")
    /// The feature's text is not understood.
    public static let featureSyntax = Code("featureSyntax")
    /// The network has no such feature.
    public static let feature = Code("feature")
    /// OpenBLAS cannot be loaded.
    public static let library = Code("library")
    /// Memory for the activations or weights was not to be had.
    public static let memory = Code("memory")
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
