internal import CLibpq
public import VectorSQL

/// One execution in a pipeline: a statement's text and the parameters of this execution.
public struct PipelineStep: Sendable {
  /// SQL text of one statement.
  public var text: String
  /// The parameters, encoded.
  public var parameters: ParameterList
  /// Whether the statement is prepared on the server and kept for later executions.
  public var prepared: Bool

  /// A step from text and encoded parameters.
  public init(text: String, parameters: ParameterList = ParameterList(), prepared: Bool = false) {
    self.text = text
    self.parameters = parameters
    self.prepared = prepared
  }

  /// A step from a statement.
  public init(_ statement: Statement, prepared: Bool = false) {
    self.init(text: statement.text, parameters: ParameterList(statement.binds), prepared: prepared)
  }
}

extension PostgresConnection {
  /// Sends several statements without waiting for each other's answers: one round trip for all of them.
  ///
  /// Without `BEGIN` and `COMMIT` among them the steps are one implicit transaction. After the first failure the
  /// server skips the rest, and its error is thrown. An explicit transaction is then still open and failed.
  /// - Returns: the answers, one a step.
  /// - Throws: `PostgresError` of the first step that failed; `CancellationError`.
  @discardableResult
  public func pipeline(_ steps: [PipelineStep]) async throws -> [RowSet] {
    try await cancellable {
      let handle = try openHandle()
      for step in steps where step.prepared { _ = try preparedName(of: step.text, step.parameters, handle) }
      guard PQenterPipelineMode(handle) == 1 else { throw PostgresError(result: nil, connection: handle) }
      do {
        for step in steps { try send(step, handle) }
        guard PQpipelineSync(handle) == 1 else { throw PostgresError(result: nil, connection: handle) }
      } catch {
        try leavePipeline(handle, failure: error)
      }
      return try collectPipeline(steps.count, handle)
    }
  }

  private func send(_ step: PipelineStep, _ handle: OpaquePointer) throws {
    let count = Int32(step.parameters.count)
    let sent: Int32
    if step.prepared {
      let name = try preparedName(of: step.text, step.parameters, handle)
      sent = step.parameters.withPointers { PQsendQueryPrepared(handle, name, count, $0, $1, $2, 1) }
    } else {
      sent = step.parameters.withPointers {
        PQsendQueryParams(handle, step.text, count, step.parameters.types, $0, $1, $2, 1)
      }
    }
    guard sent == 1 else { throw PostgresError(result: nil, connection: handle) }
  }

  private func collectPipeline(_ count: Int, _ handle: OpaquePointer) throws -> [RowSet] {
    var answers: [RowSet] = []
    var failure: (any Error)?
    for _ in 0..<count {
      do {
        let result = PQgetResult(handle)
        if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
          PQclear(result)
        } else {
          answers.append(RowSet(storage: try accept(result, handle)))
        }
      } catch {
        failure = failure ?? error
        if PQstatus(handle) == CONNECTION_BAD { break }
      }
      // A NULL ends each step's results.
      while let extra = PQgetResult(handle) { PQclear(extra) }
    }
    try leavePipeline(handle, failure: failure)
    return answers
  }

  /// Reads on to the synchronisation point and leaves pipeline mode; then throws `failure`, if there was one.
  private func leavePipeline(_ handle: OpaquePointer, failure: (any Error)?) throws {
    while PQstatus(handle) == CONNECTION_OK, PQexitPipelineMode(handle) == 0 {
      guard let result = PQgetResult(handle) else { continue }
      PQclear(result)
    }
    if let failure { throw failure }
    guard PQstatus(handle) == CONNECTION_OK else { throw PostgresError(result: nil, connection: handle) }
  }
}
