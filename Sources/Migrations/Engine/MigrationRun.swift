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

/// What happens while migrations run, in its order.
public enum MigrationEvent: Sendable {
  /// Another run holds the lock; asked again after a while. Nil when the server does not say who.
  case waitingForLock(holder: LockHolder?)
  /// A migration begins; `resumingAt` is the number of its statements that an earlier run has done.
  case started(MigrationID, name: String, direction: MigrationDirection, statements: Int, resumingAt: Int)
  /// A statement is about to be sent; counted from 1.
  case statement(MigrationID, number: Int, of: Int, at: SourceLocation)
  /// An index is being built, as the server tells.
  case indexProgress(MigrationID, IndexProgress)
  /// An index that a failed build left invalid is dropped, to be built again.
  case rebuildingInvalidIndex(MigrationID, index: String)
  /// A lock was not to be had or a deadlock was broken; tried again after the pause.
  case retrying(MigrationID, attempt: Int, afterMilliseconds: Int, reason: String)
  /// A step that a file asks for tells how far it is.
  case step(MigrationID, String)
  /// The server's notice or warning.
  case notice(severity: String, message: String)
  /// Something that does not stop the run, and that somebody should know.
  case warning(String)
  /// A migration is committed.
  case finished(MigrationID, name: String, direction: MigrationDirection, milliseconds: Int)
  /// A migration failed; the run ends with this error.
  case failed(MigrationID, MigrationError)
}

/// How far the server has come with an index, from `pg_stat_progress_create_index`.
public struct IndexProgress: Sendable, Hashable {
  /// What it is doing: `building index: loading tuples`.
  public var phase: String
  /// Rows done and to do; 0 where the phase does not count rows.
  public var rowsDone: Int
  /// Rows to do.
  public var rowsTotal: Int
  /// Blocks done.
  public var blocksDone: Int
  /// Blocks to do.
  public var blocksTotal: Int

  /// Between 0 and 1; nil where the phase counts nothing.
  public var fraction: Double? {
    if rowsTotal > 0 { return min(1, Double(rowsDone) / Double(rowsTotal)) }
    if blocksTotal > 0 { return min(1, Double(blocksDone) / Double(blocksTotal)) }
    return nil
  }
}
