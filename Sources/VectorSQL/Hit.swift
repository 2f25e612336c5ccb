/// A row that a typed search found, with its distance.
public struct Hit<each Value: Sendable>: Sendable {
  /// What was selected.
  public let row: (repeat each Value)
  /// The score, which is the true distance unless the search asked for another.
  public let distance: Double

  /// A row and its distance.
  public init(row: (repeat each Value), distance: Double) {
    self.row = row
    self.distance = distance
  }
}
