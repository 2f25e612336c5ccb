internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// Positions of a source, as ranges.
public struct DoneRanges: Sendable, Hashable {
  /// Sorted, disjoint and not adjacent.
  private(set) var ranges: [Range<Int>] = []

  /// No position.
  public init() {}

  /// Ranges in any order; overlapping and adjacent ones are joined.
  init(_ all: [Range<Int>]) {
    for range in all.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = ranges.last, range.lowerBound <= last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
    }
  }

  /// Positions in ascending order.
  init(positions: some Sequence<Int>) {
    for position in positions {
      if let last = ranges.last, last.upperBound == position {
        ranges[ranges.count - 1] = last.lowerBound..<position + 1
      } else {
        ranges.append(position..<position + 1)
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
    let index = firstIndex(endingAfter: position)
    return index < ranges.count && ranges[index].contains(position) ? ranges[index] : nil
  }

  /// The first position from `position` on that is done; nil when none is.
  public func nextDone(from position: Int) -> Int? {
    let index = firstIndex(endingAfter: position)
    return index < ranges.count ? max(ranges[index].lowerBound, position) : nil
  }

  /// What either holds.
  func union(_ other: DoneRanges) -> DoneRanges { DoneRanges(ranges + other.ranges) }

  private func firstIndex(endingAfter position: Int) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound > position { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// Positions of a source, a bit for each up to the largest.
struct PositionSet: Sendable, Sequence, ExpressibleByArrayLiteral {
  private var words: [UInt64] = []
  private(set) var count = 0

  init() {}

  init(_ positions: some Sequence<Int>) {
    for position in positions { insert(position) }
  }

  init(arrayLiteral positions: Int...) { self.init(positions) }

  var isEmpty: Bool { count == 0 }
  var underestimatedCount: Int { count }

  func contains(_ position: Int) -> Bool {
    let (word, bit) = position.quotientAndRemainder(dividingBy: 64)
    return word < words.count && words[word] >> UInt64(bit) & 1 == 1
  }

  mutating func insert(_ position: Int) {
    guard !contains(position) else { return }
    let (word, bit) = position.quotientAndRemainder(dividingBy: 64)
    if word >= words.count { words += [UInt64](repeating: 0, count: word + 1 - words.count) }
    words[word] |= 1 << UInt64(bit)
    count += 1
  }

  mutating func remove(_ position: Int) {
    guard contains(position) else { return }
    let (word, bit) = position.quotientAndRemainder(dividingBy: 64)
    words[word] &= ~(1 << UInt64(bit))
    count -= 1
  }

  /// What either holds.
  func union(_ other: PositionSet) -> PositionSet {
    var union = words.count < other.words.count ? other : self
    let smaller = words.count < other.words.count ? self : other
    for (index, word) in smaller.words.enumerated() {
      union.count += (word & ~union.words[index]).nonzeroBitCount
      union.words[index] |= word
    }
    return union
  }

  /// The positions in ascending order.
  func makeIterator() -> Iterator { Iterator(words) }

  struct Iterator: IteratorProtocol {
    private let words: [UInt64]
    private var index = 0
    /// What is left of the word.
    private var word: UInt64

    fileprivate init(_ words: [UInt64]) {
      self.words = words
      word = words.first ?? 0
    }

    mutating func next() -> Int? {
      while word == 0 {
        guard index + 1 < words.count else { return nil }
        index += 1
        word = words[index]
      }
      defer { word &= word - 1 }
      return index * 64 + word.trailingZeroBitCount
    }
  }
}

extension PositionSet: Equatable {
  static func == (left: PositionSet, right: PositionSet) -> Bool {
    left.count == right.count && left.elementsEqual(right)
  }
}

/// A committed batch, as the journal keeps it.
struct CommittedBatch: Sendable, Hashable {
  /// The positions that were dealt with.
  var positions: Range<Int>
  /// Where a file goes on behind them.
  var place: SourcePlace
  /// What became of them.
  var counts: LoadCounts
}

/// The journal's record of one load: the only account of its progress.
///
/// Progress is the set of committed batches. Everything else (what is done, where the source goes on, the counts,
/// whether the load is complete) is derived from it.
struct LoadRecord: Sendable, Hashable {
  /// The table's object id when the load began.
  var tableOID: UInt32
  /// The source's fingerprint when the load began; empty for images, which are told apart one by one.
  var fingerprint: String
  /// What made the embeddings; empty where that is not known.
  var recipe: String
  /// What happens to rows that are in the table already; remembered for the runs that go on.
  var onConflict: LoadOptions.ConflictPolicy
  /// The definitions of indexes that were dropped and must be built at the end.
  var deferredIndexes: [String] = []
  /// Statements that give the built indexes their comments, tablespaces and statistics targets.
  var indexRestores: [String] = []
  /// Whether it ran to its end.
  var isFinished = false
  /// The layout in which the record was written: 1 had no images and no conflict policy.
  var version = LoadJournal.version
  /// What is committed.
  private(set) var batches: [CommittedBatch] = []

  /// The positions that are committed.
  var done: DoneRanges { DoneRanges(batches.map(\.positions)) }

  /// The counts of everything that is committed.
  var counts: LoadCounts { batches.reduce(LoadCounts()) { $0 + $1.counts } }

  /// Where the source goes on behind the part without a gap.
  var place: SourcePlace {
    var place = SourcePlace(position: 0, offset: 0, line: 1)
    for batch in batches.sorted(by: { $0.positions.lowerBound < $1.positions.lowerBound })
    where batch.positions.lowerBound == place.position && !batch.positions.isEmpty {
      place = batch.place
      place.position = batch.positions.upperBound
    }
    return place
  }

  /// Adds a batch that was committed.
  mutating func add(_ batch: CommittedBatch) {
    batches.append(batch)
  }

  /// One batch for all, when they leave no position before `end` out.
  ///
  /// - Parameter other: positions that are accounted for elsewhere.
  /// - Returns: nil when a position is missing.
  func folded(end: Int, besides other: DoneRanges = DoneRanges()) -> CommittedBatch? {
    guard done.union(other).prefix >= end else { return nil }
    let last = batches.max { $0.positions.upperBound < $1.positions.upperBound }
    var place = last?.place ?? SourcePlace(position: end, offset: 0, line: 1)
    place.position = end
    return CommittedBatch(positions: 0..<end, place: place, counts: counts)
  }
}

extension LoadRecord {
  /// What a run does with the record of an earlier one.
  enum Continuation: Hashable {
    /// Starts over.
    case fresh
    /// Goes on from the record.
    case resume
    /// Nothing: the load ran to its end before.
    case finished
    /// Starts over and leaves the rows that are there, because rows which were loaded are not in the table any more.
    case repair
  }

  /// The state of table and source that the decision depends on.
  struct Circumstances: Sendable, Hashable {
    /// What the user asked for.
    var wanted: LoadOptions.Continuation
    /// The table's object id now.
    var tableOID: UInt32
    /// How many rows the table has, counted up to what the record needs.
    var rows: Int
    /// Whether the id has a unique index.
    var hasUniqueID: Bool
    /// The source's fingerprint now.
    var fingerprint: String
    /// What makes the embeddings now.
    var recipe: String
    /// The source, for messages.
    var source: String
    /// Positions in the source where that is known.
    var expected: Int?
  }

  /// Rows that the load has put into the table and that must be there.
  var rowsWritten: Int { counts.loaded - counts.replaced }

  /// Decides what is to be done with the record.
  /// - Throws: `LoadError` with code `resume`, the reason and a fix.
  func continuation(_ now: Circumstances) throws -> Continuation {
    if now.wanted == .restart || tableOID != now.tableOID || (rowsWritten > 0 && now.rows == 0) {
      return .fresh
    }
    let startOver =
      counts.loaded == 0
      ? "start over with --restart"
      : now.hasUniqueID
        ? "load it with --restart --on-conflict skip (or update)"
        : "add a unique index on the id, then load it with --restart --on-conflict skip"
    guard fingerprint == now.fingerprint else {
      throw LoadError(
        .resume,
        "\(now.source) changed since its load into this table began. Fix: \(startOver)"
      )
    }
    guard recipe == now.recipe else {
      throw LoadError(
        .resume,
        "this load of \(now.source) began with another recipe (\(recipe) before, \(now.recipe) now). "
          + "Fix: use the recipe of the table, or load into another table"
      )
    }
    if rowsWritten > now.rows { return try repair(now) }
    // A load of some of the images goes on when more of them are asked for.
    if isFinished { return done.prefix < now.expected ?? 0 ? .resume : .finished }
    guard now.wanted == .resume else {
      throw LoadError(
        .resume,
        "a load of \(now.source) into this table stopped after \(done.count) rows. Fix: go on with --resume, or "
          + startOver
      )
    }
    return .resume
  }

  private func repair(_ now: Circumstances) throws -> Continuation {
    let missing = "\(rowsWritten) rows of \(now.source) were loaded and the table has \(now.rows) rows now"
    guard now.hasUniqueID else {
      throw LoadError(
        .resume,
        "\(missing); without a unique index on the id the missing ones cannot be found. Fix: add a unique index on the "
          + "id, then --resume"
      )
    }
    guard now.wanted == .resume else {
      throw LoadError(.resume, "\(missing). Fix: --resume loads the missing rows again")
    }
    return .repair
  }
}

/// A batch's row of the journal, ready to be inserted.
struct JournalEntry: Sendable, Hashable {
  /// The table of batches.
  let batches: QualifiedName
  /// The table of loads.
  let loads: QualifiedName
  /// The load.
  let key: String
  /// The run, which must not have been taken over from.
  let token: String
  let batch: CommittedBatch

  /// The insertion, to be sent with bound values, or with constants in a message of several statements.
  var insertion: SQL {
    let (positions, place, counts) = (batch.positions, batch.place, batch.counts)
    return """
      INSERT INTO \(table: batches) (load_key, first_position, end_offset, end_line, loaded, skipped, replaced, unreadable, \
      end_position) VALUES (\(key), \(positions.lowerBound), \(place.offset), \(place.line), \(counts.loaded), \
      \(counts.skipped), \(counts.replaced), \(counts.unreadable), \
      (SELECT \(positions.upperBound)::int8 FROM \(table: loads) WHERE load_key = \(key) AND run_token = \(token)))
      """
  }
}
