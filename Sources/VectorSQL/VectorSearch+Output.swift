extension VectorSearch {
  /// An expression that each row shows.
  public struct Output: Sendable {
    /// The expression.
    public let sql: SQL
    /// Its name in the result.
    public let name: Identifier
    private let isColumn: Bool

    /// An expression under a name.
    public init(_ sql: SQL, as name: Identifier) {
      self.sql = sql
      self.name = name
      isColumn = false
    }

    /// A column under its own name.
    public init(column: Identifier) {
      sql = .identifier(column)
      name = column
      isColumn = true
    }

    var declaration: SQL { isColumn ? sql : "\(sql) AS \(id: name)" }
  }
}
