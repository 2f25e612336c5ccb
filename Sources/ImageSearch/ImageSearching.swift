/// What the command line and the page ask of a table of images.
public protocol ImageSearching: Sendable {
  /// Finds the nearest rows.
  /// - Throws: `ImageSearchError`, or the database's own error.
  func search(_ request: ImageSearchRequest) async throws -> ImageSearchAnswer
  /// The label and source of a row; nil when there is no such row.
  func row(id: Int64) async throws -> (label: String?, source: String?)?
  /// Every label in the table, in order.
  func labels() async throws -> [String]
  /// Returns when the database answers.
  func checkConnection() async throws
}

/// Why a search cannot be made.
public struct ImageSearchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    let name: String

    /// No row has that id.
    public static let noSuchID = Code(name: "noSuchID")
    /// The request's numbers are out of range.
    public static let badRequest = Code(name: "badRequest")
    /// The table does not fit the dialect or the settings.
    public static let wrongTable = Code(name: "wrongTable")
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
