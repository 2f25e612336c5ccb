internal import CLibpq
public import VectorSQL

/// Takes the statements of a pipeline, each sent as soon as it is given.
///
/// Valid inside the closure of `PostgresConnection.pipeline` only.
public struct PipelineSender {
  fileprivate let handle: OpaquePointer
  fileprivate let names: [PreparedKey: String]
  /// How many statements were sent.
  public private(set) var count = 0

  /// Sends one literal statement with parameters that are encoded already.
  ///
  /// A statement that the connection has prepared is executed by its name.
  /// - Throws: `PostgresError` when the connection is gone.
  public mutating func send(_ text: StaticString, parameters: ParameterList = ParameterList()) throws {
    try send(trusted: text.description, parameters: parameters)
  }

  /// Sends one statement that the caller vouches for; as `send(_:parameters:)`.
  public mutating func send(trusted text: String, parameters: ParameterList = ParameterList()) throws {
    let length = Int32(parameters.count)
    let sent: Int32
    if let name = names[PreparedKey(text: text, types: parameters.types)] {
      sent = try parameters.withPointers { PQsendQueryPrepared(handle, name, length, $0, $1, $2, 1) }
    } else {
      try PostgresConnection.checkText(text)
      sent = try parameters.withPointers {
        PQsendQueryParams(handle, text, length, parameters.types, $0, $1, $2, 1)
      }
    }
    guard sent == 1 else { throw PostgresError(result: nil, connection: handle) }
    count += 1
  }

  /// Sends one statement.
  public mutating func send(_ statement: Statement) throws {
    try send(trusted: statement.text, parameters: ParameterList(statement.binds))
  }
}

extension PostgresConnection {
  /// Sends several statements without waiting for each other's answers: one round trip for all of them.
  ///
  /// `body` runs on the connection's own thread and may block. Without `BEGIN` and `COMMIT` among them the statements
  /// are one implicit transaction. After the first failure the server skips the rest, and its error is thrown; an
  /// explicit transaction is then still open, and failed.
  /// - Returns: the answers, one per statement.
  /// - Throws: `PostgresError` of the first statement that failed; what `body` threw; `CancellationError`.
  @discardableResult
  public func pipeline(_ body: (inout PipelineSender) throws -> Void) async throws -> [RowSet] {
    try await cancellable {
      let handle = try openHandle()
      guard PQenterPipelineMode(handle) == 1 else { throw PostgresError(result: nil, connection: handle) }
      var sender = PipelineSender(handle: handle, names: statements.all)
      let stopped = Result { try body(&sender) }
      // The synchronisation point must follow everything that was sent, or leaving would never end.
      guard PQpipelineSync(handle) == 1 else { throw PostgresError(result: nil, connection: handle) }
      var answers: [RowSet] = []
      let failure = readAnswers(sender.count, handle) { answers.append(RowSet(storage: $0)) }.failure
      try leavePipeline(handle)
      try stopped.get()
      if let failure { throw failure }
      return answers
    }
  }

  /// Sends statements; as `pipeline(_:)` with a closure.
  @discardableResult
  public func pipeline(_ statements: [Statement]) async throws -> [RowSet] {
    try await pipeline { sender in
      for statement in statements { try sender.send(statement) }
    }
  }

  /// Reads the answers of that many statements; the server skips those behind one that fails.
  /// - Parameter beginning: called with each statement's position when its answer is next.
  func readAnswers(
    _ count: Int,
    _ handle: OpaquePointer,
    beginning: (Int) -> Void = { _ in },
    _ take: (ResultStorage) -> Void
  ) -> PipelineOutcome {
    var completed = 0
    var failure: PostgresError?
    for index in 0..<count {
      if failure == nil { beginning(index) }
      let result = PQgetResult(handle)
      if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
        PQclear(result)
      } else {
        do {
          take(try accept(result, handle))
          completed += 1
        } catch {
          failure = failure ?? (error as? PostgresError) ?? PostgresError(result: nil, connection: handle)
          if PQstatus(handle) == CONNECTION_BAD { break }
        }
      }
      // A NULL ends each statement's results.
      while let extra = PQgetResult(handle) { PQclear(extra) }
    }
    return PipelineOutcome(completed: completed, failure: failure)
  }

  /// Reads the synchronisation point's own result and leaves pipeline mode.
  func leavePipeline(_ handle: OpaquePointer) throws {
    while PQstatus(handle) == CONNECTION_OK, PQexitPipelineMode(handle) == 0 {
      PQclear(PQgetResult(handle))
    }
  }
}

/// How far a pipeline came.
public struct PipelineOutcome: Sendable {
  /// The number of statements that succeeded, from the first.
  public let completed: Int
  /// Why the next one failed; nil when all succeeded.
  public let failure: PostgresError?
}

extension PostgresConnection {
  /// Runs statements in order, each a message of its own, all sent before the first answer is read: one round trip.
  /// Those behind one that fails are not carried out.
  ///
  /// Results are dropped. COPY cannot be among them. Without BEGIN and COMMIT the statements are one implicit transaction.
  /// - Parameter beginning: called on the connection's thread with each statement's position when its answer is next.
  /// - Throws: `PostgresError` when nothing could be sent; `CancellationError` when the task was cancelled.
  public func runTogether(
    _ statements: [Statement],
    beginning: @Sendable (Int) -> Void = { _ in }
  ) async throws -> PipelineOutcome {
    let outcome = try await cancellable {
      let handle = try openHandle()
      for statement in statements { try Self.checkText(statement.text) }
      guard PQenterPipelineMode(handle) == 1 else { throw PostgresError(result: nil, connection: handle) }
      // Text results: not every type can be sent in binary form.
      let isSent = try statements.allSatisfy { statement in
        let parameters = ParameterList(statement.binds)
        return try parameters.withPointers {
          PQsendQueryParams(handle, statement.text, Int32(parameters.count), parameters.types, $0, $1, $2, 0)
        } == 1
      }
      let outcome: PipelineOutcome
      if isSent, PQpipelineSync(handle) == 1 {
        outcome = readAnswers(statements.count, handle, beginning: beginning) { _ in }
      } else {
        outcome = PipelineOutcome(completed: 0, failure: PostgresError(result: nil, connection: handle))
      }
      try leavePipeline(handle)
      return outcome
    }
    if outcome.failure?.sqlState == "57014", Task.isCancelled { throw CancellationError() }
    return outcome
  }
}
