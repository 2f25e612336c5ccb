public import ImageSearch
public import VectorSQL

/// What the configuration says that a table, its index and its searches should be.
public struct Expectations: Sendable {
  /// The table and its columns.
  public var table: ImageTable
  /// The dialect that searches are written in.
  public var dialect: Dialect
  /// The metric that the index should serve; nil accepts the index's own.
  public var metric: Metric?
  /// The vectors' dimension; nil accepts the table's own.
  public var dimension: Int?
  /// Options that the index should have, as its WITH clause names them: `m`, `hnsw_m`, `ef_construction`.
  public var indexOptions: [String: String] = [:]
  /// How many rows searches ask for.
  public var topK = 20
  /// How many rows are searched for to measure recall; 0 leaves it out.
  public var sample = 20
  /// The least share of the true neighbours that the index shall find.
  public var minimumRecall = 0.9
  /// A statement of the user's own to look at.
  public var statement: String?

  /// What is expected of a table in a dialect.
  public init(table: ImageTable, dialect: Dialect) {
    self.table = table
    self.dialect = dialect
  }
}
