/// Counts what was committed and how fast.
struct LoadMeter: Sendable {
  /// This run and the runs it goes on from.
  private(set) var total: LoadCounts
  /// This run alone.
  private(set) var thisRun = LoadCounts()

  private let start = ContinuousClock.now
  private let expected: Int?
  private let positionsBefore: Int
  private var positions = 0

  init(before: LoadRecord, expected: Int?) {
    total = before.counts
    positionsBefore = before.done.count
    self.expected = expected
  }

  /// Goes back to what the record holds.
  mutating func restart(from record: LoadRecord) {
    thisRun = thisRun - (total - record.counts)
    total = record.counts
    positions = record.done.count - positionsBefore
  }

  mutating func add(_ counts: LoadCounts, positions added: Int) -> LoadProgress {
    thisRun = thisRun + counts
    total = total + counts
    positions += added
    let seconds = max((ContinuousClock.now - start) / .seconds(1), 1e-9)
    let rate = Double(positions) / seconds
    let left = expected.map { max($0 - positionsBefore - positions, 0) }
    return LoadProgress(
      counts: total,
      position: positionsBefore + positions,
      expectedCount: expected,
      rate: rate,
      remaining: left.map { .seconds(Double($0) / rate) }
    )
  }
}
