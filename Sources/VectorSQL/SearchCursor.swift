/// Where a page of results ended, and the next begins.
public struct SearchCursor: Sendable, Hashable {
  /// The last row's distance.
  public let distance: Double
  /// The last row's value of the tie-breaking column.
  public let key: SQLValue
  /// How many rows all pages so far have shown.
  public let seen: Int

  /// The place after a row.
  public init(distance: Double, key: SQLValue, seen: Int) {
    self.distance = distance
    self.key = key
    self.seen = seen
  }
}
