internal import CLibpq

/// The rows that a query returned, all in memory, values in binary format.
public struct RowSet: Sendable, RandomAccessCollection {
  let storage: ResultStorage

  /// The columns' names and types.
  public var columns: [ColumnInfo] {
    (0..<storage.columnCount).map { column in
      ColumnInfo(name: storage.columnName(column), typeOID: storage.columnType(column))
    }
  }

  /// The command tag, such as `SELECT 20` or `INSERT 0 100`.
  public var commandTag: String { storage.commandTag }

  /// How many rows an INSERT, UPDATE, DELETE or COPY touched, or a SELECT returned.
  public var affectedRows: Int { storage.affectedRows }

  /// Always 0.
  public var startIndex: Int { 0 }
  /// The number of rows.
  public var endIndex: Int { storage.rowCount }

  /// The row at a position.
  public subscript(position: Int) -> Row {
    Row(storage: storage, index: position)
  }
}

/// A column of a result.
public struct ColumnInfo: Sendable, Hashable {
  /// The name, as the statement gave it.
  public let name: String
  /// The type's object id.
  public let typeOID: UInt32
}

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

/// What one statement of a script answered; values are text, as the simple protocol sends them.
public struct CommandResult: Sendable, Hashable {
  /// The columns' names; empty for a command without rows.
  public let columns: [String]
  /// The rows; nil is NULL.
  public let rows: [[String?]]
  /// The command tag, such as `CREATE TABLE`.
  public let commandTag: String
}

extension CommandResult {
  init(_ storage: ResultStorage) {
    columns = (0..<storage.columnCount).map(storage.columnName)
    rows = (0..<storage.rowCount).map { row in
      (0..<storage.columnCount).map { column in
        storage.cell(row: row, column: column).map { String(decoding: $0, as: UTF8.self) }
      }
    }
    commandTag = storage.commandTag
  }
}

/// Owns a libpq result.
///
/// `@unchecked Sendable`: a result is complete when this takes it over and nothing writes to it before `PQclear`.
final class ResultStorage: @unchecked Sendable {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    PQclear(pointer)
  }

  var isSingleRow: Bool { PQresultStatus(pointer) == PGRES_SINGLE_TUPLE }
  var rowCount: Int { Int(PQntuples(pointer)) }
  var columnCount: Int { Int(PQnfields(pointer)) }
  var commandTag: String { String(cString: PQcmdStatus(pointer)) }
  var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

  func columnName(_ column: Int) -> String {
    PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? ""
  }

  func columnType(_ column: Int) -> UInt32 {
    PQftype(pointer, Int32(column))
  }

  /// The bytes of a value, or nil for NULL; they live as long as this object.
  func cell(row: Int, column: Int) -> UnsafeRawBufferPointer? {
    guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0 else { return nil }
    return UnsafeRawBufferPointer(
      start: PQgetvalue(pointer, Int32(row), Int32(column)),
      count: Int(PQgetlength(pointer, Int32(row), Int32(column)))
    )
  }
}
