/// A run that is under way: its events in their order, and its report at the end.
///
///     let run = migrator.up(on: connection)
///     for await event in run { print(event) }
///     let report = try await run.report
///
/// The run goes on whether or not anybody reads its events. Cancelling it, or the task that waits for its report,
/// cancels the statement on the server and leaves the history in order.
public struct MigrationRun<Report: Sendable>: AsyncSequence, Sendable {
  /// The events end with the run; a failure is thrown by `report`.
  public typealias Failure = Never

  private let events: AsyncStream<MigrationEvent>
  private let task: Task<Report, any Error>

  init(_ body: @escaping @Sendable (@escaping @Sendable (MigrationEvent) -> Void) async throws -> Report) {
    let (stream, continuation) = AsyncStream.makeStream(of: MigrationEvent.self)
    events = stream
    task = Task {
      defer { continuation.finish() }
      return try await body { continuation.yield($0) }
    }
  }

  /// The events, once.
  public func makeAsyncIterator() -> AsyncStream<MigrationEvent>.Iterator { events.makeAsyncIterator() }

  /// What the run did.
  /// - Throws: `MigrationError`, `MigrationErrors`, `PostgresError`, or `CancellationError`.
  public var report: Report {
    get async throws {
      try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    }
  }

  /// Stops the run: the running statement is cancelled on the server.
  public func cancel() { task.cancel() }
}
