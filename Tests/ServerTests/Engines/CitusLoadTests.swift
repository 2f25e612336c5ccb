import Foundation
import ImageSearch
import ImageSources
@testable import Ingestion
import Migrations
import PostgresClient
import Synchronization
import Testing
import TestSupport
import VectorSQL

/// Loads and index builds on a Citus cluster.
@Suite(.enabled(if: CitusCluster.isThere, CitusCluster.reason), .serialized) struct CitusLoadTests {
  private func load(
    _ cluster: CitusCluster,
    _ content: String,
    _ policy: LoadOptions.ConflictPolicy,
    _ method: LoadOptions.Method = .automatic
  ) async throws -> LoadReport {
    let file = try TemporaryFile(content)
    var options = LoadOptions()
    options.onConflict = policy
    options.method = method
    options.continuation = .restart
    options.connections = 3
    options.batchRows = 50
    let target = LoadTarget(table: try cluster.name)
    return try await Loader(settings: cluster.settings, target: target, options: options)
      .run(FileBatchSource(FeatureSource(path: file.path)))
  }

  @Test(arguments: LoadOptions.Method.all)
  func loadsCountWhatTheyInsertSkipAndReplace(method: LoadOptions.Method) async throws {
    try await CitusCluster.with { cluster in
      _ = try await cluster.migrator(["shards": "4"]).up(on: cluster.connection).report
      func lines(_ ids: Range<Int>, _ label: String) -> String {
        ids.map { "\($0)|\(label)|{\($0),1,2,3,4,5,6,7}\n" }.joined()
      }
      let first = try await load(cluster, lines(0..<500, "a"), .fail, method)
      #expect((first.counts.loaded, first.counts.skipped) == (500, 0))
      let stopped = await #expect(throws: LoadInterruption.self) {
        try await load(cluster, lines(400..<500, "b"), .fail, method)
      }
      #expect(stopped?.description.contains("--on-conflict skip goes on") == true, "\(stopped as Any)")
      let second = try await load(cluster, lines(300..<700, "b"), .skip, method)
      #expect((second.counts.loaded, second.counts.skipped) == (200, 200))
      let third = try await load(cluster, lines(600..<800, "c"), .update, method)
      #expect((third.counts.loaded, third.counts.replaced) == (200, 100))
      let classes = "SELECT class || count(*) FROM \(cluster.schema).image_search GROUP BY class ORDER BY 1"
      #expect(try await cluster.column(classes) == ["a500", "b100", "c200"])
    }
  }

  /// Images come, move, are copied and go, and runs are stopped: the rows are those of a fresh load.
  @Test(
    .enabled(
      if: Environment.variables["ADBVEC_TEST_URL"] == CitusCluster.url,
      "ADBVEC_TEST_URL does not name the cluster"
    )
  )
  func aDistributedTableFollowsItsFolder() async throws {
    try await SyncedFolder.with { folder in
      let name = "\(folder.schema).image_search"
      // What is unique on shards has the id in it.
      try await folder.sql("ALTER TABLE \(name) DROP CONSTRAINT image_search_source_key")
      try await folder.sql("SELECT create_distributed_table('\(name)', 'id', shard_count => 4)")
      var edits = FolderEdits(seed: 18)
      for round in 0..<6 {
        for _ in 0..<10 { try edits.apply(to: folder.images) }
        if round % 2 == 1 { await folder.syncAndStop(after: 200, round) }
        let report = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
        #expect(report.changes?.heldBack == 0)
        try await folder.expectFreshLoad("round \(round)")
      }
      #expect(try await folder.sync().wasFinished)
    }
  }

  /// A worker loses the session that writes rows of images which moved.
  @Test(
    .enabled(
      if: Environment.variables["ADBVEC_TEST_URL"] == CitusCluster.url,
      "ADBVEC_TEST_URL does not name the cluster"
    )
  )
  func aFolderIsFollowedAlthoughAWorkerLosesItsSession() async throws {
    try await SyncedFolder.with { folder in
      let name = "\(folder.schema).image_search"
      try await folder.sql("ALTER TABLE \(name) DROP CONSTRAINT image_search_source_key")
      try await folder.sql("SELECT create_distributed_table('\(name)', 'id', shard_count => 4)")
      for red in 0..<24 { try folder.images.write("a/\(red).bmp", UInt8(red)) }
      _ = try await folder.sync()
      let coordinator = try await ScratchSchema.connect()
      let (holder, worker) = (
        try await CitusCluster.worker(of: coordinator), try await CitusCluster.worker(of: coordinator)
      )
      let port = try await worker.column("SELECT current_setting('port')")
      let shards = try await coordinator.column(
        "SELECT shard_name FROM citus_shards WHERE table_name = '\(name)'::regclass AND nodeport = \(port[0])"
      )
      try await holder.run("SET citus.enable_manual_changes_to_shards = on")
      try await holder.run(trusted: "BEGIN; LOCK TABLE \(shards.joined(separator: ", ")) IN SHARE MODE")
      for red in 0..<24 { try folder.images.move("a/\(red).bmp", "b/\(red).bmp") }
      let losing = Task { [schema = folder.schema] in
        let ending =
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\(schema)%'"
        try await waitUntil { try await !worker.column(ending).isEmpty }
        try await holder.run("ROLLBACK")
      }
      defer { losing.cancel() }
      let retries = Mutex(0)
      _ = try await folder.sync(
        { $0.retries = 5 },
        onEvent: { if case .retrying = $0 { retries.withLock { $0 += 1 } } }
      )
      try await losing.value
      #expect(retries.withLock { $0 } > 0)
      try await folder.expectFreshLoad("moved")
      #expect(try await folder.sync().wasFinished)
      for connection in [coordinator, holder, worker] { await connection.close() }
    }
  }

  /// An index through a function that is slow, and that a node with too little memory fails in.
  @Test func aLoadBuildsTheIndexesOfShardsWithTheMemoryThatTheirGraphsNeed() async throws {
    let cluster = try #require(try await TestCluster.behind(CitusCluster.url ?? ""))
    let name = "adbvec_build_\(Environment.processID)"
    try await cluster.withDatabase(name, hasVector: true) {
      let settings = ConnectionSettings(url: try cluster.url(of: name))
      let preparing = try await PostgresConnection.connect(settings)
      try await preparing.run(
        """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(8));
        SELECT create_distributed_table('image_search', 'id', shard_count => 4, colocate_with => 'none')
        """
      )
      try await preparing.run(
        """
        CREATE FUNCTION through(image_vector vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
          IF pg_size_bytes(current_setting('maintenance_work_mem')) < 16000000 THEN RAISE 'too little'; END IF;
          PERFORM pg_sleep(0.02); RETURN image_vector;
        END $$
        """
      )
      try await preparing.run(
        "CREATE INDEX v ON image_search USING hnsw ((through(image_vector)::vector(8)) vector_l2_ops)"
      )
      let worker = try await CitusCluster.worker(of: preparing, database: "postgres")
      try await worker.run(trusted: "ALTER DATABASE \(name) SET maintenance_work_mem = '1MB'")
      await worker.close()
      await preparing.close()
      let file = try TemporaryFile((0..<600).map { "\($0)|c|{\($0),1,2,3,4,5,6,7}\n" }.joined())
      var options = LoadOptions()
      options.indexes = .defer
      let told = Mutex<[Ingestion.IndexProgress]>([])
      let report = try await Loader(
        settings: settings,
        target: LoadTarget(table: "image_search"),
        options: options
      )
      .run(FileBatchSource(FeatureSource(path: file.path))) { event in
        if case .building(let progress) = event { told.withLock { $0.append(progress) } }
      }
      #expect(report.counts.loaded == 600)
      let progress = try #require(told.withLock { $0.last })
      #expect(progress.phase.hasPrefix("building the indexes of shards, "))
      #expect(progress.share.map { (0...1).contains($0) } == true)
      let connection = try await PostgresConnection.connect(settings)
      let valid =
        "SELECT string_agg(result, ' ') FROM run_command_on_shards('image_search', $$SELECT indisvalid FROM pg_index i "
        + "JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = '%s'::regclass AND relname ~ '^v_'$$)"
      #expect(try await connection.column(valid) == ["t t t t"])
      await connection.close()
    }
  }

  @Test(arguments: LoadOptions.Method.all)
  func aLoadGoesOnAlthoughAWorkerLosesItsSessions(method: LoadOptions.Method) async throws {
    let cluster = try #require(try await TestCluster.behind(CitusCluster.url ?? ""))
    let name = "adbvec_lost_\(Environment.processID)"
    try await cluster.withDatabase(name, hasVector: true) {
      let settings = ConnectionSettings(url: try cluster.url(of: name))
      let connection = try await PostgresConnection.connect(settings)
      let migrator = try Migrator(
        source: .folder("\(Environment.package)/migrations/pgvector"),
        parameters: ["dim": "8", "shards": "4"],
        dialect: .pgvector
      )
      _ = try await migrator.up(on: connection).report
      let worker = try await CitusCluster.worker(of: connection, database: "postgres")
      let hasBegun = Mutex(false)
      let ending = Task {
        while !hasBegun.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
        var ended = 0
        for _ in 0..<6 {
          try await Task.sleep(for: .milliseconds(200))
          ended +=
            try await worker.run(
              trusted: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                + "WHERE datname = '\(name)' AND backend_type = 'client backend'"
            ).first?.rows.count ?? 0
        }
        return ended
      }
      let file = try TemporaryFile((0..<3000).map { "\($0)|c|{\($0),1,2,3,4,5,6,7}\n" }.joined())
      var options = LoadOptions()
      options.method = method
      options.connections = 3
      options.batchRows = 50
      options.rateLimit = 2000
      (options.indexes, options.analyzes) = (.keep, false)
      defer { ending.cancel() }
      let report = try await Loader(
        settings: settings,
        target: LoadTarget(table: "image_search"),
        options: options
      )
      .run(FileBatchSource(FeatureSource(path: file.path))) { event in
        if case .progress = event { hasBegun.withLock { $0 = true } }
      }
      #expect(try await ending.value > 0)
      #expect(report.counts.loaded == 3000)
      // The first connection's own sessions on the worker are among the lost.
      let fresh = try await PostgresConnection.connect(settings)
      // A worker that has prepared its part of a commit shows the rows when the commit is completed there.
      try await fresh.completePreparedTransactions()
      #expect(try await fresh.column("SELECT count(DISTINCT id) FROM image_search") == ["3000"])
      #expect(try await fresh.column("SELECT count(*) FROM image_search") == ["3000"])
      await fresh.close()
      await worker.close()
      await connection.close()
    }
  }

  /// A worker loses its sessions while the index is dropped before the rows, and again while it is built behind them.
  @Test func aLoadGoesOnAlthoughAWorkerIsLostWhileIndexesAreDroppedAndBuilt() async throws {
    let cluster = try #require(try await TestCluster.behind(CitusCluster.url ?? ""))
    let name = "adbvec_lost_index_\(Environment.processID)"
    try await cluster.withDatabase(name, hasVector: true) {
      let settings = ConnectionSettings(url: try cluster.url(of: name))
      let connection = try await PostgresConnection.connect(settings)
      for statement in [
        "CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(8))",
        "SELECT create_distributed_table('image_search', 'id', shard_count => 4, colocate_with => 'none')",
        """
        CREATE FUNCTION through(image_vector vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
          PERFORM pg_sleep(0.01); RETURN image_vector; END $$
        """,
        "CREATE INDEX v ON image_search USING hnsw ((through(image_vector)::vector(8)) vector_l2_ops)",
      ] { try await connection.run(trusted: statement) }
      let worker = try await CitusCluster.worker(of: connection, database: "postgres")
      let port = try await worker.column("SELECT current_setting('port')")
      let shards = try await connection.column(
        "SELECT shard_name FROM citus_shards WHERE table_name = 'image_search'::regclass AND nodeport = \(port[0])"
      )
      // Dropping waits for one that reads.
      let reader = try await CitusCluster.worker(of: connection, database: name)
      try await reader.run(trusted: "BEGIN; SELECT count(*) FROM \(try #require(shards.first))")
      let steps = Mutex<[String]>([])
      /// Ends the worker's sessions that do this, as soon as one does.
      @Sendable func end(_ step: String, where condition: String) async throws {
        try await waitUntil { steps.withLock { $0.contains { $0.hasPrefix(step) } } }
        let ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)' AND "
        try await waitUntil { try await !worker.column(ending + condition).isEmpty }
      }
      let losing = Task {
        try await end("dropping ", where: "wait_event_type = 'Lock'")
        try await reader.run("ROLLBACK")
        try await end("building an index", where: "state = 'active' AND query ~* 'create +index'")
      }
      defer { losing.cancel() }
      let file = try TemporaryFile((0..<600).map { "\($0)|c|{\($0),1,2,3,4,5,6,7}\n" }.joined())
      var options = LoadOptions()
      options.indexes = .defer
      let retries = Mutex(0)
      let loader = Loader(settings: settings, target: LoadTarget(table: "image_search"), options: options)
      let source = FileBatchSource(FeatureSource(path: file.path))
      let report = try await loader.run(source) { event in
        switch event {
        case .step(let step): steps.withLock { $0.append(step) }
        case .retrying: retries.withLock { $0 += 1 }
        default: break
        }
      }
      #expect(report.counts.loaded == 600)
      try await losing.value
      #expect(retries.withLock { $0 } >= 2)
      let fresh = try await PostgresConnection.connect(settings)
      let valid =
        "SELECT string_agg(result, ' ') FROM run_command_on_shards('image_search', $$SELECT indisvalid FROM pg_index i "
        + "JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = '%s'::regclass AND relname ~ '^v_'$$)"
      #expect(try await fresh.column(valid) == ["t t t t"])
      #expect(try await fresh.column("SELECT count(DISTINCT id) FROM image_search") == ["600"])
      #expect(try await loader.run(FileBatchSource(FeatureSource(path: file.path))).wasFinished)
      for connection in [fresh, reader, worker, connection] { await connection.close() }
    }
  }

  @Test func theIndexesOfShardsShareTheMemoryOfTheirNodeAndTellHowFarTheyAre() async throws {
    try await CitusCluster.withImages(shards: 8) { cluster in
      let server = try await cluster.connection.capabilities()
      let shards = try #require(
        try await Shards.read(of: try cluster.name.quoted, cluster.connection, server)
      )
      #expect((shards.count, shards.placements) == (8, 8))
      let most = try await cluster.column(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM citus_shards WHERE table_name = "
          + "'\(cluster.schema).image_search'::regclass GROUP BY nodename, nodeport) AS placed"
      )
      #expect(["\(shards.atOnce)"] == most)
      // The question is one that the workers answer; nothing is built now.
      let answers = try await cluster.connection.query(
        Statement("SELECT success, result FROM run_command_on_workers($1)", binds: [.text(shards.question)])
      )
      for answer in answers { #expect(try answer.decode(Bool.self, String.self) == (true, "")) }
      try await cluster.connection.run(
        trusted: "SELECT undistribute_table('\(cluster.schema).image_search')"
      )
      #expect(try await Shards.read(of: try cluster.name.quoted, cluster.connection, server) == nil)
    }
  }
}
