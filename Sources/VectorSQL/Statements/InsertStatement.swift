/// Rows to put into a table, as statements with bound values.
public struct InsertStatement: Sendable {
  /// The most parameters that one statement can carry: the protocol counts them in 16 bits.
  public static let maximumBinds = 65_535

  /// The table.
  public var table: QualifiedName
  /// The columns, in the order of each row's values.
  public var columns: [Target]
  /// What happens to a row whose key is there already.
  public var conflict: ConflictPolicy
  /// Whether values are given to identity columns that are `GENERATED ALWAYS`.
  public var overridesIdentity = false

  /// An insertion into these columns.
  public init(into table: QualifiedName, columns: [Target], onConflict conflict: ConflictPolicy = .fail) {
    self.table = table
    self.columns = columns
    self.conflict = conflict
  }

  /// A column that rows are put into.
  public struct Target: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The column's name.
    public let name: Identifier
    /// The vector column, where it is one: its values are cast and checked.
    public let vector: VectorColumn?

    /// An ordinary column.
    public init(_ name: Identifier) {
      self.name = name
      vector = nil
    }

    /// A column of vectors.
    public init(_ column: VectorColumn) {
      name = column.name
      vector = column
    }

    /// An ordinary column known at compile time.
    public init(stringLiteral literal: StaticString) {
      self.init(Identifier(stringLiteral: literal))
    }
  }

  /// What happens to a row whose key is in the table already.
  public enum ConflictPolicy: Sendable, Hashable {
    /// The statement fails and nothing is inserted.
    case fail
    /// The row is left out.
    case skip(key: [Identifier])
    /// The row there takes the new values; keys must not repeat among the rows of one statement.
    case update(key: [Identifier])
  }

  /// A value of a row.
  public enum Cell: Sendable, Hashable {
    /// An ordinary value.
    case value(SQLValue)
    /// A vector, encoded as the dialect's type.
    case vector([Float])
  }

  /// How many rows fit into one statement.
  public var rowsPerStatement: Int { max(1, Self.maximumBinds / max(1, columns.count)) }

  /// Rows as multi-row `INSERT … VALUES` statements, each below the limit of parameters.
  ///
  /// - Parameters:
  ///   - rows: The values of each row, in the order of the columns.
  ///   - rowsAtOnce: Rows in one statement; the text is the same for each full statement, so a server that caches
  ///     plans by text prepares it once.
  ///   - dialect: The dialect to write.
  /// - Throws: `RenderingError` for a row of another length, a vector that does not fit, or a conflict policy that
  ///   the dialect lacks (then ``staged(for:stage:)`` is the way).
  public func statements(
    rows: [[Cell]],
    rowsAtOnce: Int? = nil,
    for dialect: Dialect
  ) throws(RenderingError) -> [Statement] {
    let size = min(rowsPerStatement, max(1, rowsAtOnce ?? rowsPerStatement))
    var result: [Statement] = []
    var start = 0
    while start < rows.count {
      let end = min(rows.count, start + size)
      result.append(try statement(rows: rows[start..<end], for: dialect))
      start = end
    }
    return result
  }
}

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
    "INSERT INTO \(table.quoted) (\(columnList))" + (overridesIdentity ? " OVERRIDING SYSTEM VALUE" : "")
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
      result.append("::" + (vector.dimension.map { type.columnType(dimension: $0) } ?? type.sqlName))
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

extension InsertStatement {
  /// Rows as one array for each column: the text is the same for any number of rows, and two parameters do for two
  /// columns.
  ///
  /// The arrays travel as text, because an array of vectors would lose its rows in `unnest`; where speed matters,
  /// `VALUES` with binary vectors or `COPY` is the better way.
  /// - Throws: `RenderingError` for a row of another length, a column of arrays, or a column whose values are of
  ///   different types.
  public func unnestStatement(
    rows: some Collection<[Cell]>,
    for dialect: Dialect
  ) throws(RenderingError) -> Statement {
    try unnested(rows: rows, for: dialect).rendered(for: dialect)
  }

  /// ``unnestStatement(rows:for:)`` as a fragment, which may also be written with its arrays as constants.
  package func unnested(
    rows: some Collection<[Cell]>,
    for dialect: Dialect
  ) throws(RenderingError) -> SQL {
    guard !columns.isEmpty, !rows.isEmpty else {
      throw RenderingError(.invalidShape, "an insertion into \(table.quoted) without columns or rows")
    }
    if let row = rows.first(where: { $0.count != columns.count }) {
      throw RenderingError(
        .invalidShape,
        "a row has \(row.count) values for \(columns.count) columns of \(table.quoted)"
      )
    }
    var arrays: [SQL] = []
    var names: [String] = []
    var values: [String] = []
    for (index, column) in columns.enumerated() {
      let (elements, type) = try elements(of: column, at: index, rows, dialect)
      let cast = try vectorCast(column, dialect)
      // Nothing says of which type NULLs are, and as texts no other column would take them. One array must be there for the rows.
      let isNull = type == nil && cast == nil
      values.append(isNull ? "NULL" : "u.c\(index + 1)" + (cast.map { "::" + $0 } ?? ""))
      if isNull, !arrays.isEmpty || index < columns.count - 1 { continue }
      arrays.append("\(elements)::text::\(.keyword(cast == nil ? type ?? "text" : "text"))[]")
      names.append("c\(index + 1)")
    }
    return """
      INSERT INTO \(table: table) (\(.keyword(columnList))) SELECT \(.keyword(values.joined(separator: ", "))) \
      FROM unnest(\(arrays.joined(separator: ", "))) AS u(\(.keyword(names.joined(separator: ", "))))\
      \(.keyword(try conflictClause(dialect)))
      """
  }

  private func elements(
    of column: Target,
    at index: Int,
    _ rows: some Collection<[Cell]>,
    _ dialect: Dialect
  ) throws(RenderingError) -> (text: String, type: String?) {
    var texts: [String] = []
    var type: String?
    for row in rows {
      let value = try value(row[index], of: column, dialect)
      texts.append(value.textFormat.map(SQLValue.quotedArrayElement) ?? "NULL")
      guard let name = value.typeName else { continue }
      guard column.vector != nil || !name.hasSuffix("[]"), type == nil || type == name else {
        throw RenderingError(
          .invalidShape,
          "the column \(column.name.quoted) is given \(name), which the unnest form cannot take here"
        )
      }
      type = name
    }
    return ("{" + texts.joined(separator: ",") + "}", type)
  }

  private func vectorCast(_ column: Target, _ dialect: Dialect) throws(RenderingError) -> String? {
    guard let vector = column.vector else { return nil }
    let type = try dialect.type(of: vector.element)
    return vector.dimension.map(type.columnType) ?? type.sqlName
  }
}
