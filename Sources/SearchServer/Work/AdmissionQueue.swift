internal import Basics
internal import Dispatch

/// Lets a few pieces of work run at a time and a few more wait; turns the rest away at once.
///
/// A piece of work takes a number of units of the capacity: one for a database query, its bytes for the decoding of an
/// image. First come, first served. Work that waits longer than `patience` is turned away too: its answer would come
/// too late.
final class AdmissionQueue: Sendable {
  /// Turned away; another attempt may succeed after this many seconds.
  struct Full: Error, Hashable {
    let retryAfterSeconds: Int
  }

  let capacity: Int
  let maximumWaiting: Int
  let patience: Duration
  private let onTurnedAway: @Sendable () -> Void

  private struct Waiter {
    let ticket: UInt64
    let units: Int
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var used = 0
    var running = 0
    var nextTicket: UInt64 = 0
    var waiting: [Waiter] = []
    var typicalSeconds = 0.05
  }

  private let state = StateLock(State())

  /// - Parameter onTurnedAway: Called for each piece of work that gets ``Full``.
  init(
    capacity: Int,
    maximumWaiting: Int,
    patience: Duration = .seconds(10),
    onTurnedAway: @escaping @Sendable () -> Void = {}
  ) {
    self.capacity = max(1, capacity)
    self.maximumWaiting = max(0, maximumWaiting)
    self.patience = patience
    self.onTurnedAway = onTurnedAway
  }

  /// How many pieces of work run and how many wait.
  var load: (running: Int, waiting: Int) {
    state.withLock { ($0.running, $0.waiting.count) }
  }

  /// Runs `body` when its units are free.
  ///
  /// - Parameter units: Work that needs more than the whole capacity runs alone.
  /// - Throws: ``Full``, `CancellationError`, or what `body` throws.
  func run<Value: Sendable>(units: Int = 1, _ body: () async throws -> Value) async throws -> Value {
    let units = min(max(1, units), capacity)
    do {
      try await enter(units)
    } catch let full as Full {
      onTurnedAway()
      throw full
    }
    let clock = ContinuousClock()
    let start = clock.now
    defer { leave(units, after: clock.now - start) }
    return try await body()
  }

  private func enter(_ units: Int) async throws {
    let ticket = try state.withLock { state -> UInt64? in
      if admit(units, &state) { return nil }
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
      try await withCheckedThrowingContinuation {
        wait(Waiter(ticket: ticket, units: units, continuation: $0))
      }
    } onCancel: {
      turnAway(ticket) { _ in CancellationError() }
    }
  }

  private func admit(_ units: Int, _ state: inout State) -> Bool {
    guard state.waiting.isEmpty, state.used + units <= capacity else { return false }
    state.used += units
    state.running += 1
    return true
  }

  private func wait(_ waiter: Waiter) {
    let outcome: Result<Void, any Error>? = state.withLock { state in
      if Task.isCancelled { return .failure(CancellationError()) }
      if admit(waiter.units, &state) { return .success(()) }
      guard state.waiting.count < maximumWaiting else { return .failure(full(state)) }
      state.waiting.append(waiter)
      return nil
    }
    if let outcome { waiter.continuation.resume(with: outcome) }
  }

  private func turnAway(_ ticket: UInt64, _ error: (State) -> any Error) {
    let (waiter, reason, next) = state.withLock { state in
      let index = state.waiting.firstIndex { $0.ticket == ticket }
      let waiter = index.map { state.waiting.remove(at: $0) }
      // Smaller work may have waited behind the one that is gone.
      return (waiter, error(state), admitWaiting(&state))
    }
    for admitted in next { admitted.continuation.resume() }
    waiter?.continuation.resume(throwing: reason)
  }

  private func leave(_ units: Int, after duration: Duration) {
    let next = state.withLock { state in
      state.typicalSeconds = 0.8 * state.typicalSeconds + 0.2 * (duration / .seconds(1))
      state.used -= units
      state.running -= 1
      return admitWaiting(&state)
    }
    for admitted in next { admitted.continuation.resume() }
  }

  /// Those who have waited longest and fit now.
  private func admitWaiting(_ state: inout State) -> [Waiter] {
    var admitted: [Waiter] = []
    while let first = state.waiting.first, state.used + first.units <= capacity {
      state.used += first.units
      state.running += 1
      admitted.append(state.waiting.removeFirst())
    }
    return admitted
  }

  private func full(_ state: State) -> Full {
    let atOnce = max(1, state.running)
    let seconds = state.typicalSeconds * Double(state.waiting.count + 1) / Double(atOnce)
    return Full(retryAfterSeconds: Int(min(30, max(1, seconds.rounded(.up)))))
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
