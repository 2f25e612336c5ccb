internal import Dispatch
internal import Synchronization

/// Lets a few pieces of work run at a time and a few more wait; turns the rest away at once.
///
/// First come, first served. Whoever waits longer than `patience` is turned away too, so that nobody waits for an
/// answer that comes too late.
final class AdmissionQueue: Sendable {
  /// Turned away; try again in so many seconds.
  struct Full: Error, Hashable {
    let retryAfterSeconds: Int
  }

  let capacity: Int
  let maximumWaiting: Int
  let patience: Duration

  private struct State {
    var running = 0
    var nextTicket: UInt64 = 0
    var waiting: [(ticket: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
    var typicalSeconds = 0.05
  }

  private let state = Mutex(State())

  init(capacity: Int, maximumWaiting: Int, patience: Duration = .seconds(10)) {
    self.capacity = max(1, capacity)
    self.maximumWaiting = max(0, maximumWaiting)
    self.patience = patience
  }

  /// How many run and how many wait.
  var load: (running: Int, waiting: Int) {
    state.withLock { ($0.running, $0.waiting.count) }
  }

  /// Runs `body` when it is its turn.
  /// - Throws: ``Full``, `CancellationError`, or what `body` throws.
  func run<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    try await enter()
    let clock = ContinuousClock()
    let start = clock.now
    defer { leave(after: clock.now - start) }
    return try await body()
  }

  private func enter() async throws {
    let ticket = try state.withLock { state -> UInt64? in
      if state.running < capacity, state.waiting.isEmpty {
        state.running += 1
        return nil
      }
      guard state.waiting.count < maximumWaiting else { throw full(state) }
      state.nextTicket += 1
      return state.nextTicket
    }
    guard let ticket else { return }
    let expiry = Task {
      try await Task.sleep(for: patience)
      turnAway(ticket) { full($0) }
    }
    defer { expiry.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { wait(ticket, $0) }
    } onCancel: {
      turnAway(ticket) { _ in CancellationError() }
    }
  }

  private func wait(_ ticket: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
    let outcome: Result<Void, any Error>? = state.withLock { state in
      if Task.isCancelled { return .failure(CancellationError()) }
      if state.running < capacity, state.waiting.isEmpty {
        state.running += 1
        return .success(())
      }
      guard state.waiting.count < maximumWaiting else { return .failure(full(state)) }
      state.waiting.append((ticket, continuation))
      return nil
    }
    if let outcome { continuation.resume(with: outcome) }
  }

  private func turnAway(_ ticket: UInt64, _ error: (State) -> any Error) {
    let (continuation, reason) = state.withLock { state in
      let index = state.waiting.firstIndex { $0.ticket == ticket }
      return (index.map { state.waiting.remove(at: $0).continuation }, error(state))
    }
    continuation?.resume(throwing: reason)
  }

  private func leave(after duration: Duration) {
    let next = state.withLock { state in
      state.typicalSeconds = 0.8 * state.typicalSeconds + 0.2 * (duration / .seconds(1))
      // The place of the one who leaves goes to the one who waits longest.
      guard !state.waiting.isEmpty else {
        state.running -= 1
        return nil as CheckedContinuation<Void, any Error>?
      }
      return state.waiting.removeFirst().continuation
    }
    next?.resume()
  }

  private func full(_ state: State) -> Full {
    let seconds = state.typicalSeconds * Double(state.waiting.count + 1) / Double(capacity)
    return Full(retryAfterSeconds: min(30, max(1, Int(seconds.rounded(.up)))))
  }
}

/// Threads for work that blocks or computes, beside the event loops and the cooperative pool.
final class BlockingExecutor: TaskExecutor {
  private let queue: DispatchQueue

  init(label: String) {
    queue = DispatchQueue(label: label, qos: .utility, attributes: .concurrent)
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Runs `body`, and what it calls outside actors, on these threads.
  func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    try await withTaskExecutorPreference(self) { try await body() }
  }
}
