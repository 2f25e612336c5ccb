internal import FoundationEssentials
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

/// What follows the rows: indexes and statistics.
struct LoadFinish: Sendable {
  let job: LoadJob
  let connection: PostgresConnection
  let server: ServerCapabilities

  /// Builds indexes that were dropped, and gives them back what their definitions do not hold; those that exist by now
  /// are left alone.
  func buildIndexes(_ record: LoadRecord, rows: Int, dimension: Int) async throws {
    guard !record.deferredIndexes.isEmpty else { return }
    try await awaitOrphanedBuild()
    let present = try await TargetTable.read(job.target, on: connection).vectorIndexes.map(\.definition)
    for definition in record.deferredIndexes where !present.contains(definition) {
      let build = IndexBuild(definition: definition, job: job, connection: connection, server: server)
      try await build.perform(rows: rows, dimension: dimension)
    }
    for statement in record.indexRestores {
      do {
        try await connection.run(trusted: statement)
      } catch let error as PostgresError where !error.isConnectionProblem {
        job.onEvent(.warning("the index is built, but this failed: \(statement): \(error.message)"))
      }
    }
  }

  /// Waits for a build of an index on the table that a killed run left behind: the server goes on with it.
  private func awaitOrphanedBuild() async throws {
    var isTold = false
    while let (backend, seconds) = try await orphanedBuild() {
      if !isTold {
        job.onEvent(
          .warning(
            "the server still builds an index on \(job.target.table.quoted) that an earlier run began \(seconds) s ago "
              + "(backend \(backend)); waiting for it. Fix: to end it, SELECT pg_cancel_backend(\(backend))"
          )
        )
      }
      isTold = true
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  private func orphanedBuild() async throws -> (backend: Int32, seconds: Int)? {
    let rows = try await connection.query(
      Statement(
        """
        SELECT a.pid, extract(epoch FROM now() - a.query_start)::int8
        FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE l.mode IN ('ShareLock', 'ShareUpdateExclusiveLock') AND l.granted AND a.pid <> pg_backend_pid()
          AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
          AND c.relname = $1 AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2 END
          AND a.query ILIKE '%create%index%'
        """,
        binds: [
          .text(job.target.table.name.name), job.target.table.schema.map { .text($0.name) } ?? .null,
        ]
      )
    )
    guard let row = rows.first else { return nil }
    let (backend, seconds) = try row.decode(Int32.self, Int.self)
    return (backend, seconds)
  }

  /// Sets the sequence behind the id column above the largest id, so that the next row of another program gets a free
  /// one.
  func advanceSequence(_ table: TargetTable) async throws {
    guard let sequence = table.facts.sequence, table.idIsNumber else { return }
    let id = table.target.idColumn
    do {
      // The catalogue gives the sequence's name as SQL writes it.
      try await connection.query(
        sql: """
          SELECT setval(\(sequence)::text::regclass, m.largest)
          FROM (SELECT max(\(id: id))::int8 AS largest FROM \(table: table.catalog.name)) m
          WHERE m.largest > (SELECT last_value FROM \(SQL(trusted: sequence))) AND m.largest > 0
          """
      )
    } catch let error as PostgresError where !error.isConnectionProblem {
      job.onEvent(
        .warning(
          "the sequence \(sequence) was not set above the loaded ids (\(error.message)); the next generated id may be "
            + "taken. Fix: SELECT setval('\(sequence)', (SELECT max(\(id.quoted)) FROM \(table.catalog.name.quoted)))"
        )
      )
    }
  }

  /// Gathers statistics. The elements of a `real[]` are left out: counting them takes longer than loading them, and no
  /// plan asks for them.
  func analyze(_ check: TableCheck) async throws {
    guard job.options.analyzes else { return }
    let target = job.target
    job.onEvent(.step("gathering statistics"))
    let columns =
      [.float4Array, .float8Array].contains(check.vectorType)
      ? [target.idColumn, target.labelColumn] : [target.idColumn, target.labelColumn, target.vectorColumn]
    let list = columns.map(SQL.identifier).joined(separator: ", ")
    do {
      try await connection.query(sql: "ANALYZE \(table: target.table) (\(list))")
    } catch let error as PostgresError where error.sqlState == "42501" {
      job.onEvent(.warning("only the owner may ANALYZE \(target.table.quoted); ask for it to be run"))
    }
  }
}

/// Builds one index with settings of its own, and tells how far it is.
struct IndexBuild: Sendable {
  let definition: String
  let job: LoadJob
  let connection: PostgresConnection
  let server: ServerCapabilities

  /// Memory that the build wants, in KiB: hnsw builds several times slower once its graph has outgrown
  /// `maintenance_work_mem`: about 900 bytes a row beside the vector, measured with pgvector 0.8.
  static func memory(rows: Int, dimension: Int) -> Int {
    min(rows * (dimension * 4 + 900) / 1024 * 11 / 10 + 16 * 1024, mostMemory)
  }

  /// 2 GiB, in KiB.
  private static let mostMemory = 2 * 1024 * 1024 - 1

  /// Builds it in one transaction, whose settings end with it.
  func perform(rows: Int, dimension: Int) async throws {
    job.onEvent(.step("building an index: \(definition)"))
    let shards = try await Shards.read(of: job.target.table.quoted, connection, server)
    let wanted = Self.memory(rows: rows / (shards?.count ?? 1), dimension: dimension)
    let memory = Self.setting(
      wanted: wanted,
      nodes: try await memoryOfNodes(shards),
      atOnce: shards?.atOnce ?? 1,
      free: Self.availableMemory
    )
    let settings = memory.map { ["SET LOCAL maintenance_work_mem = \($0)"] } ?? []
    do {
      try await build(settings, shards)
    } catch let error as PostgresError where lacksSharedMemory(error) {
      // Workers share the graph in /dev/shm, which a container often has only 64 MB of.
      job.onEvent(
        .step("building it again without parallel workers: the server's shared memory is too small")
      )
      try await build(settings + ["SET LOCAL max_parallel_maintenance_workers = 0"], shards)
    }
  }

  private func build(_ settings: [String], _ shards: Shards?) async throws {
    try await watched(shards) {
      try await connection.transaction { connection in
        try await connection.setLocally(settings)
        try await connection.run(trusted: definition)
      }
    }
  }

  /// What a node that builds says of its memory, in KiB.
  struct NodeMemory: Sendable, Hashable {
    /// `maintenance_work_mem` as it is.
    var current: Int
    /// `shared_buffers`, which is usually a quarter of the machine's memory.
    var shared: Int
    /// Whether the node is on this machine.
    var isLocal: Bool
  }

  /// What `maintenance_work_mem` is raised to, in KiB; nil leaves it.
  ///
  /// The memory of a server is known only when it is this machine: half of what is free may be used. Of another one
  /// `shared_buffers` gives an idea. Builds that run at once on a node share it, and one value is set on all nodes.
  static func setting(wanted: Int, nodes: [NodeMemory], atOnce: Int, free: Int?) -> Int? {
    guard let least = nodes.map(\.current).min(), let most = nodes.map(\.current).max() else { return nil }
    let budgets = nodes.map { node in (node.isLocal ? free.map { $0 / 2 / nodes.count } : nil) ?? node.shared
    }
    let allowed = min(wanted, max((budgets.min() ?? 0) / max(atOnce, 1), least))
    return allowed > least && (allowed == wanted || allowed >= most) ? allowed : nil
  }

  private func memoryOfNodes(_ shards: Shards?) async throws -> [NodeMemory] {
    let own = try await connection.query(Statement(Self.memoryQuery)).map {
      try $0.value(at: 0, as: String.self)
    }
    let here = own.compactMap(NodeMemory.init)
    guard shards != nil else { return here }
    let answers = try await connection.query(
      Statement(
        "SELECT result FROM run_command_on_workers($1) WHERE success",
        binds: [.text("\(Self.memoryQuery)")]
      )
    ).map { try $0.value(at: 0, as: String.self) }
    return answers.compactMap(NodeMemory.init).map { node in
      // The coordinator's loopback is another machine's, unless the coordinator is here.
      NodeMemory(
        current: node.current,
        shared: node.shared,
        isLocal: node.isLocal && here.allSatisfy(\.isLocal)
      )
    }
  }

  private static let memoryQuery: StaticString = """
    SELECT concat_ws(',', (SELECT setting::int8 FROM pg_settings WHERE name = 'maintenance_work_mem'),
      (SELECT setting::int8 FROM pg_settings WHERE name = 'shared_buffers') * current_setting('block_size')::int8 / 1024,
      coalesce(host(inet_server_addr()) IN ('127.0.0.1', '::1'), true)::int4)
    """

  /// What this machine could give to a program, in KiB; nil where it does not tell.
  private static var availableMemory: Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }
  }

  /// 53100 and 53200 are what a full `/dev/shm` and a refused mapping give; parallel builds came with PostgreSQL 11.
  private func lacksSharedMemory(_ error: PostgresError) -> Bool {
    ["53100", "53200"].contains(error.sqlState) && server.serverVersion >= 110_000
      && error.message.contains("shared memory")
  }

  /// Asks for the progress on a connection of its own while `body` runs; where that fails, nothing is told.
  private func watched(_ shards: Shards?, _ body: @Sendable () async throws -> Void) async throws {
    guard server.reportsIndexProgress else { return try await body() }
    let backend = connection.backendPID
    let settings = job.settings
    let onEvent = job.onEvent
    let watcher = Task {
      guard let other = try? await PostgresConnection.connect(settings) else { return }
      var shards = shards
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(500))
        let progress =
          shards == nil
          ? try? await Self.progress(of: backend, other) : try? await shards?.progress(on: other)
        guard let progress else { continue }
        onEvent(.building(progress))
      }
      await other.close()
    }
    defer { watcher.cancel() }
    try await body()
  }

  /// - Returns: nil when that backend builds nothing at the moment.
  private static func progress(
    of backend: Int32,
    _ connection: PostgresConnection
  ) async throws -> IndexProgress? {
    let text: StaticString = """
      SELECT phase, CASE WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total
                         WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total END
      FROM pg_stat_progress_create_index WHERE pid = $1
      """
    let rows = try await connection.query(Statement(text, binds: [.int4(backend)]))
    guard let row = rows.first else { return nil }
    let (phase, share) = try row.decode(String.self, Double?.self)
    return IndexProgress(phase: phase, share: share.map { min($0, 1) })
  }
}

extension IndexBuild.NodeMemory {
  fileprivate init?(_ answer: String) {
    let numbers = answer.split(separator: ",").compactMap { Int($0) }
    guard numbers.count == 3 else { return nil }
    self.init(current: numbers[0], shared: numbers[1], isLocal: numbers[2] == 1)
  }
}

/// The shards of a table, each of which gets an index of its own on its node, and how far these are.
struct Shards: Sendable {
  /// How many parts the rows are in.
  let count: Int
  /// How many indexes are built: one for each copy of a shard.
  let placements: Int
  /// How many a node builds at once, at most.
  let atOnce: Int
  /// What the nodes are asked.
  let question: String
  private var shares: [String: Double] = [:]

  /// Shards of which nothing is built yet.
  init(count: Int, placements: Int, atOnce: Int, question: String = "") {
    (self.count, self.placements, self.atOnce, self.question) = (count, placements, atOnce, question)
  }

  /// - Returns: nil where the rows lie on the node that was asked.
  static func read(
    of table: String,
    _ connection: PostgresConnection,
    _ server: ServerCapabilities
  ) async throws -> Shards? {
    guard server.engine.placement == .function else { return nil }
    let rows = try await connection.query(
      Statement(
        """
        SELECT count(DISTINCT shardid)::int8, count(*)::int8, least(coalesce(max(siblings), 0),
                 (SELECT setting::int8 FROM pg_settings WHERE name = 'citus.max_adaptive_executor_pool_size'))
        FROM (SELECT s.shardid, count(*) OVER (PARTITION BY p.groupid) AS siblings
              FROM pg_dist_shard s JOIN pg_dist_placement p ON p.shardid = s.shardid
              WHERE s.logicalrelid = $1::text::regclass) AS placed
        """,
        binds: [.text(table)]
      )
    )
    guard let (count, placements, atOnce) = try rows.first?.decode(Int.self, Int.self, Int.self), count > 0
    else {
      return nil
    }
    let question: SQL = """
      SELECT coalesce(string_agg(p.relid || '=' || coalesce(CASE
               WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total
               WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total END, 0), ' '), '')
      FROM pg_stat_progress_create_index p
      JOIN pg_dist_shard s ON to_regclass(shard_name(s.logicalrelid, s.shardid)) = p.relid
      WHERE s.logicalrelid = \(table)::regclass
      """
    return Shards(
      count: count,
      placements: placements,
      atOnce: atOnce,
      question: try question.renderedWithConstants().text
    )
  }

  /// Asks the nodes.
  fileprivate mutating func progress(on connection: PostgresConnection) async throws -> IndexProgress? {
    let rows = try await connection.query(
      Statement(
        "SELECT nodename || ':' || nodeport, result FROM run_command_on_workers($1) WHERE success",
        binds: [.text(question)]
      )
    )
    var running: [String: Double] = [:]
    for row in rows {
      let (node, result) = try row.decode(String.self, String.self)
      for part in result.split(separator: " ") {
        let pair = part.split(separator: "=")
        running[node + "/" + pair[0]] = pair.count == 2 ? Double(pair[1]) ?? 0 : 0
      }
    }
    return take(running)
  }

  /// What is known once these builds were seen under way: those seen before are done.
  /// - Returns: nil before the first.
  mutating func take(_ running: [String: Double]) -> IndexProgress? {
    for shard in shares.keys where running[shard] == nil { shares[shard] = 1 }
    shares.merge(running) { max($0, min($1, 1)) }
    guard !shares.isEmpty else { return nil }
    let done = shares.count - running.count
    return IndexProgress(
      phase: "building the indexes of shards, \(done) of \(placements) done",
      share: min(shares.values.reduce(0, +) / Double(placements), 1)
    )
  }
}
