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

  /// Leaves out rows whose key, of one column or several, is there already.
  public func skippingConflicts<each Key: SQLEncodable>(on key: repeat KeyPath<T, Column<each Key>>) -> Self {
    var copy = self
    copy.conflict = .skip(key: Self.names(repeat each key))
    return copy
  }

  /// Gives rows whose key, of one column or several, is there already the new values.
  public func updatingConflicts<each Key: SQLEncodable>(on key: repeat KeyPath<T, Column<each Key>>) -> Self {
    var copy = self
    copy.conflict = .update(key: Self.names(repeat each key))
    return copy
  }

  private static func names<each Key: SQLEncodable>(_ key: repeat KeyPath<T, Column<each Key>>)
    -> [Identifier]
  {
    let table = T()
    var names: [Identifier] = []
    for path in repeat each key { names.append(table[keyPath: path].name) }
    return names
  }

  /// The insertion of rows that shows columns of those it inserted or updated, such as ids that the server gave; one
  /// statement for as many rows as the limit of parameters allows.
  public func returning<each E: SQLExpression>(
    rows: [(repeat each Value)],
    _ pick: (T) -> (repeat each E)
  ) -> [ReturningStatement<repeat (each E).Value>] {
    let insertion = untyped
    let returning = SQL.returning(repeat each pick(T()))
    let cells = cells(of: rows)
    return stride(from: 0, to: cells.count, by: insertion.rowsPerStatement).map { start in
      let chunk = Array(cells[start..<min(cells.count, start + insertion.rowsPerStatement)])
      return ReturningStatement { dialect throws(RenderingError) in
        let insert = try insertion.statement(rows: chunk, for: dialect)
        let suffix = try returning.rendered(for: dialect)
        guard suffix.binds.isEmpty else {
          throw RenderingError(
            .invalidShape,
            "RETURNING of an insertion into \(T.name.quoted) binds a value. Fix: show columns, or what is computed of them"
          )
        }
        return Statement(trusted: insert.text + " " + suffix.text, binds: insert.binds)
      }
    }
  }

  private func cells(of rows: [(repeat each Value)]) -> [[InsertStatement.Cell]] {
    var untyped: [[InsertStatement.Cell]] = []
    untyped.reserveCapacity(rows.count)
    for row in rows {
      var cells: [InsertStatement.Cell] = []
      for (column, value) in repeat (each columns, each row) { cells.append(column.cell(value)) }
      untyped.append(cells)
    }
    return untyped
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
    try untyped.statements(rows: cells(of: rows), rowsAtOnce: rowsAtOnce, for: dialect)
  }
}

/// An upsert by way of a temporary table, for servers without `ON CONFLICT` and for bulk loads with `COPY`.
///
/// In one transaction: run ``create``, load ``table`` (by `COPY` or ``InsertStatement``), run ``merge``.
/// Keys must not repeat among the rows loaded.
public struct StagedInsert: Sendable, Hashable {
  /// The temporary table; it is gone when the transaction ends.
  public let table: QualifiedName
  /// Makes the temporary table.
  public let create: [Statement]
  /// Moves the rows into the target, as the conflict policy says.
  public let merge: [Statement]
}

extension InsertStatement {
  /// The statements around a load through a staging table.
  ///
  /// - Parameters:
  ///   - dialect: The dialect to write.
  ///   - stage: The temporary table's name.
  /// - Throws: `RenderingError` when a policy other than `.fail` names no key.
  public func staged(
    for dialect: Dialect,
    stage: Identifier = "adbvec_stage"
  ) throws(RenderingError) -> StagedInsert {
    let stageName = QualifiedName(name: stage)
    return StagedInsert(
      table: stageName,
      create: [Statement(trusted: createStage(stage, dialect))],
      merge: try merge(from: stage).map { Statement(trusted: $0) }
    )
  }

  private func createStage(_ stage: Identifier, _ dialect: Dialect) -> String {
    let storage = dialect.plainVectorStorage ? " INCLUDING STORAGE" : ""
    let placement =
      dialect.capabilities.distributedBy && !key.isEmpty
      ? Placement.clause(by: key.map(\.quoted)) : ""
    return "CREATE TEMPORARY TABLE \(stage.quoted) (LIKE \(table.quoted)\(storage)) ON COMMIT DROP"
      + placement
  }

  private func merge(from stage: Identifier) throws(RenderingError) -> [String] {
    let move = "INSERT INTO \(table.quoted) (\(columnList)) SELECT \(columnList) FROM \(stage.quoted)"
    if case .fail = conflict { return [move] }
    guard !key.isEmpty else {
      throw RenderingError(.invalidShape, "a staged insertion into \(table.quoted) needs the key's columns")
    }
    let same = key.map { "\(table.quoted).\($0.quoted) = \(stage.quoted).\($0.quoted)" }
      .joined(separator: " AND ")
    let insertNew = move + " WHERE NOT EXISTS (SELECT 1 FROM \(table.quoted) WHERE \(same))"
    let others = columns.map(\.name).filter { !key.contains($0) }
    guard case .update = conflict, !others.isEmpty else { return [insertNew] }
    let changes = others.map { "\($0.quoted) = \(stage.quoted).\($0.quoted)" }.joined(separator: ", ")
    return ["UPDATE \(table.quoted) SET \(changes) FROM \(stage.quoted) WHERE \(same)", insertNew]
  }

  private var key: [Identifier] {
    switch conflict {
    case .fail: []
    case .skip(let key), .update(let key): key
    }
  }
}
