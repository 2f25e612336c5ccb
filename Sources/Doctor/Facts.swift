public import ImageSearch
public import PostgresClient
public import VectorSQL

/// What was read of a server, a table, its index and a sample of searches: all that the checks judge.
public struct Facts: Sendable {
  /// What the server is.
  public var server: ServerCapabilities
  /// The database's name.
  public var database: String
  /// Operator classes of the vector index methods in this database.
  public var operatorClasses: Set<OperatorClass> = []
  /// The table; nil when it is not there.
  public var table: VectorTable?
  /// A look at the first vectors.
  public var vectors: VectorCensus?
  /// What the server keeps of the table for its planner.
  public var statistics: TableStatistics?
  /// The plan of a search.
  public var plan: SearchPlan?
  /// The search settings in force for a new session, by name.
  public var settings: [String: String] = [:]
  /// Searches made by the index and exactly.
  public var trials: [SearchTrial] = []
  /// Why searches could not be tried, in the server's words.
  public var searchError: String?
  /// The user's own statement as the server would run it; nil when there is none, or it cannot be planned.
  public var statementPlan: StatementPlan?

  /// Facts of a server.
  public init(server: ServerCapabilities, database: String) {
    self.server = server
    self.database = database
  }

  /// An operator class and the index method that it belongs to.
  public struct OperatorClass: Sendable, Hashable {
    let method: String
    let name: String

    /// A class of a method.
    public init(method: String, name: String) {
      self.method = method
      self.name = name
    }
  }

  /// How many vectors were looked at, and how long they are.
  public struct VectorCensus: Sendable, Hashable {
    var rows: Int
    var vectors: Int
    var leastDimension: Int?
    var greatestDimension: Int?

    /// A look at some rows.
    public init(rows: Int, vectors: Int, leastDimension: Int?, greatestDimension: Int?) {
      self.rows = rows
      self.vectors = vectors
      self.leastDimension = leastDimension
      self.greatestDimension = greatestDimension
    }
  }

  /// The planner's knowledge of a table (`pg_stat_all_tables`, `pg_class`).
  public struct TableStatistics: Sendable, Hashable {
    var liveRows: Int
    var changedRows: Int
    var isAnalyzed: Bool

    /// Statistics of a table.
    public init(liveRows: Int, changedRows: Int, isAnalyzed: Bool) {
      self.liveRows = liveRows
      self.changedRows = changedRows
      self.isAnalyzed = isAnalyzed
    }
  }

  /// What the server said of the user's own statement.
  public enum StatementPlan: Sendable, Hashable {
    /// The lines of `EXPLAIN`.
    case lines([String])
    /// The server's error, or why it was not asked.
    case refused(String)
  }
}
