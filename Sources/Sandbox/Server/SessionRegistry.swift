internal import NIOConcurrencyHelpers
internal import NIOCore

/// The connections that are open.
final class SessionRegistry: Sendable {
  private struct Entry: Sendable {
    let channel: any Channel
    let handler: NIOLoopBound<ClientHandler>

    func drain() {
      channel.eventLoop.execute {
        guard let context = try? channel.pipeline.syncOperations.context(handler: handler.value) else {
          return
        }
        handler.value.drain(context: context)
      }
    }
  }

  private struct State {
    var count = 0
    var isDraining = false
    var entries: [ObjectIdentifier: Entry] = [:]
  }

  private let state = NIOLockedValueBox(State())

  /// Numbers for sessions, from 1.
  func nextNumber() -> Int {
    state.withLockedValue { state in
      state.count += 1
      return state.count
    }
  }

  /// Keeps a connection until it closes; must be called on its event loop.
  func add(_ channel: any Channel, _ handler: ClientHandler) {
    let id = ObjectIdentifier(channel)
    let entry = Entry(channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
    let isLate = state.withLockedValue { state in
      state.entries[id] = entry
      return state.isDraining
    }
    channel.closeFuture.whenComplete { [state] _ in state.withLockedValue { $0.entries[id] = nil } }
    if isLate { channel.close(promise: nil) }
  }

  /// Ends all sessions: gently at first, and after the grace period at once.
  func drain(within gracePeriod: Duration) async {
    let open = state.withLockedValue { state in
      state.isDraining = true
      return Array(state.entries.values)
    }
    for entry in open { entry.drain() }
    // The task that runs the sandbox is cancelled already, so a child task could not sleep.
    let cut = Task.detached {
      try await Task.sleep(for: gracePeriod)
      for entry in open { entry.channel.close(promise: nil) }
    }
    for entry in open { try? await entry.channel.closeFuture.get() }
    cut.cancel()
  }
}
