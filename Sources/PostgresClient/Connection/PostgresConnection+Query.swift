internal import CLibpq
public import VectorSQL

/// What a prepared statement is known by: its text and the types of its parameters.
struct PreparedKey: Hashable {
  let text: String
  let types: [UInt32]
}

extension PostgresConnection {
  /// Runs one statement: binary parameters, binary results.
  ///
  /// - Parameter prepared: keeps a server-side prepared statement for this text, so that repeating it costs neither
  ///   parsing nor, after a few times, planning. Leave it off behind a pooler in transaction mode.
  /// - Throws: `PostgresError`; `CancellationError` when the task was cancelled.
  @discardableResult
  public func query(_ statement: Statement, prepared: Bool = false) async throws -> RowSet {
    try await query(statement.text, parameters: ParameterList(statement.binds), prepared: prepared)
  }

  /// Runs text of this program's own making with parameters encoded already; as `query(_:prepared:)`.
  @discardableResult
  public func query(
    _ text: String,
    parameters: ParameterList,
    prepared: Bool = false
  ) async throws -> RowSet {
    try await cancellable {
      let handle = try openHandle()
      let result = try prepared ? execPrepared(text, parameters, handle) : exec(text, parameters, handle)
      return RowSet(storage: try accept(result, handle))
    }
  }

  /// Runs SQL text as one simple-protocol message, exactly as given: several statements in it are one implicit
  /// transaction, and COPY is refused.
  /// - Returns: an answer a statement; values are text.
  /// - Throws: `PostgresError` of the first statement that fails; `CancellationError` when the task was cancelled.
  @discardableResult
  public func run(_ script: String) async throws -> [CommandResult] {
    try await cancellable {
      let handle = try openHandle()
      guard PQsendQuery(handle, script) == 1 else { throw PostgresError(result: nil, connection: handle) }
      return try collectResults(handle)
    }
  }

  private func exec(_ text: String, _ parameters: ParameterList, _ handle: OpaquePointer) throws
    -> OpaquePointer?
  {
    parameters.withPointers { values, lengths, formats in
      PQexecParams(handle, text, Int32(parameters.count), parameters.types, values, lengths, formats, 1)
    }
  }

  private func execPrepared(
    _ text: String,
    _ parameters: ParameterList,
    _ handle: OpaquePointer
  ) throws -> OpaquePointer? {
    let name = try preparedName(of: text, parameters.types, handle)
    return parameters.withPointers { values, lengths, formats in
      PQexecPrepared(handle, name, Int32(parameters.count), values, lengths, formats, 1)
    }
  }

  /// The server-side name of a statement, prepared now when it is new to this connection.
  func preparedName(of text: String, _ types: [UInt32], _ handle: OpaquePointer) throws -> String {
    let key = PreparedKey(text: text, types: types)
    if let known = preparedStatements[key] { return known }
    let name = "adbvec_\(preparedStatements.count)"
    _ = try accept(PQprepare(handle, name, text, Int32(types.count), types), handle)
    preparedStatements[key] = name
    return name
  }

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

  private func collectResults(_ handle: OpaquePointer) throws -> [CommandResult] {
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

  /// Ends a COPY that nobody asked for, so that the connection stays usable.
  private func leaveCopy(_ handle: OpaquePointer) throws {
    _ = PQputCopyEnd(handle, "not expected")
    var row: UnsafeMutablePointer<CChar>?
    while PQgetCopyData(handle, &row, 0) > 0 { PQfreemem(row) }
    while let rest = PQgetResult(handle) { PQclear(rest) }
  }

  /// Runs a blocking call so that cancelling the task cancels the statement on the server.
  func cancellable<Value: Sendable>(_ body: () throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    do {
      return try await withTaskCancellationHandler {
        try body()
      } onCancel: {
        cancelRunningStatement()
      }
    } catch let error as PostgresError where error.sqlState == "57014" && Task.isCancelled {
      throw CancellationError()
    }
  }
}
