/// A change of rows that are there: only of those that meet a condition, or of all where that is said.
public protocol RowChange<Changed>: Sendable {
  /// The table.
  associatedtype Changed: Table

  /// The rows that are changed.
  var rows: ChangedRows { get set }
  /// The statement as a fragment.
  var sql: SQL { get }
}

/// The rows that a change is about; all of them only when that is said.
public struct ChangedRows: Sendable {
  var conditions: [Condition] = []
  var isEveryRow = false

  func clause(_ verb: String, _ table: QualifiedName) throws(RenderingError) -> SQL {
    guard conditions.isEmpty else { return "WHERE \(Condition.all(conditions))" }
    guard isEveryRow else {
      throw RenderingError(
        .invalidShape,
        "this \(verb) has no condition and would change every row of \(table.quoted). Fix: add .where, or .everyRow"
      )
    }
    return .empty
  }
}

extension RowChange {
  /// Only rows that meet a condition; several must all hold.
  public func `where`(_ condition: (TableReference<Changed, Changed>) -> ScopedCondition<Changed>) -> Self {
    var copy = self
    copy.rows.conditions.append(Changed.condition(condition).unscoped)
    return copy
  }

  /// Changes every row of the table, which nothing else does.
  public var everyRow: Self {
    var copy = self
    copy.rows.isEveryRow = true
    return copy
  }

  /// Shows columns of the changed rows; a removal shows them as they were.
  public func returning<each E: SQLExpression>(
    _ pick: (Changed) -> (repeat each E)
  ) -> ReturningStatement<repeat (each E).Value> {
    let statement = [sql, .returning(repeat each pick(Changed()))].clauses
    return ReturningStatement { dialect throws(RenderingError) in try statement.rendered(for: dialect) }
  }

  /// The statement.
  /// - Throws: `RenderingError` without a condition, unless ``everyRow`` asks for it; for an update of no column.
  public func rendered(for dialect: Dialect) throws(RenderingError) -> Statement {
    try sql.rendered(for: dialect)
  }
}

extension SQL {
  /// `RETURNING` and expressions.
  static func returning<each E: SQLExpression>(_ expressions: repeat each E) -> SQL {
    var outputs: [SQL] = []
    for expression in repeat each expressions {
      outputs.append(expression.output(number: outputs.count + 1).declaration)
    }
    return "RETURNING \(outputs.joined(separator: ", "))"
  }
}

/// New values for rows of a table.
///
///     try Update(Products.self)
///       .set(\.price, to: 9.5)
///       .set(\.visits) { "\(id: $0.visits) + 1" }
///       .where { $0.id.equals(7) }
///       .returning { ($0.id, $0.price) }
public struct Update<T: Table>: RowChange {
  /// The table.
  public typealias Changed = T

  /// The rows that are changed.
  public var rows = ChangedRows()
  private var assignments: [SQL] = []

  /// An update of a table.
  public init(_ table: T.Type) {}

  /// Gives a column a value.
  public func set<Value>(_ column: KeyPath<T, Column<Value>>, to value: Value) -> Self {
    assigning(T()[keyPath: column].name, .bind(value.sqlValue))
  }

  /// Gives a column what an expression yields for each row.
  public func set<Value>(_ column: KeyPath<T, Column<Value>>, _ value: (T) -> SQL) -> Self {
    assigning(T()[keyPath: column].name, value(T()))
  }

  /// Gives a column of vectors a vector.
  /// - Throws: `RenderingError` when the vector does not fit the column.
  public func set(_ column: KeyPath<T, VectorColumn>, to vector: [Float]) throws(RenderingError) -> Self {
    let column = T()[keyPath: column]
    try column.check(vector)
    return assigning(column.name, .vector(vector, as: column.element))
  }

  private func assigning(_ column: Identifier, _ value: SQL) -> Self {
    var copy = self
    copy.assignments.append("\(id: column) = \(value)")
    return copy
  }

  /// The statement as a fragment.
  public var sql: SQL {
    .perDialect { _ throws(RenderingError) in
      guard !assignments.isEmpty else {
        throw RenderingError(.invalidShape, "an update of \(T.name.quoted) sets no column. Fix: add .set")
      }
      return [
        "UPDATE \(table: T.name)",
        "SET \(assignments.joined(separator: ", "))",
        try rows.clause("update", T.name),
      ].clauses
    }
  }
}

/// Rows to remove from a table: `Delete(from: Products.self).where { $0.id.equals(7) }`.
public struct Delete<T: Table>: RowChange {
  /// The table.
  public typealias Changed = T

  /// The rows that are removed.
  public var rows = ChangedRows()

  /// A removal from a table.
  public init(from table: T.Type) {}

  /// The statement as a fragment.
  public var sql: SQL {
    .perDialect { _ throws(RenderingError) in
      ["DELETE FROM \(table: T.name)", try rows.clause("delete", T.name)].clauses
    }
  }
}

/// A change that shows columns of the rows it changed; the types of the rows follow from the columns.
public struct ReturningStatement<each Value: SQLEncodable>: Sendable {
  private let render: @Sendable (Dialect) throws(RenderingError) -> Statement

  init(_ render: @escaping @Sendable (Dialect) throws(RenderingError) -> Statement) {
    self.render = render
  }

  /// The statement.
  /// - Throws: `RenderingError`, as the change itself.
  public func rendered(for dialect: Dialect) throws(RenderingError) -> Statement { try render(dialect) }
}
