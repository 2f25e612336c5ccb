/// What an engine does in its own way: where rows lie, how it commits, how settings reach its nodes, what a load can
/// count on.
///
/// A value per product, so that behaviour asks what an engine does and not what it is called.
public struct Engine: Sendable, Hashable {
  /// How a table's rows are placed.
  public var placement: PlacementSyntax = .none
  /// Whether a commit is made in two phases, so that it must wait for the disk: a crash between them would leave some
  /// nodes with the transaction and others without it.
  public var commitsInTwoPhases = false
  /// What is run in a transaction before settings that the nodes with the rows have to follow; nil where settings reach
  /// them by themselves.
  public var settingsPrelude: String?
  /// What is set in a transaction that changes a table together with its triggers, behind ``settingsPrelude``.
  public var triggerSettings: [String] = []
  /// Whether an index serves each row of a `LATERAL` join.
  public var servesLateral = true
  /// Whether `FETCH FIRST … WITH TIES` is understood, given a base of PostgreSQL 13.
  public var knowsTies = true
  /// Whether `INSERT … ON CONFLICT … RETURNING xmax = 0` tells new rows from replaced ones.
  public var tellsReplacedRows = true
  /// Whether a temporary table can be joined with the target.
  public var joinsTemporaryTables = true
  /// Whether `EXPLAIN` takes parameters.
  public var explainsParameters = true
  /// Whether `CREATE INDEX CONCURRENTLY` works.
  public var buildsConcurrently = true
  /// The SQLSTATEs, beside those of a broken connection, with which a transaction ends that lost another node; it is rolled
  /// back on all nodes, and may succeed when the node is there again.
  public var statesOfLostNodes: Set<String> = []

  /// How a table's rows are placed.
  public enum PlacementSyntax: Sendable, Hashable {
    /// There is one node.
    case none
    /// By `DISTRIBUTED BY` behind `CREATE TABLE` (Greenplum, Cloudberry, AnalyticDB).
    case clause
    /// By a function, called when the table is there: `create_distributed_table` (Citus).
    case function
  }

  /// PostgreSQL on one node.
  public static let singleNode = Engine()

  /// The coordinator of segments: Greenplum, Cloudberry, AnalyticDB.
  public static let segments: Engine = {
    var engine = Engine()
    engine.placement = .clause
    engine.commitsInTwoPhases = true
    engine.servesLateral = false
    engine.knowsTies = false
    // The system column holds something else in a row that a segment returns.
    engine.tellsReplacedRows = false
    engine.buildsConcurrently = false
    engine.statesOfLostNodes = ["58M01"]
    return engine
  }()

  /// The coordinator of a Citus cluster.
  public static let citus: Engine = {
    var engine = Engine()
    engine.placement = .function
    engine.commitsInTwoPhases = true
    engine.settingsPrelude = "SET LOCAL citus.propagate_set_commands = 'local'"
    // A trigger that looks at nothing but its row does the same on a shard.
    engine.triggerSettings = [
      "SET LOCAL citus.multi_shard_modify_mode = 'sequential'", "SET LOCAL citus.enable_unsafe_triggers = on",
    ]
    engine.servesLateral = false
    engine.joinsTemporaryTables = false
    engine.explainsParameters = false
    // It passes on what its own connections meet: a COPY to a shard that ended, an invalid socket, a connection of the
    // transaction that is gone, the last words of a server whose parent process was killed.
    engine.statesOfLostNodes = ["58030", "XX000"]
    return engine
  }()
}

extension ServerCapabilities {
  /// What the product does in its own way.
  public var engine: Engine {
    switch product {
    case .citus: .citus
    case .analyticDB, .greenplum, .cloudberry: .segments
    default: .singleNode
    }
  }

  /// The node of a cluster that a session is on.
  public enum Node: Sendable, Hashable {
    /// The one that clients connect to: the coordinator, or the only node.
    case entry
    /// A worker of a Citus cluster; the coordinator as `host:port`, where the worker knows it.
    case worker(coordinator: String?)
    /// One node of Greenplum in utility mode (`gp_session_role=utility`), which sees that node's rows alone.
    case utility
  }

  /// Why work on this session would go astray, and what to do instead; nil on the node that clients connect to.
  public var wrongNode: (problem: String, fix: String)? {
    switch node {
    case .entry: nil
    case .worker(let coordinator):
      (
        "the server is a worker of a Citus cluster: what is kept beside the tables (migrations, loads, recipes) is on the "
          + "coordinator",
        "connect to the coordinator" + (coordinator.map { ", \($0)" } ?? "")
      )
    case .utility:
      (
        "the session is in utility mode, which sees the rows of one node alone",
        "remove gp_session_role=utility (gp_role) from the URL's options and PGOPTIONS"
      )
    }
  }

  /// Refuses a session on which work would go astray.
  /// - Throws: `PostgresError` with code `wrongNode`.
  package func requireEntryNode() throws(PostgresError) {
    guard let (problem, fix) = wrongNode else { return }
    throw PostgresError(code: .wrongNode, message: problem, hint: fix)
  }
}

extension PostgresConnection {
  /// Sets settings until the transaction ends, also on the nodes with the rows: `SET LOCAL name = value`, without values of
  /// users.
  package func setLocally(_ settings: [String]) async throws {
    guard !settings.isEmpty else { return }
    let prelude = try await capabilities().engine.settingsPrelude
    try await run(trusted: ([prelude].compactMap(\.self) + settings).joined(separator: "; "))
  }

  /// Completes what an interrupted commit in two phases left on other nodes. The engine does so by itself about once a
  /// minute; until then its locks stand in the way. A user without the right waits for that.
  package func completePreparedTransactions() async throws {
    guard try await capabilities().engine.placement == .function else { return }
    do {
      try await run("SELECT recover_prepared_transactions()")
    } catch let error as PostgresError where error.sqlState == "42501" {}
  }
}
