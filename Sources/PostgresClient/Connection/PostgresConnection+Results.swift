internal import CLibpq

extension PostgresConnection {
  /// Takes a result over, or throws what the server said in its place.
  func accept(_ result: OpaquePointer?, _ handle: OpaquePointer) throws -> ResultStorage {
    guard let result else { throw PostgresError(result: nil, connection: handle) }
    let storage = ResultStorage(result)
    switch PQresultStatus(result) {
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY, PGRES_SINGLE_TUPLE:
      return storage
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      try leaveCopy(handle)
      throw PostgresError(
        code: .unexpectedResult,
        message: "the statement is a COPY; it needs the copy functions"
      )
    default:
      throw PostgresError(result: result, connection: handle)
    }
  }

  /// Reads every answer of a script; the first failure wins over everything else.
  func collectResults(_ handle: OpaquePointer) throws -> [CommandResult] {
    var answers: [CommandResult] = []
    var failure: (any Error)?
    while let result = PQgetResult(handle) {
      do {
        answers.append(CommandResult(try accept(result, handle)))
      } catch {
        failure = failure ?? error
        if PQstatus(handle) == CONNECTION_BAD { break }
      }
    }
    if let failure { throw failure }
    return answers
  }

  /// Reads results until there are no more; the first failure wins over everything else.
  func lastResult(_ handle: OpaquePointer) throws -> ResultStorage {
    var last: ResultStorage?
    var failure: (any Error)?
    while let result = PQgetResult(handle) {
      do {
        last = try accept(result, handle)
      } catch {
        failure = failure ?? error
        if PQstatus(handle) == CONNECTION_BAD { break }
      }
    }
    if let failure { throw failure }
    guard let last else { throw PostgresError(result: nil, connection: handle) }
    return last
  }

  /// Ends a COPY that nobody asked for, so that the connection stays usable.
  private func leaveCopy(_ handle: OpaquePointer) throws {
    _ = PQputCopyEnd(handle, "not expected")
    var row: UnsafeMutablePointer<CChar>?
    while PQgetCopyData(handle, &row, 0) > 0 { PQfreemem(row) }
    while let rest = PQgetResult(handle) { PQclear(rest) }
  }

  /// Calls `body`. A closure that does not mention the actor would leave it, and block a thread of the cooperative pool;
  /// calling this method is what keeps it here.
  private func onThisThread<Value>(_ body: () throws -> Value) rethrows -> Value {
    try body()
  }

  /// Runs a blocking call so that cancelling the task cancels the statement on the server.
  func cancellable<Value: Sendable>(_ body: () throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    do {
      return try await withTaskCancellationHandler {
        try onThisThread(body)
      } onCancel: {
        cancelRunningStatement()
      }
    } catch let error as PostgresError where error.sqlState == "57014" && Task.isCancelled {
      throw CancellationError()
    }
  }
}
