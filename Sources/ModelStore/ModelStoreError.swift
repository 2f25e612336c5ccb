/// Why a checkpoint could not be had, in one line.
public struct ModelStoreError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is.
  public struct Code: Sendable, Hashable {
    private let name: String

    private init(_ name: String) { self.name = name }

    /// No checkpoint has this name, or it is not fetched like this.
    public static let unknown = Code("unknown")
    /// The server cannot be reached.
    public static let network = Code("network")
    /// The server answers with something else.
    public static let answer = Code("answer")
    /// The file is not the published one.
    public static let digest = Code("digest")
    /// A file cannot be read or written.
    public static let file = Code("file")
  }

  /// The kind of failure.
  public let code: Code
  /// What, where, what to do.
  public let description: String

  /// An error of a kind, with its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
