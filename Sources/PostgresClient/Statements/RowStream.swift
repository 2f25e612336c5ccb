internal import CLibpq
public import VectorSQL

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
