internal import ImageSearch
internal import ImageSources

/// What is written down of a load, so that it can go on after any stop.
public struct LoadRecord: Sendable, Hashable {
  /// Table and source: one load of a source into a table.
  public var key: String
  /// The table's object id when the load began.
  public var tableOID: UInt32
  /// The source's fingerprint when the load began.
  public var fingerprint: String
  /// What made the features when the load began.
  public var recipe: String
  /// The definitions of indexes that were dropped and must be built at the end.
  public var deferredIndexes: [String]
  /// Whether it ran to its end.
  public var isFinished: Bool
  /// The counts of everything that was committed.
  public var counts: LoadCounts
  /// The positions that were committed.
  public var done: DoneRanges
  /// Where the source goes on behind the part without a gap.
  var place: SourcePlace { SourcePlace(position: done.prefix, offset: offset, line: line) }
  var offset: Int
  var line: Int
}

/// What a load finds when it starts.
enum Continuation: Hashable {
  /// Nothing was recorded, or it is to be forgotten.
  case fresh
  /// Going on from a record.
  case resume
  /// The load ran to its end before.
  case finished
}

extension LoadRecord {
  /// What is to be done with the record of an earlier run.
  /// - Throws: `LoadError` with code `resume` and the reason.
  func continuation(
    _ wanted: LoadOptions.Continuation,
    table: TargetTable,
    fingerprint: String,
    recipe: String,
    source: String,
    expected: Int?
  ) throws -> Continuation {
    if wanted == .restart { return .fresh }
    if tableOID != table.catalog.oid || (counts.loaded > 0 && !table.hasRows) { return .fresh }
    let startOver =
      counts.loaded == 0
      ? "start over with --restart" : "start over with --restart and --on-conflict skip or update"
    if self.fingerprint != fingerprint {
      throw LoadError(.resume, "\(source) changed since its load into this table began; \(startOver)")
    }
    if self.recipe != recipe {
      throw LoadError(
        .resume,
        "this load of \(source) began with other features (\(self.recipe) before, \(recipe) now); \(startOver)"
      )
    }
    // A load of some of the images goes on when more of them are asked for.
    if isFinished { return done.prefix < expected ?? 0 ? .resume : .finished }
    guard wanted == .resume else {
      throw LoadError(
        .resume,
        "a load of \(source) into this table stopped after \(done.count) rows; go on with --resume, or \(startOver)"
      )
    }
    return .resume
  }
}

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
