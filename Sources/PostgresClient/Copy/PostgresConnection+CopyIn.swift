internal import CLibpq
public import VectorSQL

extension PostgresConnection {
  /// Runs `COPY … FROM STDIN` and lets `body` write the data, in the format that the statement names.
  ///
  /// `body` runs on the connection's own thread and may block. When it throws, the COPY fails as a whole and nothing of
  /// it stays.
  /// - Returns: how many rows the server took.
  /// - Throws: `PostgresError` with what the server said; what `body` threw; `CancellationError`.
  @discardableResult
  public func copyIn(_ statement: Statement, _ body: (CopyIn) throws -> Void) async throws -> Int {
    try await cancellable {
      let handle = try openHandle()
      try beginCopy(statement, PGRES_COPY_IN, handle)
      do {
        try body(CopyIn(connection: handle))
      } catch {
        let refusal = endCopyIn(handle, failure: "the client stopped")
        // A broken connection explains more than the write that noticed it.
        throw (refusal?.isConnectionProblem == true ? refusal : nil) ?? error
      }
      return try finishCopyIn(handle)
    }
  }

  /// As `copyIn(_:_:)` with the binary format's header and trailer written around the rows.
  @discardableResult
  public func copyInBinary(
    _ statement: Statement,
    _ body: (inout BinaryCopyWriter) throws -> Void
  ) async throws -> Int {
    try await copyIn(statement) { stream in
      var writer = BinaryCopyWriter(stream: stream)
      try body(&writer)
      try writer.end()
    }
  }

  func beginCopy(_ statement: Statement, _ expected: ExecStatusType, _ handle: OpaquePointer) throws {
    guard statement.binds.isEmpty else {
      throw PostgresError(code: .encoding, message: "COPY takes no parameters")
    }
    let result = PQexec(handle, statement.text)
    guard let result, PQresultStatus(result) == expected else {
      _ = try accept(result, handle)
      throw PostgresError(
        code: .unexpectedResult,
        message: "the statement is not the COPY that was asked for"
      )
    }
    PQclear(result)
  }

  private func finishCopyIn(_ handle: OpaquePointer) throws -> Int {
    guard PQputCopyEnd(handle, nil) == 1 else { throw PostgresError(result: nil, connection: handle) }
    return try lastResult(handle).affectedRows
  }

  private func endCopyIn(_ handle: OpaquePointer, failure: String) -> PostgresError? {
    _ = PQputCopyEnd(handle, failure)
    do {
      _ = try lastResult(handle)
      return nil
    } catch {
      return error as? PostgresError
    }
  }
}
