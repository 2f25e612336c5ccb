internal import CLibpq

extension PostgresConnection {
  /// Runs `COPY … FROM STDIN` with data that is at hand, in the format that the statement names.
  /// - Throws: `PostgresError`; nothing of the data stays. `CancellationError` when the task was cancelled.
  @discardableResult
  public func copyIn(_ statement: String, data: String) async throws -> CommandResult {
    try await cancellable {
      let handle = try openHandle()
      let opened = PQexec(handle, statement)
      guard PQresultStatus(opened) == PGRES_COPY_IN else {
        _ = try accept(opened, handle)
        throw PostgresError(code: .unexpectedResult, message: "the statement is no COPY … FROM STDIN")
      }
      PQclear(opened)
      try send(data, handle)
      let answer = PQgetResult(handle)
      while let rest = PQgetResult(handle) { PQclear(rest) }
      return CommandResult(try accept(answer, handle))
    }
  }

  private func send(_ data: String, _ handle: OpaquePointer) throws {
    var data = data
    let isSent = data.withUTF8 { bytes in
      stride(from: 0, to: bytes.count, by: 65_536).allSatisfy { start in
        let part = UnsafeBufferPointer(rebasing: bytes[start..<min(start + 65_536, bytes.count)])
        return part.withMemoryRebound(to: CChar.self) {
          PQputCopyData(handle, $0.baseAddress, Int32($0.count)) == 1
        }
      }
    }
    guard isSent, PQputCopyEnd(handle, nil) == 1 else { throw PostgresError(result: nil, connection: handle) }
  }
}
