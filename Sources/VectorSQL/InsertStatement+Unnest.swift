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
    guard !columns.isEmpty, !rows.isEmpty else {
      throw RenderingError(.invalidShape, "an insertion into \(table.quoted) without columns or rows")
    }
    if let row = rows.first(where: { $0.count != columns.count }) {
      throw RenderingError(
        .invalidShape,
        "a row has \(row.count) values for \(columns.count) columns of \(table.quoted)"
      )
    }
    var binds: [SQLValue] = []
    var arrays: [String] = []
    var values: [String] = []
    for (index, column) in columns.enumerated() {
      let (elements, type) = try elements(of: column, at: index, rows, dialect)
      let cast = try vectorCast(column, dialect)
      binds.append(.text(elements))
      arrays.append("\(dialect.placeholder(index + 1))::text::\(cast == nil ? type : "text")[]")
      values.append("u.c\(index + 1)" + (cast.map { "::" + $0 } ?? ""))
    }
    let names = columns.indices.map { "c\($0 + 1)" }.joined(separator: ", ")
    let text =
      "INSERT INTO \(table.quoted) (\(columnList)) SELECT \(values.joined(separator: ", ")) "
      + "FROM unnest(\(arrays.joined(separator: ", "))) AS u(\(names))"
    return Statement(trusted: text + (try conflictClause(dialect)), binds: binds)
  }

  private func elements(
    of column: Target,
    at index: Int,
    _ rows: some Collection<[Cell]>,
    _ dialect: Dialect
  ) throws(RenderingError) -> (text: String, type: String) {
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
    return ("{" + texts.joined(separator: ",") + "}", type ?? "text")
  }

  private func vectorCast(_ column: Target, _ dialect: Dialect) throws(RenderingError) -> String? {
    guard let vector = column.vector else { return nil }
    let type = try dialect.type(of: vector.element)
    return vector.dimension.map(type.columnType) ?? type.castName
  }
}
