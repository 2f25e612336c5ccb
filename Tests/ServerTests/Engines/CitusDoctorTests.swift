import Doctor
import ImageSearch
import Migrations
import PostgresClient
import Testing
import TestSupport
import VectorSQL

/// What the doctor finds on a Citus cluster whose shards were damaged on purpose, and whether its fixes help.
@Suite(.enabled(if: CitusCluster.isThere, CitusCluster.reason), .serialized) struct CitusDoctorTests {
  private func findings(_ cluster: CitusCluster) async throws -> [String: Finding] {
    var expectations = Expectations(table: try cluster.table, dialect: .pgvector)
    expectations.topK = 10
    let found = try await Doctor(expectations).examine(cluster.connection)
    return Dictionary(found.map { ($0.check, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The number of the first shard that a worker has.
  private static func firstShard(of cluster: CitusCluster, on worker: PostgresConnection) async throws
    -> Substring
  {
    let shard = try await worker.column(
      "SELECT shard_name FROM citus_shards WHERE table_name = '\(cluster.schema).image_search'::regclass AND nodeport = "
        + "current_setting('port')::int ORDER BY shardid LIMIT 1"
    )
    return try #require(shard.first?.split(separator: "_").last)
  }

  /// Makes the indexes as the fix says.
  private func fix(_ finding: Finding, _ cluster: CitusCluster) async throws {
    for statement in try #require(finding.fix).split(separator: ";") where statement.contains("INDEX") {
      try await cluster.connection.run(trusted: String(statement))
    }
    #expect(try await findings(cluster)["shards"]?.severity == .ok)
  }

  @Test func theDoctorReadsRowsSizesAndIndexesOfTheShards() async throws {
    try await CitusCluster.withImages { cluster in
      let found = try await findings(cluster)
      #expect(found.values.filter { $0.severity == .wrong }.map(\.message) == [])
      let nodes = try await cluster.column("SELECT least(4, count(*)) FROM citus_get_active_worker_nodes()")
      #expect(found["shards"]?.message.hasPrefix("4 on \(nodes[0]) nodes, ") == true)
      #expect(found["shards"]?.message.contains("; recall ") == true)
      #expect(found["shards"]?.message.contains("; vector indexes of ") == true)
      #expect(found["table"]?.message.hasSuffix("about 4000 rows") == true)
      #expect(found["statistics"]?.severity == .ok)
      #expect(found["recall"]?.severity == .ok)
    }
  }

  @Test func theDoctorNamesShardsWithoutAnIndexAndItsFixMakesIt() async throws {
    try await CitusCluster.withImages { cluster in
      let worker = try await cluster.worker()
      let number = try await Self.firstShard(of: cluster, on: worker)
      try await worker.run(
        trusted: "SET citus.enable_manual_changes_to_shards = on; "
          + "DROP INDEX \(cluster.schema).image_search_image_vector_idx_\(number)"
      )
      await worker.close()
      let found = try await findings(cluster)
      let finding = try #require(found["shards"])
      #expect(finding.message.hasPrefix("1 of 4 shards have no vector index"))
      try await fix(finding, cluster)
    }
  }

  @Test func theDoctorNamesAShardWhoseIndexFindsLessThanTheOthers() async throws {
    try await CitusCluster.withImages { cluster in
      let worker = try await cluster.worker()
      let number = try await Self.firstShard(of: cluster, on: worker)
      // Of many lists one is looked through.
      try await worker.run(
        trusted: """
          SET citus.enable_manual_changes_to_shards = on;
          DROP INDEX \(cluster.schema).image_search_image_vector_idx_\(number);
          CREATE INDEX image_search_image_vector_idx_\(number) ON \(cluster.schema).image_search_\(number)
            USING ivfflat (image_vector vector_l2_ops) WITH (lists = 200)
          """
      )
      await worker.close()
      let found = try await findings(cluster)
      #expect(found["recall"]?.severity != .skipped)
      let finding = try #require(found["shards"])
      #expect(finding.severity == .wrong)
      #expect(finding.message.hasPrefix("the index of shard \(number) on "))
      try await fix(finding, cluster)
    }
  }

  @Test func theDoctorNamesATableOfTheCoordinatorAlone() async throws {
    try await CitusCluster.with { cluster in
      _ = try await cluster.migrator(["placement": "local", "unique_source": "false"]).up(
        on: cluster.connection
      ).report
      let finding = try #require(try await findings(cluster)["shards"])
      #expect(finding.severity == .warning)
      try await cluster.connection.run(trusted: try #require(finding.fix))
      #expect(try await findings(cluster)["shards"]?.severity == .ok)
    }
  }

  /// Runs what a fix advises, statement by statement.
  private func follow(_ finding: Finding, _ connection: PostgresConnection) async throws {
    for statement in try #require(finding.fix).split(separator: ";")
    where statement.contains(/INDEX|SELECT|VACUUM/) {
      try await connection.run(trusted: String(statement))
    }
  }

  @Test func aTableSpreadByItsClassesIsNamedAndSpreadByItsIDs() async throws {
    try await CitusCluster.with { cluster in
      let name = "\(cluster.schema).image_search"
      try await cluster.connection.run(
        trusted: """
          CREATE TABLE \(name) (id int NOT NULL, class text, image_vector vector(8), UNIQUE (id, class));
          SELECT create_distributed_table('\(name)', 'class', shard_count => 4, colocate_with => 'none')
          """
      )
      try await cluster.connection.run(
        trusted: """
          INSERT INTO \(name) SELECT g, CASE WHEN g % 10 = 0 THEN 'rare' || g ELSE 'often' END, '[1,2,3,4,5,6,7,8]'
          FROM generate_series(1, 6000) g
          """
      )
      try await cluster.connection.run(trusted: "ANALYZE \(name)")
      let finding = try #require(try await findings(cluster)["shards"])
      #expect(finding.severity == .warning)
      #expect(finding.message.hasPrefix("the largest part has 3."), "\(finding.message)")
      try await follow(finding, cluster.connection)
      try await cluster.connection.run(trusted: "ANALYZE \(name)")
      #expect(try await findings(cluster)["shards"]?.severity == .ok)
      let column = "SELECT distribution_column FROM citus_tables WHERE table_name = '\(name)'::regclass"
      #expect(try await cluster.column(column) == ["id"])
    }
  }

  @Test func shardsOfUnequalRangesAreNamedAndMadeAnew() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let name = "\(cluster.schema).image_search"
      try await cluster.connection.run(
        trusted: "INSERT INTO \(name) (id, class) SELECT g, 'c' FROM generate_series(4000, 7999) g"
      )
      let nodes = try await cluster.column(
        "SELECT nodeid FROM pg_dist_node WHERE groupid > 0 ORDER BY nodeid LIMIT 1"
      )
      let node = try #require(nodes.first)
      try await cluster.connection.run(
        trusted: """
          SELECT citus_split_shard_by_split_points(shardid,
            ARRAY[(shardminvalue::int / 3 * 2)::text, (shardminvalue::int / 3)::text], ARRAY[\(node), \(node), \(node)],
            'block_writes')
          FROM pg_dist_shard WHERE logicalrelid = '\(name)'::regclass ORDER BY shardminvalue::int LIMIT 1
          """
      )
      try await cluster.connection.run(trusted: "ANALYZE \(name)")
      let finding = try #require(try await findings(cluster)["shards"])
      #expect(finding.severity == .warning)
      #expect(finding.message.hasPrefix("the largest part has "), "\(finding.message)")
      #expect(finding.fix?.contains("shard_count => 6") == true, "\(finding.fix ?? "")")
      try await follow(finding, cluster.connection)
      try await cluster.connection.run(trusted: "ANALYZE \(name)")
      #expect(try await findings(cluster)["shards"]?.severity == .ok)
      #expect(try await cluster.column("SELECT count(*) FROM \(name)") == ["8000"])
    }
  }

  /// A shard of the first worker, by its number.
  private func withShard(
    _ cluster: CitusCluster,
    _ body: (PostgresConnection, _ number: Substring) async throws -> Void
  ) async throws {
    let worker = try await cluster.worker()
    let shard = try await worker.column(
      "SELECT shard_name FROM citus_shards WHERE table_name = '\(cluster.schema).image_search'::regclass AND nodeport = "
        + "current_setting('port')::int ORDER BY shardid LIMIT 1"
    )
    try await worker.run("SET citus.enable_manual_changes_to_shards = on")
    try await body(worker, try #require(shard.first?.split(separator: "_").last))
    await worker.close()
  }

  @Test func anInvalidIndexOfOneShardIsNamedAndMadeAnew() async throws {
    try await CitusCluster.withImages { cluster in
      try await withShard(cluster) { worker, number in
        // What a build that failed on this node leaves.
        try await worker.run(
          trusted: "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
            + "'\(cluster.schema).image_search_image_vector_idx_\(number)'::regclass"
        )
        let finding = try #require(try await findings(cluster)["shards"])
        #expect(finding.severity == .wrong)
        #expect(
          finding.message.hasPrefix(
            "1 of 4 shards have an index that a failed build left, such as \(number) on "
          )
        )
        try await follow(finding, cluster.connection)
        #expect(try await findings(cluster)["shards"]?.severity == .ok)
      }
    }
  }

  @Test func aShardOfDeadRowsIsNamedAndVacuumed() async throws {
    try await CitusCluster.withImages { cluster in
      try await withShard(cluster) { worker, number in
        let shard = "\(cluster.schema).image_search_\(number)"
        try await worker.run(trusted: "ALTER TABLE \(shard) SET (autovacuum_enabled = off)")
        for _ in 0..<3 { try await worker.run(trusted: "UPDATE \(shard) SET class = class || ''") }
        try await worker.run("SELECT pg_stat_force_next_flush()")
        try await worker.run("SELECT 1")
        let finding = try #require(try await findings(cluster)["shards"])
        #expect(finding.severity == .warning)
        #expect(
          finding.message.hasPrefix(
            "1 of 4 shards hold rows that were deleted or replaced, such as \(number) on "
          ),
          "\(finding.message)"
        )
        // Rows stay that a transaction of another test may see.
        var after: Finding?
        for _ in 0..<40 where after?.severity != .ok {
          try await follow(finding, cluster.connection)
          after = try await findings(cluster)["shards"]
          if after?.severity != .ok { try await Task.sleep(for: .milliseconds(250)) }
        }
        #expect(after?.severity == .ok, "\(after?.message ?? "")")
      }
    }
  }

  @Test func shardsOfAPartitionedTableAreCountedWithTheirPartitions() async throws {
    try await CitusCluster.with { cluster in
      let name = "\(cluster.schema).image_search"
      for statement in [
        "CREATE TABLE \(name) (id int PRIMARY KEY, class text, image_vector vector(8)) PARTITION BY RANGE (id)",
        "CREATE TABLE \(name)_a PARTITION OF \(name) FOR VALUES FROM (0) TO (2000)",
        "CREATE TABLE \(name)_b PARTITION OF \(name) FOR VALUES FROM (2000) TO (4000)",
        "SELECT create_distributed_table('\(name)', 'id', shard_count => 4, colocate_with => 'none')",
        "CREATE INDEX image_vector_idx ON \(name) USING hnsw (image_vector vector_l2_ops)",
      ] { try await cluster.connection.run(trusted: statement) }
      try await cluster.fill()
      let found = try await findings(cluster)
      #expect(found["shards"]?.severity == .ok, "\(found["shards"]?.message ?? "")")
      #expect(found["shards"]?.message.hasPrefix("4 on ") == true)
      #expect(found["table"]?.message.contains("about 4000 rows") == true)
      let worker = try await cluster.worker()
      try await worker.run("SET citus.override_table_visibility = off")
      try await worker.run(
        trusted: """
          UPDATE pg_index SET indisvalid = false WHERE indexrelid = (
            SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
            JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam AND a.amname = 'hnsw'
            WHERE c.relnamespace = '\(cluster.schema)'::regnamespace AND c.relname ~ '_a_[0-9]+$' LIMIT 1)
          """
      )
      await worker.close()
      let finding = try #require(try await findings(cluster)["shards"])
      #expect(finding.message.hasPrefix("1 of 4 shards have an index that a failed build left"))
      try await follow(finding, cluster.connection)
      #expect(try await findings(cluster)["shards"]?.severity == .ok)
    }
  }

  /// In a database of its own, whose settings on one worker are this test's alone.
  @Test func aNodeOfLessMemoryAndOneThatIsAwayAreNamed() async throws {
    let cluster = try #require(try await TestCluster.behind(CitusCluster.url ?? ""))
    let name = "adbvec_nodes_\(Environment.processID)"
    try await cluster.withDatabase(name, hasVector: true) {
      let settings = ConnectionSettings(url: try cluster.url(of: name))
      func finding() async throws -> Finding {
        // The coordinator keeps its sessions' connections to workers.
        let connection = try await PostgresConnection.connect(settings)
        let found = try await Doctor(Expectations(table: ImageTable(), dialect: .pgvector)).examine(
          connection
        )
        await connection.close()
        return try #require(found.first { $0.check == "shards" })
      }
      let connection = try await PostgresConnection.connect(settings)
      let migrator = try Migrator(
        source: .folder("\(Environment.package)/migrations/pgvector"),
        parameters: ["dim": "8", "shards": "4"],
        dialect: .pgvector,
        options: MigratorOptions()
      )
      _ = try await migrator.up(on: connection).report
      try await connection.run(
        """
        INSERT INTO image_search (id, class, image_vector) SELECT g, 'c', ARRAY[g, g % 7, g % 11, g % 13, 1, 2, 3, 4]::real[]::vector
        FROM generate_series(1, 400) g;
        ANALYZE image_search
        """
      )
      #expect(try await finding().severity == .ok)

      let worker = try await CitusCluster.worker(of: connection, database: "postgres")
      try await worker.run(trusted: "ALTER DATABASE \(name) SET maintenance_work_mem = '8MB'")
      let memory = try await finding()
      #expect(memory.severity == .warning)
      #expect(
        memory.message.contains(" builds its indexes with 8 MB, another node with "),
        "\(memory.message)"
      )
      for row in try await connection.run(trusted: try #require(memory.fix)).flatMap(\.rows) {
        #expect(row.contains("t"), "\(row)")
      }
      #expect(try await finding().severity == .ok)

      try await worker.run(trusted: "ALTER DATABASE \(name) ALLOW_CONNECTIONS false")
      try await worker.run(
        trusted: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)'"
      )
      let away = try await finding()
      #expect(away.severity == .wrong)
      #expect(away.message.contains("shards do not answer, such as "), "\(away.message)")
      #expect(away.fix?.hasPrefix("start the server at ") == true)
      try await worker.run(trusted: "ALTER DATABASE \(name) ALLOW_CONNECTIONS true")
      #expect(try await finding().severity == .ok)
      await worker.close()
      await connection.close()
    }
  }
}
