/// A column that rows can be put into, with the Swift type of what is put there.
public protocol InsertableColumn: Sendable {
  /// The Swift type of one value.
  associatedtype Input: Sendable

  /// The column as an insertion names it.
  var target: InsertStatement.Target { get }

  /// A value as a cell of a row.
  func cell(_ input: Input) -> InsertStatement.Cell
}

extension Column: InsertableColumn {
  /// The column as an insertion names it.
  public var target: InsertStatement.Target { InsertStatement.Target(name) }

  /// A value as a cell of a row.
  public func cell(_ input: Value) -> InsertStatement.Cell { .value(input.sqlValue) }
}

extension VectorColumn: InsertableColumn {
  /// The column as an insertion names it.
  public var target: InsertStatement.Target { InsertStatement.Target(self) }

  /// A vector as a cell of a row.
  public func cell(_ input: [Float]) -> InsertStatement.Cell { .vector(input) }
}

/// Where a typed insertion begins: `Insert(into: Products.self)`.
///
///     let insert = Insert(into: Products.self).columns { ($0.id, $0.price, $0.feature) }
///     let statements = try insert.statements(rows: [(1, 9.5, vector)], for: .pgvector)
public struct Insert<T: Table>: Sendable {
  /// An insertion into a table.
  public init(into table: T.Type) {}

  /// Chooses the columns; the types of the rows follow from them.
  public func columns<each C: InsertableColumn>(
    _ pick: (T) -> (repeat each C)
  ) -> RowInsert<T, repeat (each C).Input> {
    let columns = pick(T())
    return RowInsert(columns: (repeat RowInsertColumn(each columns)))
  }
}

struct RowInsertColumn<Value: Sendable>: Sendable {
  let target: InsertStatement.Target
  let cell: @Sendable (Value) -> InsertStatement.Cell

  init<C: InsertableColumn>(_ column: C) where C.Input == Value {
    target = column.target
    cell = { column.cell($0) }
  }
}

/// Rows for a table, whose shape the compiler checks.
public struct RowInsert<T: Table, each Value: Sendable>: Sendable {
  let columns: (repeat RowInsertColumn<each Value>)
  var conflict: InsertStatement.ConflictPolicy = .fail

  init(columns: (repeat RowInsertColumn<each Value>)) {
    self.columns = columns
  }

  /// Leaves out rows whose key is there already.
  public func skippingConflicts<Key: SQLEncodable>(on key: KeyPath<T, Column<Key>>) -> Self {
    var copy = self
    copy.conflict = .skip(key: [T()[keyPath: key].name])
    return copy
  }

  /// Gives rows whose key is there already the new values.
  public func updatingConflicts<Key: SQLEncodable>(on key: KeyPath<T, Column<Key>>) -> Self {
    var copy = self
    copy.conflict = .update(key: [T()[keyPath: key].name])
    return copy
  }

  /// The insertion without its types.
  public var untyped: InsertStatement {
    var targets: [InsertStatement.Target] = []
    for column in repeat each columns { targets.append(column.target) }
    return InsertStatement(into: T.name, columns: targets, onConflict: conflict)
  }

  /// Rows as multi-row statements, each below the limit of parameters.
  /// - Throws: `RenderingError`, as ``InsertStatement/statements(rows:rowsAtOnce:for:)``.
  public func statements(
    rows: [(repeat each Value)],
    rowsAtOnce: Int? = nil,
    for dialect: Dialect
  ) throws(RenderingError) -> [Statement] {
    var untypedRows: [[InsertStatement.Cell]] = []
    untypedRows.reserveCapacity(rows.count)
    for row in rows {
      var cells: [InsertStatement.Cell] = []
      for (column, value) in repeat (each columns, each row) { cells.append(column.cell(value)) }
      untypedRows.append(cells)
    }
    return try untyped.statements(rows: untypedRows, rowsAtOnce: rowsAtOnce, for: dialect)
  }
}
