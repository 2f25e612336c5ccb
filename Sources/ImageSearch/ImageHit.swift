public import Basics
internal import FoundationEssentials

/// A row of a table of images, without its vector: what a list or a thumbnail needs.
public struct ImageRow: Sendable, Hashable {
  /// The row's id.
  public let id: ImageID
  /// The image's class; nil where it has none.
  public let `class`: String?
  /// Where the image came from; nil where the table does not say.
  public let source: String?

  /// A row from its parts.
  public init(id: ImageID, class name: String?, source: String?) {
    self.id = id
    self.class = name
    self.source = source
  }
}

/// A row that a search found.
public struct ImageHit: Sendable, Hashable, Codable {
  /// The row's id.
  public let id: ImageID
  /// The image's class; nil where it has none.
  public let `class`: String?
  /// The true distance in the table's metric, the same number on every dialect; always finite or infinite, never NaN.
  public let distance: Double
  /// Where the image came from; nil where the table does not say.
  public let source: String?

  /// A hit from its parts.
  public init(id: ImageID, class name: String?, distance: Double, source: String?) {
    self.id = id
    self.class = name
    self.distance = distance
    self.source = source
  }

  /// The row without its distance.
  public var row: ImageRow { ImageRow(id: id, class: `class`, source: source) }
}

/// What a search returns.
public struct ImageAnswer: Sendable, Hashable {
  /// The rows, nearest first; rows at equal distances by id when the search was exact.
  public let hits: [ImageHit]
  /// The same search as SQL that psql runs unchanged.
  public let sql: String
  /// From sending the statement to having every row, in milliseconds.
  public let databaseMilliseconds: Double
  /// False when rows that match may be missing because time ran out; ``notices`` says so.
  public let isComplete: Bool
  /// What a reader of the hits should know, a sentence each: that every row was compared because the index gave too
  /// few, that rows without a distance were left out.
  public let notices: [String]
  /// Where the next page begins; nil when there is none.
  public let next: ImageCursor?

  /// An answer from its parts.
  public init(
    hits: [ImageHit],
    sql: String,
    databaseMilliseconds: Double,
    isComplete: Bool = true,
    notices: [String] = [],
    next: ImageCursor? = nil
  ) {
    self.hits = hits
    self.sql = sql
    self.databaseMilliseconds = databaseMilliseconds
    self.isComplete = isComplete
    self.notices = notices
    self.next = next
  }

  /// The answer without the hits that are farther away than `distance`; nil leaves out none.
  public func within(_ distance: Double?) -> ImageAnswer {
    guard let distance else { return self }
    let near = hits.filter { $0.distance <= distance }
    return ImageAnswer(
      hits: near,
      sql: sql,
      databaseMilliseconds: databaseMilliseconds,
      isComplete: isComplete,
      notices: notices,
      next: near.count == hits.count ? next : nil
    )
  }
}

/// A class of a table, and how many of its rows are of it.
public struct ImageClass: Sendable, Hashable {
  /// The class.
  public let name: String
  /// How many rows are of this class.
  public let count: Int

  /// A class from its parts.
  public init(name: String, count: Int) {
    self.name = name
    self.count = count
  }
}

/// Why a search cannot be made.
public struct ImageSearchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    package let name: String

    /// No row has that id.
    public static let noSuchID = Code(name: "noSuchID")
    /// The row has no vector, or one without a distance to anything.
    public static let noVector = Code(name: "noVector")
    /// The request's numbers are out of range, or it asks for what the table does not have.
    public static let badRequest = Code(name: "badRequest")
    /// The table does not fit the dialect or the settings.
    public static let wrongTable = Code(name: "wrongTable")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, where, why, and a fix.
  public let description: String

  /// An error with its line.
  public init(code: Code, description: String) {
    self.code = code
    self.description = description
  }
}

extension ImageSearchError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}
