internal import Basics

/// Keeps what was used last, up to a total cost.
final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry {
    var value: Value
    var cost: Int
    var use: UInt64
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var keysByUse: [UInt64: Key] = [:]
    var oldestUse: UInt64 = 0
    var nextUse: UInt64 = 0
    var cost = 0
  }

  private let state = StateLock(State())
  let maximumCost: Int

  init(maximumCost: Int) {
    self.maximumCost = maximumCost
  }

  /// The sum of the costs of what is kept.
  var cost: Int { state.withLock { $0.cost } }

  /// The value of a key, which counts as a use.
  func value(for key: Key) -> Value? {
    state.withLock { state in
      guard let entry = state.entries[key] else { return nil }
      touch(key, &state)
      return entry.value
    }
  }

  /// Keeps a value; drops what was not used for longest where the total would be too much.
  func insert(_ value: Value, for key: Key, cost: Int) {
    guard cost <= maximumCost else { return }
    state.withLock { state in
      remove(key, &state)
      state.entries[key] = Entry(value: value, cost: cost, use: state.nextUse)
      state.cost += cost
      touch(key, &state)
      while state.cost > maximumCost, state.oldestUse < state.nextUse {
        if let oldest = state.keysByUse[state.oldestUse] { remove(oldest, &state) }
        state.oldestUse += 1
      }
    }
  }

  private func touch(_ key: Key, _ state: inout State) {
    if let use = state.entries[key]?.use { state.keysByUse[use] = nil }
    state.entries[key]?.use = state.nextUse
    state.keysByUse[state.nextUse] = key
    state.nextUse += 1
  }

  private func remove(_ key: Key, _ state: inout State) {
    guard let entry = state.entries.removeValue(forKey: key) else { return }
    state.keysByUse[entry.use] = nil
    state.cost -= entry.cost
  }
}

/// Keys from the system's random number generator.
enum RandomKey {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

  /// 22 characters that are safe in a link: 132 random bits.
  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return String((0..<22).map { _ in alphabet[Int(generator.next() & 63)] })
  }
}
