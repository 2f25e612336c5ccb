/// What became of the rows.
public struct LoadCounts: Sendable, Hashable {
  /// Rows written, replaced ones among them.
  public var loaded = 0
  /// Rows whose id was in the table and that were left as they were.
  public var skipped = 0
  /// Rows whose id was in the table and that were replaced; 0 where the server does not tell.
  public var replaced = 0
  /// Images that could not be read.
  public var unreadable = 0

  /// Nothing yet.
  public init() {}

  /// The sum of both, count by count.
  public static func + (left: LoadCounts, right: LoadCounts) -> LoadCounts {
    var sum = left
    sum.loaded += right.loaded
    sum.skipped += right.skipped
    sum.replaced += right.replaced
    sum.unreadable += right.unreadable
    return sum
  }

  /// What is left of the first when the second is taken back, count by count.
  static func - (left: LoadCounts, right: LoadCounts) -> LoadCounts {
    var rest = left
    rest.loaded -= right.loaded
    rest.skipped -= right.skipped
    rest.replaced -= right.replaced
    rest.unreadable -= right.unreadable
    return rest
  }

  /// Rows and images dealt with, in whatever way.
  public var handled: Int { loaded + skipped + unreadable }
}
