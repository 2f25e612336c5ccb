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
    /// Vector indexes that are being built now.
    var buildingIndexes = 0
    /// Bytes of the vector indexes.
    var indexBytes = 0
    /// KiB that the node gives to an index build (`maintenance_work_mem`); nil where it was not asked.
    var buildMemory: Int?
    /// KiB of pages that the node's planner expects in memory (`effective_cache_size`); nil where it was not asked.
    var cache: Int?
    /// Why the node did not answer; nil where it did.
    var problem: String?
    /// True neighbours, on this shard, of the rows that were searched for.
    var neighbors = 0
    /// Those of them that the index found.
    var foundNeighbors = 0
    /// The share that was found; nil where no neighbour lies here.
    var recall: Double? { neighbors > 0 ? Double(foundNeighbors) / Double(neighbors) : nil }
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
      (SELECT count(*) FROM pg_stat_progress_create_index p WHERE p.relid = x.oid),
      coalesce(sum(pg_relation_size(i.indexrelid)), 0),
      (SELECT setting FROM pg_settings WHERE name = 'maintenance_work_mem'),
      (SELECT setting::int8 * (current_setting('block_size')::int8 / 1024) FROM pg_settings
       WHERE name = 'effective_cache_size'))
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
        SELECT p.shardid::text, n.nodename || ':' || n.nodeport, r.success, coalesce(r.result, '')
        FROM run_command_on_shards($1::int8::oid::regclass, $2) r
        JOIN pg_dist_placement p ON p.shardid = r.shardid JOIN pg_dist_node n ON n.groupid = p.groupid
        WHERE n.noderole = 'primary' ORDER BY p.shardid, n.nodeid
        """,
        binds: [.int8(Int64(table.oid)), .text(shardQuery)]
      )
    )
    return try rows.compactMap { row in
      let (name, node, success, result) = try row.decode(String.self, String.self, Bool.self, String.self)
      guard success else { return Shard(name: name, node: node, bytes: 0, problem: result) }
      let numbers = result.split(separator: ",").map { Int($0) ?? 0 }
      guard numbers.count == 10 else { return nil }
      return Shard(
        name: name,
        node: node,
        rows: numbers[0],
        changedRows: numbers[1],
        isAnalyzed: numbers[2] == 1,
        bytes: numbers[3],
        validIndexes: numbers[4],
        invalidIndexes: numbers[5],
        buildingIndexes: numbers[6],
        indexBytes: numbers[7],
        buildMemory: numbers[8],
        cache: numbers[9]
      )
    }
  }

  /// Counts the neighbours of the trials by the shard that they lie on, where the id says which.
  static func counted(
    _ trials: [SearchTrial],
    on shards: [Shard],
    of table: VectorTable,
    by idColumn: Identifier,
    _ connection: PostgresConnection
  ) async throws -> [Shard] {
    let neighbors = trials.flatMap(\.neighbors)
    guard !neighbors.isEmpty, shards.count > 1 else { return shards }
    let rows = try await connection.query(
      Statement(
        """
        SELECT n.id, get_shard_id_for_distribution_column(p.logicalrelid, n.id)::text
        FROM pg_dist_partition p CROSS JOIN unnest($2::text[]) AS n (id)
        WHERE p.logicalrelid = $1::int8::oid::regclass AND p.partmethod = 'h'
          AND column_to_column_name(p.logicalrelid, p.partkey) = $3
        """,
        binds: [
          .int8(Int64(table.oid)), .textArray(Array(Set(neighbors.map(\.id)))), .text(idColumn.name),
        ]
      )
    )
    let places = Dictionary(
      try rows.map { try $0.decode(String.self, String.self) }.map { ($0.0, $0.1) },
      uniquingKeysWith: { first, _ in first }
    )
    return shards.map { shard in
      let own = neighbors.filter { places[$0.id] == shard.name }
      var shard = shard
      (shard.neighbors, shard.foundNeighbors) = (own.count, own.count(where: \.isFound))
      return shard
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
    let silent = facts.shards.filter { $0.problem != nil }
    if let first = silent.first {
      return .wrong(
        "\(silent.count) of \(facts.shards.count) shards do not answer, such as \(first.name) on \(first.node)"
          + "; searches and loads fail without them: \(first.problem ?? "")",
        fix: "start the server at \(first.node), or restore it; then run adbvec doctor again"
      )
    }
    let building = facts.shards.filter { $0.buildingIndexes > 0 }
    if let first = building.first {
      return .skipped(
        "indexes of \(building.count) of \(facts.shards.count) shards are being built, such as \(first.name) on "
          + "\(first.node); look again when they are done"
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
    return recall(facts, table, expectations) ?? unevenness(facts, table, expectations) ?? buildMemory(facts)
      ?? cache(facts) ?? .ok(summary(facts.shards))
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

  /// One shard whose index finds less than the others do: the recall of all is hardly lower for it.
  private static func recall(
    _ facts: Facts,
    _ table: VectorTable,
    _ expectations: Expectations
  ) -> Judgement? {
    let known = facts.shards.filter { $0.neighbors >= 20 }
    guard let worst = known.min(by: { ($0.recall ?? 1) < ($1.recall ?? 1) }), let recall = worst.recall else {
      return nil
    }
    // Of few neighbours a good index misses more by chance: three standard deviations.
    let least = expectations.minimumRecall
    let chance = 3 * (least * (1 - least) / Double(worst.neighbors)).squareRoot()
    guard recall < least - chance else { return nil }
    let others = facts.shards.filter { $0.name != worst.name }
    let (found, wanted) = (
      others.reduce(0) { $0 + $1.foundNeighbors }, others.reduce(0) { $0 + $1.neighbors }
    )
    guard wanted > 0, Double(found) / Double(wanted) >= least else { return nil }
    return .wrong(
      "the index of shard \(worst.name) on \(worst.node) finds \(worst.foundNeighbors) of the \(worst.neighbors) "
        + "true neighbours that lie there, the others \(found) of \(wanted)",
      fix: facts.replacement(of: table.vectorIndexes)
    )
  }

  /// Indexes that do not fit in a node's memory are read from its disk by every search.
  private static func cache(_ facts: Facts) -> Judgement? {
    let nodes = Dictionary(grouping: facts.shards, by: \.node)
    for (node, shards) in nodes.sorted(by: { $0.key < $1.key }) {
      let bytes = shards.reduce(0) { $0 + $1.indexBytes }
      guard let cache = shards.compactMap(\.cache).min(), bytes / 1024 > cache else { continue }
      return .warning(
        "the vector indexes on \(node) take \(bytes >> 20) MB, more than the \(cache >> 10) MB that it expects to keep "
          + "in memory (effective_cache_size)",
        fix:
          "raise effective_cache_size there if its memory is larger; else add a worker with citus_add_node and run "
          + facts.onPrimary("SELECT citus_rebalance_start();")
      )
    }
    return nil
  }

  /// An index is built on the nodes with the rows, with the memory that these give to it.
  private static func buildMemory(_ facts: Facts) -> Judgement? {
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
    text += ", \(megabytes.0 >> 20) to \(megabytes.1 >> 20) MB each"
    let indexes = Dictionary(grouping: shards, by: \.node).mapValues { $0.reduce(0) { $0 + $1.indexBytes } }
    if let most = indexes.values.max(), most > 0, let cache = shards.compactMap(\.cache).min() {
      text +=
        "; vector indexes of \(most >> 20) MB on a node, which expects to keep \(cache >> 10) MB in memory"
    }
    let recalls = shards.compactMap(\.recall)
    guard let least = recalls.min(), let best = recalls.max() else { return text }
    return text + "; recall \(Int(least * 100)) to \(Int(best * 100)) %"
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
