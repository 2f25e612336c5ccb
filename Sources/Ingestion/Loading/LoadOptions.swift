public import ImageSearch
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
  /// Deletes them also when they are so many that a folder which is not mounted is likely: more than a tenth of the
  /// folder's rows, or all.
  public var confirmsDeletions = false
  /// Compares the content of every image, also of those with the recorded size and time of modification.
  public var hashesAll = false
  /// What happens to images that are equal to others of their folder, or look like them; nil compares contents alone, and
  /// embeds images of equal content once.
  public var duplicates: DuplicateSearch?
  /// How a run that stopped is continued, for messages.
  public var wayOn = "go on with --resume"
  /// Whether a run is to say what it would do with each image of a folder, and do nothing.
  public var plansOnly = false

  /// The defaults.
  public init() {}

  /// Rows in a transaction for vectors of a dimension.
  func batchRows(dimension: Int) -> Int {
    batchRows ?? min(max((5 << 20) / max(dimension * 4, 1), 1), 10_000)
  }
}
