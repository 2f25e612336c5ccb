/// Why a grid, page or preview could not be made, in one line.
public struct GridError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is.
  public struct Code: Sendable, Hashable {
    /// The code's name.
    public let name: String

    /// A code by its name.
    public init(_ name: String) { self.name = name }

    /// No usable font was found.
    public static let noFont = Code("noFont")
    /// There is nothing to draw, or the drawing would be too large.
    public static let invalidSize = Code("invalidSize")
    /// FreeType or libgd refused.
    public static let drawing = Code("drawing")
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong and what to do.
  public let description: String

  /// An error of a kind, with its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
