/// A row found.
public struct ImageHit: Sendable, Hashable, Codable {
  /// The row's id.
  public let id: Int64
  /// The row's label; nil where it has none.
  public let label: String?
  /// The true distance in the table's metric, the same number on every dialect.
  public let distance: Double
  /// Where the image came from; nil where the table does not say.
  public let source: String?

  /// A hit from its parts.
  public init(id: Int64, label: String?, distance: Double, source: String?) {
    self.id = id
    self.label = label
    self.distance = distance
    self.source = source
  }
}

/// What a search returns.
public struct ImageSearchAnswer: Sendable, Hashable {
  /// The rows, nearest first; rows at equal distances by id when the search was exact.
  public let hits: [ImageHit]
  /// The same search as SQL that psql runs unchanged.
  public let sql: String
  /// From sending the statement to having every row, in milliseconds.
  public let databaseMilliseconds: Double

  /// An answer from its parts.
  public init(hits: [ImageHit], sql: String, databaseMilliseconds: Double) {
    self.hits = hits
    self.sql = sql
    self.databaseMilliseconds = databaseMilliseconds
  }
}

/// What the command line and the page ask of a table of images.
public protocol ImageSearching: Sendable {
  /// Finds the nearest rows.
  /// - Throws: `ImageSearchError`, or the database's own error.
  func search(_ request: ImageSearchRequest) async throws -> ImageSearchAnswer
  /// The label and source of a row; nil when there is no such row.
  func row(id: Int64) async throws -> (label: String?, source: String?)?
  /// Every label in the table, in order.
  func labels(limit: Int) async throws -> [String]
  /// Returns when the database answers.
  func checkConnection() async throws
}

/// Why a search cannot be made.
public struct ImageSearchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    package let name: String

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
