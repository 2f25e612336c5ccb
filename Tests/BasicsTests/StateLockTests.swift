import Basics
import Testing

@Suite struct StateLockTests {
  /// Asynchronous functions that lock before and after a suspension, on any thread that they wake up on.
  @Test func isLockedFromManyTasks() async {
    final class Counter: Sendable {
      let value = StateLock(0)

      func add() async {
        value.withLock { $0 += 1 }
        defer { value.withLock { $0 += 1 } }
        await Task.yield()
      }
    }
    let counter = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<200 { group.addTask { for _ in 0..<10 { await counter.add() } } }
    }
    #expect(counter.value.withLock { $0 } == 4_000)
  }

  @Test func handsErrorsOn() {
    struct Broken: Error {}
    let lock = StateLock([1])
    #expect(throws: Broken.self) { try lock.withLock { _ throws(Broken) in throw Broken() } }
    #expect(lock.withLock { $0 } == [1])
  }
}
