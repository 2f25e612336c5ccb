/// What the place of a step in its run decides.
struct RunPlace: Sendable, Hashable {
  /// Whether its commit waits until it, and all before it, are on the disk; one that another commit of the same run
  /// follows need not.
  var waitsForDisk = true
  /// Its number in the history, where a lock keeps others from taking it; nil lets the server find the next.
  var order: Int?

  /// The places of a run's steps.
  /// - Parameter isAlone: whether a lock keeps other runs out from the first step to the last.
  static func all(of steps: [PlannedStep], after records: [HistoryRecord], isAlone: Bool) -> [RunPlace] {
    let highest = records.map(\.appliedOrder).max() ?? 0
    // On a way down numbers become free again.
    let isKnown = isAlone && steps.allSatisfy { $0.direction == .up }
    return steps.indices.map { position in
      RunPlace(
        waitsForDisk: !isAlone || position == steps.count - 1,
        order: isKnown ? highest + 1 + position : nil
      )
    }
  }
}
