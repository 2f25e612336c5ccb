internal import CLibpq
public import VectorSQL

extension PostgresConnection {
  /// Runs `COPY … TO STDOUT` and hands the data to `body`, a row or a part of the format's frame at a time.
  ///
  /// `body` runs on the connection's own thread and may block, which holds the server back: memory does not grow with
  /// the rows. When it throws, the statement is cancelled.
  /// - Returns: how many rows were sent.
  /// - Throws: `PostgresError`; what `body` threw; `CancellationError`.
  @discardableResult
  public func copyOut(
    _ statement: Statement,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) async throws -> Int {
    try await cancellable {
      let handle = try openHandle()
      try beginCopy(statement, PGRES_COPY_OUT, handle)
      var failure: (any Error)?
      while true {
        var data: UnsafeMutablePointer<CChar>?
        let length = PQgetCopyData(handle, &data, 0)
        guard length > 0 else { break }
        defer { PQfreemem(data) }
        guard failure == nil else { continue }
        do {
          try body(UnsafeRawBufferPointer(start: data, count: Int(length)))
        } catch {
          failure = error
          cancelRunningStatement()
        }
      }
      let answer = Result { try lastResult(handle).affectedRows }
      if let failure { throw failure }
      return try answer.get()
    }
  }

  /// As `copyOut(_:_:)` for `(FORMAT binary)`, a decoded row at a time.
  ///
  /// - Parameter types: object ids of the columns' types, which the format does not carry; see `columnTypes(of:)`.
  @discardableResult
  public func copyOutBinary(
    _ statement: Statement,
    types: [UInt32],
    _ body: (BinaryCopyRow) throws -> Void
  ) async throws -> Int {
    var reader = BinaryCopyReader(types: types)
    return try await copyOut(statement) { chunk in
      try reader.read(chunk, body)
    }
  }

  /// The types of a query's columns, without running it.
  public func columnTypes(of statement: Statement) async throws -> [ColumnInfo] {
    try await cancellable {
      let handle = try openHandle()
      let name = try preparedName(of: statement.text, ParameterList(statement.binds).types, handle)
      let storage = try accept(PQdescribePrepared(handle, name), handle)
      return RowSet(storage: storage).columns
    }
  }
}
