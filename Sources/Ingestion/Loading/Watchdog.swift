/// Calls for help when something takes too long.
struct Watchdog: Sendable {
  private let timer: Task<Void, Never>?

  /// - Parameter limit: nil never calls.
  init(_ limit: Duration?, _ bark: @escaping @Sendable () -> Void) {
    timer = limit.map { limit in
      Task {
        do {
          try await Task.sleep(for: limit)
          bark()
        } catch {
          // Stopped in time.
        }
      }
    }
  }

  func stop() {
    timer?.cancel()
  }
}
