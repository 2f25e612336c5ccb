internal import FoundationEssentials
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

/// What follows the rows: indexes and statistics.
struct LoadFinish: Sendable {
  let run: LoadRun
  let connection: PostgresConnection
  let server: ServerCapabilities

  /// Builds indexes that were dropped, and gives them back what their definitions do not hold; those that exist by now
  /// are left alone.
  func buildIndexes(_ record: LoadRecord, rows: Int, dimension: Int) async throws {
    guard !record.deferredIndexes.isEmpty else { return }
    try await awaitOrphanedBuild()
    let present = try await TargetTable.read(run.target, on: connection).vectorIndexes.map(\.definition)
    for definition in record.deferredIndexes where !present.contains(definition) {
      let build = IndexBuild(definition: definition, run: run, connection: connection, server: server)
      try await build.perform(rows: rows, dimension: dimension)
    }
    for statement in record.indexRestores {
      do {
        try await connection.run(trusted: statement)
      } catch let error as PostgresError where !error.isConnectionProblem {
        run.onEvent(.warning("the index is built, but this failed: \(statement): \(error.message)"))
      }
    }
  }

  /// Waits for a build of an index on the table that a killed run left behind: the server goes on with it.
  private func awaitOrphanedBuild() async throws {
    var isTold = false
    while let (backend, seconds) = try await orphanedBuild() {
      if !isTold {
        run.onEvent(
          .warning(
            "the server still builds an index on \(run.target.table.quoted) that an earlier run began \(seconds) s ago "
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
          .text(run.target.table.name.name), run.target.table.schema.map { .text($0.name) } ?? .null,
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
    guard let sequence = table.facts.sequence, !table.idIsText else { return }
    let id = table.target.idColumn.quoted
    do {
      try await connection.query(
        Statement(
          trusted: """
            SELECT setval($1::text::regclass, m.largest)
            FROM (SELECT max(\(id))::int8 AS largest FROM \(table.catalog.name.quoted)) m
            WHERE m.largest > (SELECT last_value FROM \(sequence)) AND m.largest > 0
            """,
          binds: [.text(sequence)]
        )
      )
    } catch let error as PostgresError where !error.isConnectionProblem {
      run.onEvent(
        .warning(
          "the sequence \(sequence) was not set above the loaded ids (\(error.message)); the next generated id may be "
            + "taken. Fix: SELECT setval('\(sequence)', (SELECT max(\(id)) FROM \(table.catalog.name.quoted)))"
        )
      )
    }
  }

  /// Gathers statistics. The elements of a `real[]` are left out: counting them takes longer than loading them, and no
  /// plan asks for them.
  func analyze(_ check: TableCheck) async throws {
    guard run.options.analyzes else { return }
    let target = run.target
    run.onEvent(.step("gathering statistics"))
    let columns =
      [.float4Array, .float8Array].contains(check.vectorType)
      ? [target.idColumn, target.labelColumn] : [target.idColumn, target.labelColumn, target.vectorColumn]
    let list = columns.map(\.quoted).joined(separator: ", ")
    do {
      try await connection.run(trusted: "ANALYZE \(target.table.quoted) (\(list))")
    } catch let error as PostgresError where error.sqlState == "42501" {
      run.onEvent(.warning("only the owner may ANALYZE \(target.table.quoted); ask for it to be run"))
    }
  }
}

/// Builds one index with settings of its own, and tells how far it is.
struct IndexBuild: Sendable {
  let definition: String
  let run: LoadRun
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
    run.onEvent(.step("building an index: \(definition)"))
    // A distributed index is built shard by shard, on the nodes with the rows.
    let memory = try await allowedMemory(
      of: Self.memory(rows: rows / (try await shards()), dimension: dimension)
    )
    let settings = memory.map { ["SET LOCAL maintenance_work_mem = \($0)"] } ?? []
    do {
      try await build(settings)
    } catch let error as PostgresError where lacksSharedMemory(error) {
      // Workers share the graph in /dev/shm, which a container often has only 64 MB of.
      run.onEvent(
        .step("building it again without parallel workers: the server's shared memory is too small")
      )
      try await build(settings + ["SET LOCAL max_parallel_maintenance_workers = 0"])
    }
  }

  private func build(_ settings: [String]) async throws {
    try await watched {
      try await connection.transaction { connection in
        try await connection.setLocally(settings)
        try await connection.run(trusted: definition)
      }
    }
  }

  /// How many shards of the table have an index each.
  private func shards() async throws -> Int {
    guard server.engine.placement == .function else { return 1 }
    let rows = try await connection.query(
      Statement(
        "SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = $1::text::regclass",
        binds: [.text(run.target.table.quoted)]
      )
    )
    return max(1, try rows.first?.value(at: 0, as: Int.self) ?? 1)
  }

  /// What the setting is raised to, in KiB; nil leaves it.
  ///
  /// The memory of the server is known only when it is this machine: half of what is free may be used. Of another one
  /// `shared_buffers` gives an idea: it is usually a quarter of the memory.
  private func allowedMemory(of wanted: Int) async throws -> Int? {
    let rows = try await connection.query(
      Statement(
        """
        SELECT (SELECT setting::int8 FROM pg_settings WHERE name = 'maintenance_work_mem'),
               (SELECT setting::int8 FROM pg_settings WHERE name = 'shared_buffers')
                 * current_setting('block_size')::int8 / 1024,
               coalesce(host(inet_server_addr()) IN ('127.0.0.1', '::1'), true)
        """
      )
    )
    guard let row = rows.first else { return nil }
    let (current, shared, isLocal) = try row.decode(Int.self, Int.self, Bool.self)
    let free = isLocal ? Self.availableMemory.map { $0 / 2 } : nil
    let allowed = min(wanted, max(free ?? shared, current))
    return allowed > current ? allowed : nil
  }

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
  private func watched(_ body: @Sendable () async throws -> Void) async throws {
    guard server.reportsIndexProgress else { return try await body() }
    let backend = connection.backendPID
    let isOnWorkers = server.engine.placement == .function
    let settings = run.loader.settings
    let onEvent = run.onEvent
    let watcher = Task {
      guard let other = try? await PostgresConnection.connect(settings) else { return }
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(500))
        let progress =
          isOnWorkers ? try? await Self.progressOfShards(other) : try? await Self.progress(of: backend, other)
        guard let progress else { continue }
        onEvent(.building(progress))
      }
      await other.close()
    }
    defer { watcher.cancel() }
    try await body()
  }

  /// The builds that run on the workers now, as one; shards that are done show no more.
  private static func progressOfShards(_ connection: PostgresConnection) async throws -> IndexProgress? {
    let rows = try await connection.query(
      """
      SELECT sum(split_part(result, '/', 1)::int8)::int8,
             sum(split_part(result, '/', 2)::float8) / nullif(sum(split_part(result, '/', 3)::float8), 0)
      FROM run_command_on_workers($$
        SELECT count(*) || '/' || coalesce(sum(greatest(blocks_done, tuples_done)), 0)
               || '/' || coalesce(sum(greatest(blocks_total, tuples_total)), 0)
        FROM pg_stat_progress_create_index WHERE datname = current_database()$$)
      WHERE success
      """
    )
    guard let (count, share) = try rows.first?.decode(Int?.self, Double?.self), let count, count > 0 else {
      return nil
    }
    return IndexProgress(
      phase: "building \(count) \(count == 1 ? "shard" : "shards")",
      share: share.map { min($0, 1) }
    )
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
