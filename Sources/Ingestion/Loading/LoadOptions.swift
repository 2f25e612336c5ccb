public import ImageSearch
internal import PostgresClient
public import VectorSQL

/// How rows are written.
public struct LoadOptions: Sendable, Hashable {
  /// The way rows travel; open, so that a new one breaks nobody's switch.
  public struct Method: Sendable, Hashable, CustomStringConvertible {
    /// The method's name, as options spell it.
    public let description: String

    /// The server and the conflict policy decide.
    public static let automatic = Method(description: "auto")
    /// Prepared multi-row INSERT with binary parameters, pipelined.
    public static let insert = Method(description: "insert")
    /// Binary COPY; through a temporary table when a conflict policy is asked for.
    public static let copy = Method(description: "copy")
    /// Every method.
    public static let all: [Method] = [.automatic, .insert, .copy]
  }

  /// What happens to a row whose id is in the table already.
  public enum ConflictPolicy: String, Sendable, Hashable, CaseIterable {
    /// The load stops.
    case fail
    /// The row in the table stays.
    case skip
    /// The row in the table is replaced.
    case update
  }

  /// What happens to the record of an earlier run of the same source into the same table.
  public enum Continuation: String, Sendable, Hashable, CaseIterable {
    /// A finished load is left as it is; an unfinished one is refused until one of the others is chosen.
    case ask
    /// Goes on where it stopped.
    case resume
    /// Forgets the record and starts over.
    case restart
    /// Keeps no record at all, and writes no table but the target.
    case untracked
  }

  /// What happens to the table's vector indexes. Building one behind a load is several times faster than filling it
  /// row by row, but until then searches have none.
  public enum IndexPolicy: String, Sendable, Hashable, CaseIterable {
    /// Indexes stay and are filled.
    case keep
    /// Indexes are dropped first and built again at the end, also by the run that goes on after a stop.
    case `defer`
    /// Deferred when the table is empty, so that no search can miss them, and many rows come.
    case automatic = "auto"
  }

  /// The way rows travel.
  public var method = Method.automatic
  /// What happens to rows that are in the table already; nil takes what the load that goes on began with, else `fail`.
  public var onConflict: ConflictPolicy?
  /// What happens to the record of an earlier run.
  public var continuation = Continuation.ask
  /// Rows in a transaction; nil sizes them to about 5 MiB of vectors.
  public var batchRows: Int?
  /// Rows in one INSERT.
  public var statementRows = 100
  /// Connections that write side by side.
  public var connections = 1
  /// Most rows a second; nil for no limit.
  public var rateLimit: Double?
  /// How often a batch is tried again after the connection broke or the server asked for it.
  ///
  /// Pauses grow from a fifth of a second to three seconds: ten attempts outlast a restart of half a minute.
  public var retries = 10
  /// The longest that one batch may take before its connection is given up; nil waits for ever.
  public var batchTimeout: Duration? = .seconds(300)
  /// How long a run waits for another one of the same load to end.
  public var lockPatience = Duration.seconds(10)
  /// Whether vector indexes are filled row by row or built behind the load.
  public var indexes = IndexPolicy.automatic
  /// Runs ANALYZE at the end.
  public var analyzes = true
  /// Checks everything and writes nothing.
  public var isDryRun = false
  /// The metric that searches will use; a table whose indexes all serve others is refused. Nil takes any.
  public var metric: Metric?
  /// What makes the embeddings: rows of another recipe in the same column are refused. Nil asks the source for it, when
  /// an image has to be embedded.
  public var recipe: Recipe?
  /// What happens to the rows of images that are not in their folder any more.
  public var deleted = DeletedImages.keep
  /// Deletes them also when they are more than a tenth of the folder's rows, or all, and the folder may not be mounted.
  public var confirmsDeletions = false
  /// Compares the content of every image, also of those with the recorded size and time of modification.
  public var hashesAll = false
  /// What happens to images that are equal to others of their folder, or look like them; nil compares contents alone, and
  /// embeds images of equal content once.
  public var duplicates: DuplicateSearch?
  /// How a run that stopped is continued, for messages.
  public var resumeAdvice = "go on with --resume"
  /// Whether a run is to say what it would do with each image of a folder, and do nothing.
  public var plansOnly = false

  /// The defaults.
  public init() {}

  /// Rows in a transaction for vectors of a dimension.
  ///
  /// A commit in two phases takes as long as 5 MiB of vectors (40 ms on 8 shards), so that there a transaction has up to four
  /// times as many; each connection still gets two of them.
  func batchRows(dimension: Int, on engine: Engine, expected: Int?) -> Int {
    if let batchRows { return batchRows }
    let rows = min(max((5 << 20) / max(dimension * 4, 1), 1), 10_000)
    guard engine.commitsInTwoPhases else { return rows }
    let share = expected.map { $0 / (2 * max(connections, 1)) } ?? .max
    return min(max(rows, share), 4 * rows)
  }
}

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
  /// Of the rows that were skipped, those that a trigger or a rule of the table has left out.
  public var leftOutByTable = 0

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

/// What happens to the rows of images that are not in their folder any more.
public enum DeletedImages: String, Sendable, Hashable, CaseIterable {
  /// They stay.
  case keep
  /// They stay, and the journal says since when the images are missing.
  case flag
  /// They are deleted.
  case delete
}
