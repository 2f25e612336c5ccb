/// An index on a vector column, with the metric that its queries use.
public struct IndexDefinition: Sendable {
  /// The table indexed.
  public var table: QualifiedName
  /// The column indexed.
  public var column: VectorColumn
  /// What near means; the same value that the queries carry.
  public var metric: Metric
  /// How the index works.
  public var method: IndexMethod
  /// The index's name; nil for one made of the table's and the column's names.
  public var name: Identifier?
  /// Skips the statement when an index of that name is there.
  public var ifNotExists = false
  /// Lets writers go on during the build; not inside a transaction.
  public var concurrently = false
  /// Rows that are in the index; nil for all.
  public var condition: Condition?

  /// An index on a column.
  public init(
    on table: QualifiedName,
    _ column: VectorColumn,
    by metric: Metric,
    using method: IndexMethod,
    name: Identifier? = nil
  ) {
    self.table = table
    self.column = column
    self.metric = metric
    self.method = method
    self.name = name
  }

  /// `CREATE INDEX` as a fragment.
  public var sql: SQL {
    .perDialect { dialect throws(RenderingError) in try dialect.renderIndex(self, dialect) }
  }

  /// `CREATE INDEX` as a statement.
  /// - Throws: `RenderingError` for an option out of range, or a method or metric that the dialect lacks.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> Statement {
    try sql.rendered(for: dialect, layout: layout)
  }
}
