internal import Basics
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Facts {
  /// A part of the table that lies on one node of a cluster: a shard of Citus, a segment's share on Greenplum.
  public struct Shard: Sendable, Hashable {
    /// The shard's number, or the segment's.
    var name: String
    /// The node as `host:port`, or the segment.
    var node: String
    /// Rows as the node's statistics know them; nil where only the size is known.
    var rows: Int?
    /// Rows changed since the node's last ANALYZE.
    var changedRows = 0
    /// Whether the node's planner knows the rows.
    var isAnalyzed = true
    /// Bytes on disk, indexes included.
    var bytes: Int
    /// Vector indexes that queries may use.
    var validIndexes = 0
    /// Vector indexes that a failed build left.
    var invalidIndexes = 0
    /// KiB that the node gives to an index build (`maintenance_work_mem`); nil where it was not asked.
    var buildMemory: Int?
  }

  /// What is known of the table's shards; empty on one node, for a table of the coordinator, and where nothing can be read.
  static func shards(
    _ table: VectorTable,
    _ server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws -> [Shard] {
    do {
      switch server.engine.placement {
      case .none: return []
      case .function: return try await citusShards(table, connection)
      case .clause: return try await segments(table, connection)
      }
    } catch let error as PostgresError where !error.isConnectionProblem {
      return []
    }
  }

  /// One question to each shard; `%1$s` is its name, quoted. Rows are counted as for a table of one node.
  private static let shardQuery = """
    SELECT concat_ws(',', x.live, least(x.modified, x.n_tup_upd + x.n_tup_del + abs(x.live - x.known)),
      (x.is_analyzed OR x.known > 0 OR x.live = 0)::int4, pg_total_relation_size(x.oid),
      count(i.indexrelid) FILTER (WHERE i.indisvalid), count(i.indexrelid) FILTER (WHERE NOT i.indisvalid),
      (SELECT setting FROM pg_settings WHERE name = 'maintenance_work_mem'))
    FROM (
      SELECT c.oid, s.n_tup_upd, s.n_tup_del, s.n_mod_since_analyze AS modified, greatest(c.reltuples, 0)::int8 AS known,
             least(greatest(s.n_live_tup, 0),
                   greatest(s.n_tup_ins - s.n_tup_del, greatest(c.reltuples, 0)::int8)) AS live,
             coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL AS is_analyzed
      FROM pg_class c JOIN pg_stat_all_tables s ON s.relid = c.oid
      WHERE c.oid = $adbvec$%1$s$adbvec$::regclass
    ) x
    LEFT JOIN (pg_index i JOIN pg_class n ON n.oid = i.indexrelid
               JOIN pg_am m ON m.oid = n.relam AND m.amname IN ('hnsw', 'ivfflat')) ON i.indrelid = x.oid
    GROUP BY x.oid, x.live, x.modified, x.n_tup_upd, x.n_tup_del, x.known, x.is_analyzed
    """

  private static func citusShards(_ table: VectorTable, _ connection: PostgresConnection) async throws
    -> [Shard]
  {
    let rows = try await connection.query(
      Statement(
        """
        SELECT p.shardid::text, n.nodename || ':' || n.nodeport, r.result
        FROM run_command_on_shards($1::int8::oid::regclass, $2) r
        JOIN pg_dist_placement p ON p.shardid = r.shardid JOIN pg_dist_node n ON n.groupid = p.groupid
        WHERE r.success AND n.noderole = 'primary' ORDER BY p.shardid, n.nodeid
        """,
        binds: [.int8(Int64(table.oid)), .text(shardQuery)]
      )
    )
    return try rows.compactMap { row in
      let (name, node, result) = try row.decode(String.self, String.self, String.self)
      let numbers = result.split(separator: ",").map { Int($0) ?? 0 }
      guard numbers.count == 7 else { return nil }
      return Shard(
        name: name,
        node: node,
        rows: numbers[0],
        changedRows: numbers[1],
        isAnalyzed: numbers[2] == 1,
        bytes: numbers[3],
        validIndexes: numbers[4],
        invalidIndexes: numbers[5],
        buildMemory: numbers[6]
      )
    }
  }

  /// Greenplum's segments tell the size alone without a scan of the table; the name is looked up on each of them.
  private static func segments(_ table: VectorTable, _ connection: PostgresConnection) async throws -> [Shard]
  {
    let name = SQLValue.text(table.name.quoted).literal
    let rows = try await connection.query(
      Statement(
        trusted:
          "SELECT gp_segment_id::text, pg_total_relation_size(\(name)) FROM gp_dist_random('gp_id') ORDER BY 1"
      )
    )
    return try rows.map { row in
      let (segment, bytes) = try row.decode(String.self, Int64.self)
      return Shard(name: segment, node: "segment \(segment)", bytes: Int(bytes))
    }
  }

  /// The numbers that the planners of the nodes keep, added up; nil where only sizes are known.
  static func statistics(of shards: [Shard]) -> TableStatistics? {
    // Copies of one shard, as those of a replicated table, count once.
    let first = Dictionary(shards.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }).values
    guard !first.isEmpty, first.allSatisfy({ $0.rows != nil }) else { return nil }
    return TableStatistics(
      liveRows: first.reduce(0) { $0 + ($1.rows ?? 0) },
      changedRows: first.reduce(0) { $0 + $1.changedRows },
      isAnalyzed: first.allSatisfy(\.isAnalyzed)
    )
  }
}

extension Check {
  /// Whether the table lies evenly on the nodes, with a valid index on each of its shards.
  static let shards = Check(name: "shards") { facts, expectations in
    guard let table = facts.table else { return .skipped(noColumn) }
    guard !facts.shards.isEmpty else {
      guard facts.server.engine.placement == .function, table.kind == .table else {
        return .skipped("the nodes' parts of the table could not be read")
      }
      let id = SQLValue.text(expectations.table.idColumn.name).literal
      return .warning(
        "the table lies on the coordinator alone; the workers have no part in it",
        fix: facts.asOwner(
          "SELECT create_distributed_table(\(SQLValue.text(table.name.quoted).literal), \(id));"
        )
      )
    }
    let broken = facts.shards.filter { $0.invalidIndexes > 0 }
    if let first = broken.first {
      return .wrong(
        "\(broken.count) of \(facts.shards.count) shards have an index that a failed build left, such as \(first.name) on "
          + first.node,
        fix: facts.replacement(of: table.vectorIndexes)
      )
    }
    let bare = facts.shards.filter { $0.validIndexes == 0 && $0.rows != nil }
    if let first = bare.first, !table.vectorIndexes.isEmpty {
      return .wrong(
        "\(bare.count) of \(facts.shards.count) shards have no vector index, such as \(first.name) on \(first.node)",
        fix: facts.replacement(of: table.vectorIndexes)
      )
    }
    return unevenness(facts, table, expectations) ?? memory(facts) ?? .ok(summary(facts.shards))
  }

  /// Small shards differ by chance.
  private static let smallRows = 1000
  private static let smallBytes = 16 << 20

  /// One shard, or one node, with much more than the mean: every search waits for the slowest.
  private static func unevenness(_ facts: Facts, _ table: VectorTable, _ expectations: Expectations)
    -> Judgement?
  {
    func share(_ values: [Int], above small: Int) -> Double? {
      guard values.count > 1, let largest = values.max() else { return nil }
      let mean = values.reduce(0, +) / values.count
      return mean > small ? Double(largest) / Double(mean) : nil
    }
    let name = table.name.quoted
    let rows = facts.shards.compactMap(\.rows)
    let parts =
      rows.count == facts.shards.count
      ? share(rows, above: smallRows) : share(facts.shards.map(\.bytes), above: smallBytes)
    let column = expectations.table.idColumn
    if let parts, parts > 1.5 {
      let fix =
        facts.server.engine.placement == .function
        ? "SELECT alter_distributed_table(\(SQLValue.text(name).literal), distribution_column => "
          + "\(SQLValue.text(column.name).literal));"
        : "ALTER TABLE \(name) SET DISTRIBUTED BY (\(column.quoted));"
      return .warning(
        "the largest part has \(String(printf: "%.1f", parts)) times the mean, and every search waits for it",
        fix: facts.asOwner(fix)
      )
    }
    let nodes = Dictionary(grouping: facts.shards, by: \.node).mapValues { $0.reduce(0) { $0 + $1.bytes } }
    guard facts.server.engine.placement == .function,
      let nodes = share(Array(nodes.values), above: smallBytes),
      nodes > 1.5
    else { return nil }
    return .warning(
      "the fullest node has \(String(printf: "%.1f", nodes)) times the mean",
      fix: facts.onPrimary("SELECT citus_rebalance_start();")
    )
  }

  /// An index is built on the nodes with the rows, with the memory that these give to it.
  private static func memory(_ facts: Facts) -> Judgement? {
    let known = Dictionary(
      facts.shards.compactMap { shard in shard.buildMemory.map { (shard.node, $0) } },
      uniquingKeysWith: { first, _ in first }
    )
    guard let least = known.min(by: { $0.value < $1.value }), let most = known.values.max(),
      least.value < most
    else { return nil }
    let setting = "ALTER SYSTEM SET maintenance_work_mem = \(SQLValue.text("\(most)kB").literal)"
    return .warning(
      "\(least.key) builds its indexes with \(least.value / 1024) MB, another node with \(most / 1024) MB "
        + "(maintenance_work_mem)",
      fix: facts.onPrimary(
        "SELECT run_command_on_workers($$\(setting)$$), run_command_on_workers('SELECT pg_reload_conf()');"
      )
    )
  }

  private static func summary(_ shards: [Facts.Shard]) -> String {
    let nodes = Set(shards.map(\.node)).count
    let bytes = shards.map(\.bytes)
    var text = "\(shards.count) on \(nodes) \(nodes == 1 ? "node" : "nodes")"
    let rows = shards.compactMap(\.rows)
    if rows.count == shards.count, let least = rows.min(), let most = rows.max() {
      text += ", \(least) to \(most) rows"
    }
    let megabytes = (bytes.min() ?? 0, bytes.max() ?? 0)
    return text + ", \(megabytes.0 >> 20) to \(megabytes.1 >> 20) MB each"
  }
}

extension Facts {
  /// Drops indexes wherever they are left and makes them again on every shard.
  fileprivate func replacement(of indexes: [VectorTable.Index]) -> String {
    asOwner(
      indexes.map { "DROP INDEX CONCURRENTLY IF EXISTS \($0.name); \($0.definition);" }.joined(separator: " ")
    )
  }
}
