internal import CLibpq
public import VectorSQL

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

extension PostgresConnection {
  /// Runs a statement and hands each row to `body` as it arrives, so that a large result is never in memory whole.
  ///
  /// `body` runs on the connection's own thread and may block, which holds the server back. When it throws, the
  /// statement is cancelled.
  /// - Returns: how many rows there were.
  /// - Throws: `PostgresError`; what `body` threw; `CancellationError`.
  @discardableResult
  public func forEachRow(_ statement: Statement, _ body: (Row) throws -> Void) async throws -> Int {
    try await cancellable {
      let handle = try openHandle()
      try sendSingleRow(statement, handle)
      var count = 0
      var failure: (any Error)?
      while let result = PQgetResult(handle) {
        do {
          let storage = try accept(result, handle)
          guard failure == nil, storage.isSingleRow else { continue }
          count += 1
          try body(Row(storage: storage, index: 0))
        } catch {
          if failure == nil, PQstatus(handle) == CONNECTION_OK { cancelRunningStatement() }
          failure = failure ?? error
          if PQstatus(handle) == CONNECTION_BAD { break }
        }
      }
      if let failure { throw failure }
      return count
    }
  }

  /// Runs a statement and lends its rows as an asynchronous sequence; what `body` leaves unread is dropped.
  ///
  /// Until `body` ends the connection is busy: other statements on it fail.
  public func withRows<Value: Sendable>(
    _ statement: Statement,
    _ body: @Sendable (RowStream) async throws -> Value
  ) async throws -> Value {
    try Task.checkCancellation()
    let handle = try openHandle()
    try sendSingleRow(statement, handle)
    do {
      let value = try await body(RowStream(connection: self))
      try drainRows()
      return value
    } catch {
      try? drainRows()
      throw error
    }
  }

  private func sendSingleRow(_ statement: Statement, _ handle: OpaquePointer) throws {
    let parameters = ParameterList(statement.binds)
    try Self.checkText(statement.text)
    let sent = try parameters.withPointers {
      PQsendQueryParams(handle, statement.text, Int32(parameters.count), parameters.types, $0, $1, $2, 1)
    }
    guard sent == 1, PQsetSingleRowMode(handle) == 1 else {
      throw PostgresError(result: nil, connection: handle)
    }
  }

  /// The next row of the statement that runs; nil at the end.
  func nextRow() async throws -> Row? {
    try await cancellable {
      let handle = try openHandle()
      while let result = PQgetResult(handle) {
        let storage = try accept(result, handle)
        if storage.isSingleRow { return Row(storage: storage, index: 0) }
      }
      return nil
    }
  }

  private func drainRows() throws {
    let handle = try openHandle()
    guard PQtransactionStatus(handle) == PQTRANS_ACTIVE else { return }
    cancelRunningStatement()
    while let result = PQgetResult(handle) { PQclear(result) }
    settleCancellation()
  }
}

/// The rows of a running statement.
public struct RowStream: AsyncSequence, Sendable {
  let connection: PostgresConnection

  /// Takes the rows one by one; a second iterator goes on where the first one is.
  public func makeAsyncIterator() -> Iterator {
    Iterator(connection: connection)
  }

  /// Takes rows from the connection.
  public struct Iterator: AsyncIteratorProtocol {
    let connection: PostgresConnection

    /// The next row; nil at the end.
    public mutating func next() async throws -> Row? {
      try await connection.nextRow()
    }
  }
}
