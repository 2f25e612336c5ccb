/// Positions of a source that earlier runs dealt with.
public struct DoneRanges: Sendable, Hashable {
  /// Sorted, apart from each other.
  private(set) var ranges: [Range<Int>] = []

  /// Nothing is done.
  public init() {}

  /// Ranges in any order; touching ones are joined.
  init(_ all: [Range<Int>]) {
    for range in all.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = ranges.last, range.lowerBound <= last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
    }
  }

  /// The end of what is done from position 0 on without a gap.
  public var prefix: Int {
    guard let first = ranges.first, first.lowerBound == 0 else { return 0 }
    return first.upperBound
  }

  /// How many positions are done.
  public var count: Int { ranges.reduce(0) { $0 + $1.count } }

  /// The done range that holds a position.
  public func range(holding position: Int) -> Range<Int>? {
    ranges.first { $0.contains(position) }
  }

  /// The first position from `position` on that is done; nil when none is.
  public func nextDone(from position: Int) -> Int? {
    ranges.first { $0.upperBound > position }.map { max($0.lowerBound, position) }
  }
}
