/// Holds rows back to a rate.
struct Pace {
  private let rate: Double?
  private let start = ContinuousClock.now
  private var rows = 0

  init(rate: Double?) {
    self.rate = rate
  }

  /// At least one.
  var rowsInASecond: Int {
    guard let rate, rate < Double(Int32.max) else { return .max }
    return max(Int(rate), 1)
  }

  /// Waits until the rows counted so far are due, then counts some more.
  mutating func admit(_ count: Int) async throws {
    if let rate, rate > 0 {
      try await Task.sleep(until: start + .seconds(Double(rows) / rate), clock: .continuous)
    }
    rows += count
  }
}
