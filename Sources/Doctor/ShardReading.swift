internal import Basics
internal import ImageSearch
internal import PostgresClient
internal import Tuning
internal import VectorSQL

extension Facts {
  /// A part of the table that lies on one node of a cluster: a shard of Citus, a segment's share on Greenplum.
  struct Shard: Sendable, Hashable {
    /// The shard's number, or the segment's.
    var name: String
    /// The node as `host:port`, or the segment.
    var node: String
    /// Rows as the node's statistics know them; nil where only the size is known.
    var rows: Int?
    /// Rows changed since the node's last ANALYZE.
    var changedRows = 0
    /// Rows deleted or replaced, which VACUUM has not removed.
    var deadRows = 0
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

  /// One question to each shard; `%1$s` is its name, quoted. Rows are counted as for a table of one node; those of a
  /// partitioned table lie in the shard's partitions, each of which needs an index of its own.
  private static let shardQuery = """
    WITH RECURSIVE parts AS (
      SELECT $adbvec$%1$s$adbvec$::regclass::oid AS oid UNION ALL
      SELECT h.inhrelid FROM pg_inherits h JOIN parts p ON p.oid = h.inhparent
    ), leaves AS (
      SELECT c.oid, s.n_dead_tup AS dead, s.n_tup_upd, s.n_tup_del, s.n_mod_since_analyze AS modified,
             greatest(c.reltuples, 0)::int8 AS known,
             least(greatest(s.n_live_tup, 0),
                   greatest(s.n_tup_ins - s.n_tup_del, greatest(c.reltuples, 0)::int8)) AS live,
             coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL AS is_analyzed
      FROM parts p JOIN pg_class c ON c.oid = p.oid JOIN pg_stat_all_tables s ON s.relid = c.oid
      WHERE c.relkind = 'r'
    ), indexed AS (
      SELECT l.oid, count(i.indexrelid) FILTER (WHERE i.indisvalid) AS valid,
             count(i.indexrelid) FILTER (WHERE NOT i.indisvalid) AS broken,
             coalesce(sum(pg_relation_size(i.indexrelid)), 0) AS bytes
      FROM leaves l
      LEFT JOIN (pg_index i JOIN pg_class n ON n.oid = i.indexrelid
                 JOIN pg_am m ON m.oid = n.relam AND m.amname IN ('hnsw', 'ivfflat')) ON i.indrelid = l.oid
      GROUP BY l.oid
    )
    SELECT concat_ws(',', coalesce(sum(live), 0),
      coalesce(sum(least(modified, n_tup_upd + n_tup_del + abs(live - known))), 0), coalesce(sum(dead), 0),
      coalesce(bool_and(is_analyzed OR known > 0 OR live = 0), true)::int4,
      coalesce(sum(pg_total_relation_size(oid)), 0),
      (SELECT CASE WHEN min(valid) = 0 THEN 0 ELSE coalesce(sum(valid), 0) END FROM indexed),
      (SELECT coalesce(sum(broken), 0) FROM indexed),
      (SELECT count(*) FROM pg_stat_progress_create_index p JOIN leaves l ON l.oid = p.relid),
      (SELECT coalesce(sum(bytes), 0) FROM indexed),
      (SELECT setting FROM pg_settings WHERE name = 'maintenance_work_mem'),
      (SELECT setting::int8 * (current_setting('block_size')::int8 / 1024) FROM pg_settings
       WHERE name = 'effective_cache_size'))
    FROM leaves
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
      guard numbers.count == 11 else { return nil }
      return Shard(
        name: name,
        node: node,
        rows: numbers[0],
        changedRows: numbers[1],
        deadRows: numbers[2],
        isAnalyzed: numbers[3] == 1,
        bytes: numbers[4],
        validIndexes: numbers[5],
        invalidIndexes: numbers[6],
        buildingIndexes: numbers[7],
        indexBytes: numbers[8],
        buildMemory: numbers[9],
        cache: numbers[10]
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

  /// Greenplum's segments tell the size alone without a scan of the table; the names of it and its partitions, which alone
  /// hold rows, are looked up on each of them.
  private static func segments(_ table: VectorTable, _ connection: PostgresConnection) async throws -> [Shard]
  {
    let parts = try await connection.query(
      Statement(
        """
        WITH RECURSIVE parts AS (
          SELECT $1::int8::oid AS oid UNION ALL
          SELECT h.inhrelid FROM pg_inherits h JOIN parts p ON p.oid = h.inhparent
        ) SELECT oid::regclass::text FROM parts
        """,
        binds: [.int8(Int64(table.oid))]
      )
    ).map { try $0.value(at: 0, as: String.self) }
    let size = parts.map { "pg_total_relation_size(\(SQLValue.text($0).literal))" }.joined(separator: " + ")
    let rows = try await connection.query(
      Statement(
        trusted: "SELECT gp_segment_id::text, \(size) FROM gp_dist_random('gp_id') ORDER BY gp_segment_id + 0"
      )
    )
    return try rows.map { row in
      let (segment, bytes) = try row.decode(String.self, Int64.self)
      return Shard(name: segment, node: "segment \(segment)", bytes: Int(bytes))
    }
  }

  /// How Citus has placed a table, as far as its shards do not tell.
  struct Placement: Sendable, Hashable {
    /// The column by which rows are spread; nil for a replicated table.
    var column: String?
    /// Unique indexes without the id, so that rows cannot be spread by it.
    var keysWithoutID: [String] = []
    /// The nodes that shards may lie on, as `host:port`.
    var nodes: [String] = []
    /// Whether shards can be moved while they are written to (`wal_level = logical`).
    var movesWhileWritten = true
  }

  static func placement(
    _ table: VectorTable,
    idColumn: Identifier,
    _ server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws -> Placement {
    guard server.engine.placement == .function else { return Placement() }
    let rows = try await connection.query(
      Statement(
        """
        SELECT (SELECT column_to_column_name(p.logicalrelid, p.partkey) FROM pg_dist_partition p
                WHERE p.logicalrelid = $1::int8::oid AND p.partmethod = 'h'),
               ARRAY(SELECT i.indexrelid::regclass::text FROM pg_index i
                     WHERE i.indrelid = $1::int8::oid AND i.indisunique AND NOT EXISTS (
                       SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = $2
                       AND a.attnum = ANY (i.indkey::int2[]))),
               ARRAY(SELECT nodename || ':' || nodeport FROM pg_dist_node
                     WHERE noderole = 'primary' AND isactive AND shouldhaveshards ORDER BY nodeid),
               current_setting('wal_level') = 'logical'
        """,
        binds: [.int8(Int64(table.oid)), .text(idColumn.name)]
      )
    )
    guard
      let (column, keys, nodes, isLogical) = try rows.first?.decode(
        String?.self,
        [String].self,
        [String].self,
        Bool.self
      )
    else { return Placement() }
    return Placement(column: column, keysWithoutID: keys, nodes: nodes, movesWhileWritten: isLogical)
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
