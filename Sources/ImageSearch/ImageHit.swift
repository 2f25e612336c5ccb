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
