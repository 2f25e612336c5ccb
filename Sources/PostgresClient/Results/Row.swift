/// One row of a `RowSet`.
public struct Row: Sendable {
  let storage: ResultStorage
  let index: Int

  /// The number of columns.
  public var count: Int { storage.columnCount }

  /// Reads the whole row as a tuple: `try row.decode(Int32.self, String?.self)`.
  /// - Throws: `PostgresError` with code `decoding` (wrong type, NULL where none is expected) or `unexpectedResult`
  ///   (another number of columns).
  public func decode<each Value: PostgresDecodable>(_ types: repeat (each Value).Type) throws -> (
    repeat each Value
  ) {
    var wanted = 0
    for _ in repeat each types { wanted += 1 }
    guard wanted == count else {
      throw PostgresError(
        code: .unexpectedResult,
        message: "the row has \(count) columns where \(wanted) were expected"
      )
    }
    var column = 0
    func next<Next: PostgresDecodable>(_ type: Next.Type) throws -> Next {
      defer { column += 1 }
      return try value(at: column, as: type)
    }
    return (repeat try next(each types))
  }

  /// Reads one column.
  /// - Throws: `PostgresError` with code `decoding` or `unexpectedResult`.
  public func value<Value: PostgresDecodable>(at column: Int, as type: Value.Type = Value.self) throws
    -> Value
  {
    guard (0..<count).contains(column) else {
      throw PostgresError(
        code: .unexpectedResult,
        message: "the row has no column \(column); it has \(count)"
      )
    }
    do {
      let cell = BinaryCell(
        bytes: storage.cell(row: index, column: column),
        typeOID: storage.columnType(column)
      )
      return try Value(cell: cell)
    } catch let problem as CellError {
      throw PostgresError(
        code: .decoding,
        message: "column \"\(storage.columnName(column))\" (type OID \(storage.columnType(column))) "
          + "cannot be read as \(Value.self): \(problem.reason)"
      )
    }
  }
}
