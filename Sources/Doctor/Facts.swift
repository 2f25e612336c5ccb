internal import ImageSearch
internal import PostgresClient
internal import SQLLexer
internal import Tuning
internal import VectorSQL

/// What was read of a server, a table, its index and a sample of searches: all that the checks judge.
struct Facts: Sendable {
  /// What the server is.
  var server: ServerCapabilities
  /// The database's name.
  var database: String
  /// The role that asks.
  var role = ""
  /// Whether the session may change the database's settings.
  var ownsDatabase = true
  /// The extensions whose files are on the server, by name.
  var extensionFiles: [String: ExtensionFiles] = [:]
  /// Operator classes of the vector index methods in this database.
  var operatorClasses: Set<OperatorClass> = []
  /// The table; nil when it does not exist.
  var table: VectorTable?
  /// The migrations that the history holds as applied; read only where there is no table.
  var appliedMigrations: [String] = []
  /// The table's partitions or children, one level down.
  var parts: [Part] = []
  /// Whether the table is one of Greenplum's append-optimised ones, which compress rows and have no pages of their own size.
  var isAppendOptimised = false
  /// Builds of the table's indexes that run now.
  var builds: [IndexBuild] = []
  /// What loads have recorded of how the vectors were made.
  var recipe: RecordedRecipe?
  /// A look at the first vectors.
  var vectors: VectorCensus?
  /// The table's parts on the nodes of a cluster.
  var shards: [Shard] = []
  /// How a cluster has placed the table.
  var placement = Placement()
  /// Vectors taken at random, and what their images give today.
  var sample: VectorSample?
  /// What the server keeps of the table for its planner.
  var statistics: TableStatistics?
  /// The plan of a search.
  var plan: SearchPlan?
  /// The search settings in force for a new session, by name.
  var settings: [String: String] = [:]
  /// Searches made by the index, where one can be used, and exactly.
  var trials: [SearchTrial] = []
  /// The index that a search uses when the planner has no cheaper way; nil where no index can serve it.
  var forcedIndex: String?
  /// Why searches could not be tried, in the server's words.
  var searchError: String?
  /// Whether that was a right that the role lacks; its rows are then not looked at either.
  var lacksRight = false
  /// The user's own statement as the server would run it; nil when there is none, or it cannot be planned.
  var statementPlan: StatementPlan?

  /// An operator class and the index method that it belongs to.
  struct OperatorClass: Sendable, Hashable {
    let method: String
    let name: String
  }

  /// An extension that the server could install.
  struct ExtensionFiles: Sendable, Hashable {
    var version: String
    var mayCreate: Bool
  }

  /// A partition or child of the table.
  struct Part: Sendable, Hashable {
    var name: String
    var indexes: [Index] = []

    /// A vector index of a partition; `parent` is the index of the whole table that it is attached to.
    struct Index: Sendable, Hashable {
      var name: String
      var parent: String?
      var isValid: Bool
      var definition: String
    }
  }

  /// A running `CREATE INDEX` or `REINDEX`.
  struct IndexBuild: Sendable, Hashable {
    var index: String
    var pid: Int
  }

  /// What the first vectors look like.
  struct VectorCensus: Sendable, Hashable {
    var rows: Int
    var vectors: Int
    var zeros = 0
    var leastDimension: Int?
    var greatestDimension: Int?
    /// A query that counts the rows of each dimension.
    var rowsByDimension = ""
    /// A query that finds the zero vectors.
    var rowsOfZero = ""
  }

  /// The planner's knowledge of a table (`pg_stat_all_tables`, `pg_class`).
  struct TableStatistics: Sendable, Hashable {
    var liveRows: Int
    var changedRows: Int
    var isAnalyzed: Bool
  }

  /// What the server said of the user's own statement.
  enum StatementPlan: Sendable, Hashable {
    /// The lines of `EXPLAIN`.
    case lines([String])
    /// The server's error, or why it was not asked.
    case refused(String)
  }
}

extension Check {
  /// A statement of the user's own: obstacles in its text, then what the server would do.
  static let statement = Check(name: "statement") { facts, expectations in
    guard let text = expectations.statement else { return .skipped("none was given") }
    let obstacles = IndexObstacles(
      text,
      dialect: expectations.dialect,
      column: expectations.table.vectorColumn
    ).obstacles
    if !obstacles.isEmpty {
      return .wrong(
        obstacles.map(\.message).joined(separator: "; "),
        fix: obstacles.map(\.fix).joined(separator: "; ")
      )
    }
    switch facts.statementPlan {
    case nil: return .skipped("the server was not asked")
    case .refused(let reason): return .wrong(reason, fix: "pass one SELECT that this server accepts")
    case .lines(let lines):
      guard let index = SearchPlan.orderingIndex(in: lines) else {
        return .wrong(
          "the server would not use a vector index for it",
          fix: "order by the operator of the index's metric, with a constant or parameter of the column's "
            + "type on the other side, and a LIMIT; EXPLAIN shows the plan"
        )
      }
      return .ok("the server would use \(index)")
    }
  }
}
