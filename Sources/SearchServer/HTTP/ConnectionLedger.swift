internal import NIOCore
internal import Synchronization

/// Knows every open connection, and closes those that are idle longest when there are too many.
final class ConnectionLedger: Sendable {
  private struct State {
    var open: [ObjectIdentifier: any Channel] = [:]
    var idle: [UInt64: ObjectIdentifier] = [:]
    var idleSince: [ObjectIdentifier: UInt64] = [:]
    var oldest: UInt64 = 0
    var next: UInt64 = 0
  }

  private let state = Mutex(State())
  private let maximum: Int
  private let onEviction: @Sendable () -> Void

  init(maximum: Int, onEviction: @escaping @Sendable () -> Void) {
    self.maximum = max(1, maximum)
    self.onEviction = onEviction
  }

  var count: Int { state.withLock { $0.open.count } }

  func opened(_ channel: any Channel) {
    let evicted = state.withLock { state in
      state.open[ObjectIdentifier(channel)] = channel
      setIdle(ObjectIdentifier(channel), &state)
      return state.open.count > maximum ? removeOldest(&state) : nil
    }
    guard let evicted else { return }
    onEviction()
    evicted.close(promise: nil)
  }

  func closed(_ channel: any Channel) {
    state.withLock { state in
      state.open[ObjectIdentifier(channel)] = nil
      setBusy(ObjectIdentifier(channel), &state)
    }
  }

  func becameBusy(_ channel: any Channel) {
    state.withLock { setBusy(ObjectIdentifier(channel), &$0) }
  }

  func becameIdle(_ channel: any Channel) {
    state.withLock { state in
      if state.open[ObjectIdentifier(channel)] != nil { setIdle(ObjectIdentifier(channel), &state) }
    }
  }

  private func setIdle(_ id: ObjectIdentifier, _ state: inout State) {
    setBusy(id, &state)
    state.idle[state.next] = id
    state.idleSince[id] = state.next
    state.next += 1
  }

  private func setBusy(_ id: ObjectIdentifier, _ state: inout State) {
    if let since = state.idleSince.removeValue(forKey: id) { state.idle[since] = nil }
  }

  private func removeOldest(_ state: inout State) -> (any Channel)? {
    while state.oldest < state.next {
      let id = state.idle.removeValue(forKey: state.oldest)
      state.oldest += 1
      guard let id else { continue }
      state.idleSince[id] = nil
      return state.open.removeValue(forKey: id)
    }
    return nil
  }
}
