/// Something with a value in each row: a column, or what is computed from columns.
public protocol SQLExpression<Value>: Sendable {
  /// The Swift type of the value.
  associatedtype Value: SQLEncodable

  /// The expression's text and values.
  var sql: SQL { get }

  /// The expression as the `number`-th value that each row of a search shows.
  func output(number: Int) -> VectorSearch.Output
}

extension SQLExpression {
  /// What is computed gets a name by its place.
  public func output(number: Int) -> VectorSearch.Output {
    VectorSearch.Output(sql, as: Identifier(unchecked: "value_\(number)"))
  }
}

/// A computed value.
public struct Expression<Value: SQLEncodable>: SQLExpression {
  /// The expression's text and values.
  public let sql: SQL

  /// An expression whose type the caller vouches for.
  public init(_ sql: SQL) {
    self.sql = sql
  }
}

/// A column of a table, with the Swift type of its values.
public struct Column<Value: SQLEncodable>: SQLExpression {
  /// The column's name.
  public let name: Identifier

  /// A column of that name.
  public init(_ name: Identifier) {
    self.name = name
  }

  /// The quoted name.
  public var sql: SQL { .identifier(name) }

  /// A column keeps its name.
  public func output(number: Int) -> VectorSearch.Output { VectorSearch.Output(column: name) }
}
