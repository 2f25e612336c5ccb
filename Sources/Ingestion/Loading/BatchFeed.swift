internal import Basics
internal import ImageSources
internal import PostgresClient

/// Takes batches from a source and lets none through that the table could not take.
struct BatchFeed: Sendable {
  let check: TableCheck
  /// Numbers in a vector; 0 before the first row.
  private(set) var dimension = 0
  /// The source's end, once it was reached.
  private(set) var end: Int?
  /// The first images without a row.
  private(set) var unreadable: [UnreadableImage] = []

  /// How many positions the source has, once that is known.
  var expected: Int?

  private let source: any BatchSource
  private let options: LoadOptions
  private let engine: Engine
  private let table: TargetTable
  private let traits: SourceTraits
  private var done: DoneRanges
  private let onEvent: @Sendable (LoadEvent) -> Void
  private var pace: Pace
  /// What `peek` read and `next` has still to give: a batch, or that there is none.
  private var peeked: LoadBatch??

  private static let firstRows = 100
  private static let reportedImages = 100

  init(
    _ job: LoadJob,
    table: TargetTable,
    check: TableCheck,
    traits: SourceTraits,
    done: DoneRanges,
    engine: Engine
  ) {
    self.check = check
    self.engine = engine
    self.table = table
    self.done = done
    self.traits = traits
    source = job.source
    options = job.options
    onEvent = job.onEvent
    pace = Pace(rate: job.options.rateLimit)
  }

  /// Rows in a batch, once the dimension is known; at most a second's worth where a rate is kept.
  var batchRows: Int {
    min(unpacedBatchRows, pace.rowsInASecond)
  }

  private var unpacedBatchRows: Int {
    if let rows = options.batchRows ?? source.preferredBatchRows { return max(rows, 1) }
    guard dimension > 0 else { return Self.firstRows }
    return options.batchRows(dimension: dimension, on: engine, expected: expected)
  }

  /// Gives once more what is not done, from the place that the source was set to.
  mutating func restart(skipping done: DoneRanges) {
    self.done = done
    peeked = nil
  }

  /// The batch that `next` will give.
  mutating func peek() async throws -> LoadBatch? {
    let batch = try await next()
    peeked = .some(batch)
    return batch
  }

  /// The next batch, checked; nil at the end.
  /// - Throws: `LoadError`, `CollectionError`, or what the extractor throws.
  mutating func next() async throws -> LoadBatch? {
    if let batch = peeked.take() { return batch }
    guard let batch = try await source.next(rows: batchRows, skipping: done) else {
      end = await source.endPosition()
      return nil
    }
    for rows in [batch.rows, batch.changed] where rows.count > 0 {
      if dimension == 0 {
        try check.checkDimension(rows.dimension, of: table)
        dimension = rows.dimension
      } else if dimension != rows.dimension {
        throw LoadError(
          .row,
          "\(source.name): a vector of \(rows.dimension) numbers after vectors of \(dimension)"
        )
      }
      try check.check(rows, source: source.name, writesClass: traits.hasClasses)
    }
    for image in batch.unreadable {
      onEvent(.unreadable(image))
      if unreadable.count < Self.reportedImages { unreadable.append(image) }
    }
    try await pace.admit(batch.rows.count + batch.changed.count)
    return batch
  }
}

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

/// A set of ids: a bit a number in blocks of 4,096, so that the consecutive ids of most sources cost next to nothing.
struct SeenIDs {
  private var blocks: [Int64: [UInt64]] = [:]
  private var texts: Set<ImageID> = []

  /// Adds an id.
  /// - Returns: false when it was there.
  mutating func insert(_ id: ImageID) -> Bool {
    guard let id = id.number else { return texts.insert(id).inserted }
    let word = Int(id & 4095) >> 6
    let bit = UInt64(1) << UInt64(id & 63)
    var isNew = false
    withUnsafeMutablePointer(to: &blocks[id >> 12, default: [UInt64](repeating: 0, count: 64)]) { block in
      isNew = block.pointee[word] & bit == 0
      block.pointee[word] |= bit
    }
    return isNew
  }
}

/// Counts what was committed in this run and how fast, for those who watch.
struct LoadMeter: Sendable {
  /// This run and the runs it goes on from.
  private(set) var total: LoadCounts
  /// This run alone.
  private(set) var thisRun = LoadCounts()

  private let start = ContinuousClock.now
  private let expected: Int?
  private let positionsBefore: Int
  private var positions = 0

  init(before: LoadCounts, done: Int, expected: Int?) {
    total = before
    positionsBefore = done
    self.expected = expected
  }

  /// Goes back to what the journal holds.
  mutating func restart(counts: LoadCounts, done: Int) {
    thisRun = thisRun - (total - counts)
    total = counts
    positions = done - positionsBefore
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
