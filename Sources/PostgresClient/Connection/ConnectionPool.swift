/// Connections that are used by turns.
///
/// A connection is given to one caller at a time. One whose server has hung up is never given out; it is asked for a sign
/// of life when it was idle for long or when another one broke since. It is rolled back when it comes back inside a
/// transaction, and thrown away when it is broken or old.
public actor ConnectionPool {
  private struct Idle {
    let connection: PostgresConnection
    let openedAt: ContinuousClock.Instant
    let since: ContinuousClock.Instant
  }

  private let settings: ConnectionSettings
  private let options: PoolOptions
  private let setUp: @Sendable (PostgresConnection) async throws -> Void
  private var idle: [Idle] = []
  private var inUse = 0
  private var waiting: [(key: Int, continuation: CheckedContinuation<Void, any Error>)] = []
  private var nextKey = 0
  /// When a connection broke last: those that were idle already may be broken too.
  private var brokeAt: ContinuousClock.Instant?
  private var isClosed = false

  /// A pool; nothing is connected yet.
  /// - Parameter setUp: run once on every new connection.
  public init(
    _ settings: ConnectionSettings,
    options: PoolOptions = PoolOptions(),
    setUp: @escaping @Sendable (PostgresConnection) async throws -> Void = { _ in }
  ) {
    self.settings = settings
    self.options = options
    self.setUp = setUp
  }

  /// Runs `body` with a connection that nobody else uses meanwhile.
  /// - Throws: `PostgresError` with code `poolExhausted` when none was free in time or too many wait; what connecting or `body` throws.
  @discardableResult
  public func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    try await reserve()
    let (connection, openedAt): (PostgresConnection, ContinuousClock.Instant)
    do {
      (connection, openedAt) = try await healthyConnection()
    } catch {
      free()
      throw error
    }
    do {
      let value = try await body(connection)
      await giveBack(connection, openedAt)
      return value
    } catch {
      await giveBack(connection, openedAt)
      throw error
    }
  }

  /// Closes the idle connections, refuses new callers, and closes the others as they come back.
  public func close() async {
    isClosed = true
    for waiter in waiting { waiter.continuation.resume(throwing: Self.closed) }
    waiting.removeAll()
    for entry in idle { await entry.connection.close() }
    idle.removeAll()
  }

  /// Connections that are open: given out, and idle.
  public var count: (inUse: Int, idle: Int) { (inUse, idle.count) }

  /// Takes one of the places, or waits for one.
  private func reserve() async throws {
    guard !isClosed else { throw Self.closed }
    if inUse < options.maximum {
      inUse += 1
      return
    }
    guard waiting.count < options.maximumWaiting else { throw Self.crowded(waiting.count) }
    nextKey += 1
    let key = nextKey
    let timeout = options.acquireTimeout
    let timer = Task { [weak self] in
      try await Task.sleep(for: timeout)
      await self?.giveUp(key, Self.exhausted(timeout))
    }
    defer { timer.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { waiting.append((key, $0)) }
    } onCancel: {
      Task { await self.giveUp(key, CancellationError()) }
    }
  }

  private func giveUp(_ key: Int, _ error: any Error) {
    guard let place = waiting.firstIndex(where: { $0.key == key }) else { return }
    waiting.remove(at: place).continuation.resume(throwing: error)
  }

  /// Hands the place on to who has waited longest.
  private func free() {
    if waiting.isEmpty {
      inUse -= 1
    } else {
      waiting.removeFirst().continuation.resume()
    }
  }

  private func healthyConnection() async throws -> (PostgresConnection, ContinuousClock.Instant) {
    while let entry = idle.popLast() {
      let age = ContinuousClock.now - entry.since
      if age < options.maximumIdle, await isAlive(entry) {
        return (entry.connection, entry.openedAt)
      }
      await entry.connection.close()
    }
    let connection = try await PostgresConnection.connect(settings)
    do {
      try await setUp(connection)
    } catch {
      await connection.close()
      throw error
    }
    return (connection, .now)
  }

  private func isAlive(_ entry: Idle) async -> Bool {
    guard await entry.connection.isIdleAndOpen() else { return false }
    let isDoubtful = brokeAt.map { $0 >= entry.since } ?? false
    guard isDoubtful || ContinuousClock.now - entry.since >= options.checkAfter else { return true }
    // A server that fell silent must not hold up whoever wants a connection.
    let watch = Task { [timeout = options.checkTimeout] in
      try await Task.sleep(for: timeout)
      entry.connection.abandon()
    }
    defer { watch.cancel() }
    return (try? await entry.connection.run("")) != nil
  }

  private func giveBack(_ connection: PostgresConnection, _ openedAt: ContinuousClock.Instant) async {
    if [.inTransaction, .failed].contains(await connection.transactionStatus) {
      _ = await Task { try? await connection.run("ROLLBACK") }.value
    }
    let isUsable = await connection.isIdleAndOpen()
    if !isUsable { brokeAt = .now }
    if isUsable, !isClosed, ContinuousClock.now - openedAt < options.maximumAge {
      idle.append(Idle(connection: connection, openedAt: openedAt, since: .now))
    } else {
      await connection.close()
    }
    free()
  }

  private static let closed = PostgresError(code: .poolExhausted, message: "the connection pool is closed")

  private static func crowded(_ count: Int) -> PostgresError {
    PostgresError(code: .poolExhausted, message: "\(count) callers wait for a connection of the pool already")
  }

  private static func exhausted(_ timeout: Duration) -> PostgresError {
    PostgresError(code: .poolExhausted, message: "no connection of the pool was free within \(timeout)")
  }
}

/// How a pool keeps its connections.
public struct PoolOptions: Sendable, Hashable {
  /// The most connections at once.
  public var maximum = 8
  /// The longest that a caller waits for a connection.
  public var acquireTimeout = Duration.seconds(30)
  /// The most callers that wait; more are turned away at once.
  public var maximumWaiting = 1_000
  /// A connection that was idle for longer is asked for a sign of life before it is given out.
  public var checkAfter = Duration.seconds(30)
  /// How long such a sign of life may take.
  public var checkTimeout = Duration.seconds(2)
  /// A connection that was idle for longer is closed when it is next looked at.
  public var maximumIdle = Duration.seconds(600)
  /// A connection older than this is closed when it is given back.
  public var maximumAge = Duration.seconds(3600)

  /// The defaults.
  public init() {}
}
