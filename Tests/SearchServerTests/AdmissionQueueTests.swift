@testable import SearchServer
import Synchronization
import Testing

/// Some run, some wait, the rest is turned away.
@Suite struct AdmissionQueueTests {
  /// Holds those who come until it is opened.
  private final class Latch: Sendable {
    private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

    func wait() async {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          if !state.isOpen { state.waiting.append(continuation) }
          return state.isOpen
        }
        if isOpen { continuation.resume() }
      }
    }

    func open() {
      let waiting = state.withLock { state in
        state.isOpen = true
        return state.waiting
      }
      for continuation in waiting { continuation.resume() }
    }
  }

  private func until(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test(.timeLimit(.minutes(1))) func runsWaitsAndTurnsAway() async throws {
    let queue = AdmissionQueue(capacity: 1, maximumWaiting: 1)
    let latch = Latch()
    let first = Task { try await queue.run { await latch.wait() } }
    try await until { queue.load.running == 1 }
    let second = Task { try await queue.run { 2 } }
    try await until { queue.load.waiting == 1 }
    await #expect(throws: AdmissionQueue.Full(retryAfterSeconds: 1)) { try await queue.run { 3 } }
    latch.open()
    try await first.value
    #expect(try await second.value == 2)
    #expect(queue.load == (0, 0))
  }

  @Test(.timeLimit(.minutes(1))) func whoWaitsTooLongIsTurnedAway() async throws {
    let queue = AdmissionQueue(capacity: 1, maximumWaiting: 5, patience: .milliseconds(10))
    let latch = Latch()
    let first = Task { try await queue.run { await latch.wait() } }
    try await until { queue.load.running == 1 }
    await #expect(throws: AdmissionQueue.Full.self) { try await queue.run { 2 } }
    latch.open()
    try await first.value
  }

  @Test(.timeLimit(.minutes(1))) func whoIsCancelledLeavesTheQueue() async throws {
    let queue = AdmissionQueue(capacity: 1, maximumWaiting: 5)
    let latch = Latch()
    let first = Task { try await queue.run { await latch.wait() } }
    try await until { queue.load.running == 1 }
    let second = Task { try await queue.run { 2 } }
    try await until { queue.load.waiting == 1 }
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    #expect(queue.load.waiting == 0)
    latch.open()
    try await first.value
  }

  /// Memory is shared by size: a large piece of work waits until it fits, and a small one behind it does not overtake.
  @Test(.timeLimit(.minutes(1))) func largeWorkWaitsForItsUnits() async throws {
    let queue = AdmissionQueue(capacity: 10, maximumWaiting: 5)
    let latch = Latch()
    let first = Task { try await queue.run(units: 6) { await latch.wait() } }
    try await until { queue.load.running == 1 }
    let large = Task { try await queue.run(units: 5) { 5 } }
    try await until { queue.load.waiting == 1 }
    let small = Task { try await queue.run(units: 1) { 1 } }
    try await until { queue.load.waiting == 2 }
    #expect(queue.load.running == 1)
    latch.open()
    try await first.value
    #expect(try await large.value == 5)
    #expect(try await small.value == 1)
    #expect(try await queue.run(units: 1_000) { 7 } == 7, "more than the capacity runs alone")
    #expect(queue.load == (0, 0))
  }

  @Test(.timeLimit(.minutes(1))) func smallWorkGoesOnWhenTheLargeOneGivesUp() async throws {
    let queue = AdmissionQueue(capacity: 10, maximumWaiting: 5)
    let latch = Latch()
    let first = Task { try await queue.run(units: 6) { await latch.wait() } }
    try await until { queue.load.running == 1 }
    let large = Task { try await queue.run(units: 10) { 10 } }
    try await until { queue.load.waiting == 1 }
    let small = Task { try await queue.run(units: 1) { 1 } }
    try await until { queue.load.waiting == 2 }
    large.cancel()
    #expect(try await small.value == 1)
    await #expect(throws: CancellationError.self) { try await large.value }
    latch.open()
    try await first.value
  }

  @Test func aFailureFreesItsPlace() async throws {
    struct Broken: Error {}
    let queue = AdmissionQueue(capacity: 1, maximumWaiting: 0)
    await #expect(throws: Broken.self) { try await queue.run { throw Broken() } }
    #expect(try await queue.run { 1 } == 1)
  }

  @Test(.timeLimit(.minutes(1))) func aFullQueueIs503WithRetryAfter() async throws {
    let latch = Latch()
    let backend = MemoryBackend(pause: { await latch.wait() })
    try await PageClient.with(
      backend,
      configure: {
        $0.load.queries = 1
        $0.load.waitingQueries = 0
      }
    ) { page in
      let first = Task { try await page.ask("/api/v1/search?id=0").status }
      try await until { !backend.asked.isEmpty }
      let second = try await page.ask("/api/v1/search?id=0")
      #expect(second.status == 503)
      #expect(second["Retry-After"] == "1")
      #expect(try await page.ask("/health").status == 200)
      #expect(try await page.ask("/metrics").text.contains("adbvec_turned_away_total{queue=\"query\"} 1\n"))
      latch.open()
      #expect(try await first.value == 200)
    }
  }
}
