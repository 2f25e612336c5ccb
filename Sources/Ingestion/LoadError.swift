/// Why a load was refused or stopped: one line, what and where and what to do.
///
/// Never holds a vector, a class or a bound value.
public struct LoadError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, as it is written here.
    public let description: String

    /// The table does not fit: missing, a column of another type, another dimension.
    public static let table = Code(description: "table")
    /// A row of the source cannot be loaded.
    public static let row = Code(description: "row")
    /// An option does not fit the server or the table.
    public static let option = Code(description: "option")
    /// Going on is refused: the source, the model or the table is another than before.
    public static let resume = Code(description: "resume")
    /// Another run loads the same source into the same table.
    public static let locked = Code(description: "locked")
    /// An image cannot be read and the load is strict.
    public static let image = Code(description: "image")
    /// The extractor failed on an image that was read.
    public static let features = Code(description: "features")
  }

  /// The kind of failure.
  public let code: Code
  /// The line.
  public let description: String

  /// An error of a kind.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
