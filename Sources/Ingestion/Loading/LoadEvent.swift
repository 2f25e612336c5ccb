/// What a load tells while it runs.
public enum LoadEvent: Sendable {
  /// Everything was checked; writing begins.
  case started(LoadStart)
  /// A batch was committed.
  case progress(LoadProgress)
  /// An image gave no row.
  case unreadable(UnreadableImage)
  /// A batch is tried again: why, and how often it was tried.
  case retrying(reason: String, attempt: Int)
  /// Something besides rows is under way: an index is built, statistics are gathered.
  case step(String)
  /// How far the index is that is being built; where the server tells it (PostgreSQL 12 and later).
  case building(IndexProgress)
  /// What would happen to an image of a folder, of a run that only plans.
  case planned(FolderChange)
  /// What the user should know though it stops nothing.
  case warning(String)
}

/// What a load is going to do.
public struct LoadStart: Sendable, Hashable {
  /// The source.
  public var source: String
  /// Numbers in a vector.
  public var dimension: Int
  /// How rows travel, in words.
  public var method: String
  /// Rows in a transaction.
  public var batchRows: Int
  /// Positions in the source where that is known.
  public var expectedCount: Int?
  /// Positions that earlier runs dealt with.
  public var alreadyDone: Int
}

/// How far a load is.
public struct LoadProgress: Sendable, Hashable {
  /// The counts of this run and the runs before it.
  public var counts: LoadCounts
  /// Positions dealt with.
  public var position: Int
  /// Positions in the source where that is known.
  public var expectedCount: Int?
  /// Rows a second in this run.
  public var rate: Double
  /// Until the end, at that rate.
  public var remaining: Duration?
}

/// How far an index is, as the server tells it.
public struct IndexProgress: Sendable, Hashable {
  /// The phase, in the server's words: `building index: loading tuples`.
  public var phase: String
  /// The part of the phase that is done, from 0 to 1, where the server knows it.
  public var share: Double?
}

/// What a load did.
public struct LoadReport: Sendable, Hashable {
  /// The counts of this run and the runs that it went on from.
  public var counts = LoadCounts()
  /// What this run added to them.
  public var thisRun = LoadCounts()
  /// How rows travelled.
  public var method: String
  /// Whether the load had run to its end before, and nothing was done.
  public var wasFinished = false
  /// Whether nothing was written on purpose.
  public var isDryRun = false
  /// What became of the images of a folder; nil for other sources.
  public var changes: FolderChanges?
  /// How long this run took.
  public var duration = Duration.zero
  /// The first images that could not be read, at most a hundred.
  public var unreadable: [UnreadableImage] = []
  /// How many images are equal to others, or look like them, of those that this run looked at.
  public private(set) var duplicateCount = 0
  /// The first of them in the folder's order, at most a hundred.
  public private(set) var duplicates: [DuplicatePair] = []
  /// What the user should know.
  public var warnings: [String]

  init(method: String, warnings: [String]) {
    self.method = method
    self.warnings = warnings
  }

  mutating func add(_ pairs: [DuplicatePair]) {
    (duplicateCount, duplicates) = (pairs.count, Array(pairs.prefix(100)))
  }
}

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

  init(loaded: Int, skipped: Int, replaced: Int, unreadable: Int) {
    (self.loaded, self.skipped, self.replaced, self.unreadable) = (loaded, skipped, replaced, unreadable)
  }

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

  /// Rows and images dealt with: written, skipped or left out.
  public var handled: Int { loaded + skipped + unreadable }
}
