extension InsertStatement {
  /// One statement for all rows given.
  /// - Throws: `RenderingError`, as ``statements(rows:rowsAtOnce:for:)`` and for more parameters than one takes.
  public func statement(
    rows: some Collection<[Cell]>,
    for dialect: Dialect
  ) throws(RenderingError) -> Statement {
    let text = try text(rowCount: rows.count, for: dialect)
    var binds: [SQLValue] = []
    binds.reserveCapacity(rows.count * columns.count)
    for (index, row) in rows.enumerated() { try append(row, number: index, to: &binds, dialect) }
    return Statement(trusted: text, binds: binds)
  }

  /// The text of ``statement(rows:for:)`` alone, for rows whose values are encoded elsewhere: a row's parameters follow
  /// each other in the order of the columns.
  /// - Throws: `RenderingError`, as ``statement(rows:for:)`` for its shape and its conflict policy.
  public func text(rowCount: Int, for dialect: Dialect) throws(RenderingError) -> String {
    guard !columns.isEmpty, rowCount > 0 else {
      throw RenderingError(.invalidShape, "an insertion into \(table.quoted) without columns or rows")
    }
    guard rowCount <= rowsPerStatement else {
      throw RenderingError(
        .outOfRange,
        "\(rowCount) rows of \(columns.count) values need more than \(Self.maximumBinds) parameters; split them"
      )
    }
    var text = try head(dialect) + " VALUES "
    let casts = try casts(dialect)
    for index in 0..<rowCount {
      text += index == 0 ? "(" : ", ("
      for column in columns.indices {
        if column > 0 { text += ", " }
        text += dialect.placeholder(index * columns.count + column + 1) + casts[column]
      }
      text += ")"
    }
    return try text + conflictClause(dialect)
  }

  private func head(_ dialect: Dialect) throws(RenderingError) -> String {
    "INSERT INTO \(table.quoted) (\(columnList))"
  }

  var columnList: String { columns.map(\.name.quoted).joined(separator: ", ") }

  private func casts(_ dialect: Dialect) throws(RenderingError) -> [String] {
    var result: [String] = []
    for column in columns {
      guard let vector = column.vector else {
        result.append("")
        continue
      }
      let type = try dialect.type(of: vector.element)
      result.append("::" + (vector.dimension.map { type.columnType(dimension: $0) } ?? type.castName))
    }
    return result
  }

  private func append(
    _ row: [Cell],
    number: Int,
    to binds: inout [SQLValue],
    _ dialect: Dialect
  ) throws(RenderingError) {
    guard row.count == columns.count else {
      throw RenderingError(
        .invalidShape,
        "row \(number + 1) has \(row.count) values for \(columns.count) columns of \(table.quoted)"
      )
    }
    for (cell, column) in zip(row, columns) {
      binds.append(try value(cell, of: column, dialect))
    }
  }

  func value(_ cell: Cell, of column: Target, _ dialect: Dialect) throws(RenderingError) -> SQLValue {
    switch (cell, column.vector) {
    case (.value(let value), _):
      try value.check()
      return value
    case (.vector(let vector), .some(let target)):
      try target.check(vector)
      return try dialect.bind(vector, as: target.element)
    case (.vector, .none):
      throw RenderingError(.invalidShape, "a vector for \(column.name.quoted), which is not a vector column")
    }
  }

  func conflictClause(_ dialect: Dialect) throws(RenderingError) -> String {
    let key: [Identifier]
    switch conflict {
    case .fail: return ""
    case .skip(let columns), .update(let columns): key = columns
    }
    guard dialect.capabilities.onConflict else {
      throw RenderingError(
        .unsupportedFeature,
        "this server has no ON CONFLICT; load through a staging table instead"
      )
    }
    let target = key.map(\.quoted).joined(separator: ", ")
    let others = columns.map(\.name).filter { !key.contains($0) }
    guard case .update = conflict, !others.isEmpty else { return " ON CONFLICT (\(target)) DO NOTHING" }
    guard !key.isEmpty else {
      throw RenderingError(.invalidShape, "an update on conflict in \(table.quoted) needs the key's columns")
    }
    let changes = others.map { "\($0.quoted) = EXCLUDED.\($0.quoted)" }.joined(separator: ", ")
    return " ON CONFLICT (\(target)) DO UPDATE SET \(changes)"
  }
}
