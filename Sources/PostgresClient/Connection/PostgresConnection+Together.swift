internal import CLibpq

/// How far a row of statements came that were sent together.
public struct TogetherOutcome: Sendable {
  /// How many succeeded, from the first.
  public let completed: Int
  /// Why the next one failed; nil when all succeeded.
  public let failure: PostgresError?
}

extension PostgresConnection {
  /// Runs statements in their order, each a message of its own, all sent before the first answer is read: one round trip
  /// for all of them. Those behind one that fails are not carried out.
  ///
  /// Results are dropped. COPY cannot be among them. Without BEGIN and COMMIT the statements are one implicit transaction.
  /// - Parameter beginning: called on the connection's thread with each statement's position when its answer is next.
  /// - Throws: `PostgresError` when nothing could be sent; `CancellationError` when the task was cancelled.
  public func runTogether(
    _ statements: [String],
    beginning: @Sendable (Int) -> Void = { _ in }
  ) async throws -> TogetherOutcome {
    let outcome = try await cancellable {
      let handle = try openHandle()
      for statement in statements { try Self.checkText(statement) }
      guard PQenterPipelineMode(handle) == 1 else { throw PostgresError(result: nil, connection: handle) }
      var sent = 0
      while sent < statements.count,
        // Text results: not every type can be sent in binary form.
        PQsendQueryParams(handle, statements[sent], 0, nil, nil, nil, nil, 0) == 1
      {
        sent += 1
      }
      let isComplete = sent == statements.count && PQpipelineSync(handle) == 1
      let refusal = isComplete ? nil : PostgresError(result: nil, connection: handle)
      let answered =
        isComplete ? answers(sent, handle, beginning) : TogetherOutcome(completed: 0, failure: refusal)
      try leavePipeline(handle)
      return answered
    }
    if outcome.failure?.sqlState == "57014", Task.isCancelled { throw CancellationError() }
    return outcome
  }

  private func answers(
    _ count: Int,
    _ handle: OpaquePointer,
    _ beginning: (Int) -> Void
  ) -> TogetherOutcome {
    var completed = 0
    var failure: PostgresError?
    for index in 0..<count {
      if failure == nil { beginning(index) }
      let result = PQgetResult(handle)
      if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
        PQclear(result)
      } else {
        do {
          _ = try accept(result, handle)
          completed += 1
        } catch {
          failure = failure ?? (error as? PostgresError) ?? PostgresError(result: nil, connection: handle)
          if PQstatus(handle) == CONNECTION_BAD { break }
        }
      }
      // A NULL ends each statement's results.
      while let extra = PQgetResult(handle) { PQclear(extra) }
    }
    return TogetherOutcome(completed: completed, failure: failure)
  }
}
