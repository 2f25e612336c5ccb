import Basics
import Doctor
import Foundation
import ImageSearch
import Migrations
import PostgresClient
import Testing
import TestSupport
import VectorSQL

/// Placement on a Citus cluster, and searches through the shards' indexes.
@Suite(.enabled(if: CitusCluster.isThere, CitusCluster.reason), .serialized) struct CitusTests {
  @Test func migrationsPlaceTheTableAsTheParametersSay() async throws {
    try await CitusCluster.with { cluster in
      let migrator = try cluster.migrator(["shards": "6", "colocate_with": "none"])
      _ = try await migrator.up(on: cluster.connection).report
      let placement =
        "SELECT citus_table_type || ' ' || distribution_column || ' ' || shard_count FROM citus_tables WHERE table_name = "
        + "'\(cluster.schema).image_search'::regclass"
      #expect(try await cluster.column(placement) == ["distributed id 6"])
      // PLAIN storage reaches the shards.
      let storage =
        "SELECT DISTINCT result FROM run_command_on_shards('\(cluster.schema).image_search', "
        + "$$SELECT attstorage FROM pg_attribute WHERE attrelid = '%s'::regclass AND attname = 'image_vector'$$)"
      #expect(try await cluster.column(storage) == ["p"])
      _ = try await migrator.down(MigrationTarget(version: "0004"), on: cluster.connection).report
      #expect(try await cluster.column(placement) == [])
      #expect(try await cluster.column("SELECT count(*) FROM \(cluster.schema).image_search") == ["0"])
      _ = try await migrator.up(on: cluster.connection).report
      #expect(try await cluster.column(placement) == ["distributed id 6"])
      _ = try await migrator.down(MigrationTarget(version: "0"), on: cluster.connection).report
      #expect(
        try await cluster.column("SELECT to_regclass('\(cluster.schema).image_search')::text") == ["NULL"]
      )
    }
  }

  @Test func redoPlacesTheTableAgainWithItsRowsAndIndexes() async throws {
    try await CitusCluster.with { cluster in
      let name = "\(cluster.schema).image_search"
      func state() async throws -> [String] {
        try await cluster.column(
          """
          SELECT concat_ws(' ', citus_table_type, distribution_column, shard_count, (SELECT count(*) FROM \(name)),
            (SELECT sum(result::int) FROM run_command_on_shards('\(name)', $$SELECT count(*) FROM pg_index i
             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname = 'hnsw'
             WHERE indrelid = '%s'::regclass AND indisvalid$$)))
          FROM citus_tables WHERE table_name = '\(name)'::regclass
          """
        )
      }
      // The file that places the table, and those behind it.
      let files =
        try FileManager.default.contentsOfDirectory(
          atPath: Environment.package + "/migrations/pgvector"
        ).count - 4
      let migrator = try cluster.migrator(["shards": "4", "colocate_with": "none"])
      _ = try await migrator.up(on: cluster.connection).report
      try await cluster.connection.run(
        trusted:
          "INSERT INTO \(name) (id, class, image_vector) SELECT g, 'c', '[1,2,3,4,5,6,7,8]' FROM generate_series(1, 100) g"
      )
      #expect(try await state() == ["distributed id 4 100 4"])
      _ = try await migrator.redo(files, on: cluster.connection).report
      #expect(try await state() == ["distributed id 4 100 4"])
      let other = try cluster.migrator(["shards": "6", "colocate_with": "none"])
      _ = try await other.redo(files, on: cluster.connection).report
      #expect(try await state() == ["distributed id 6 100 6"])
      _ = try await other.down(MigrationTarget(version: "0004"), on: cluster.connection).report
      let plan = "\(try await migrator.plan(on: cluster.connection))"
      #expect(plan.contains("shard_count => 4, colocate_with =>"))
    }
  }

  @Test func aReplicatedTableIsOnEveryNodeAndALocalOneOnTheCoordinator() async throws {
    try await CitusCluster.with { cluster in
      let type =
        "SELECT citus_table_type FROM citus_tables WHERE table_name = '\(cluster.schema).image_search'::regclass"
      let replicated = try cluster.migrator(["placement": "replicated"])
      _ = try await replicated.up(on: cluster.connection).report
      #expect(try await cluster.column(type) == ["reference"])
      _ = try await replicated.down(MigrationTarget(version: "0"), on: cluster.connection).report
      _ = try await cluster.migrator(["placement": "local"]).up(on: cluster.connection).report
      #expect(try await cluster.column(type) == [])
    }
  }

  @Test(arguments: ["bigint", "uuid", "text"], ["distributed", "replicated", "local"])
  func aTableWithoutRowsGetsIDsOfAnotherType(type: String, placement: String) async throws {
    try await CitusCluster.with { cluster in
      let name = "\(cluster.schema).image_search"
      let state = """
        SELECT format_type(a.atttypid, NULL) || coalesce((SELECT ' ' || citus_table_type FROM citus_tables
          WHERE table_name = a.attrelid), '') FROM pg_attribute a WHERE attrelid = '\(name)'::regclass AND attname = 'id'
        """
      let placed = ["distributed": " distributed", "replicated": " reference"][placement] ?? ""
      let migrator = try cluster.migrator(["id_type": type, "placement": placement])
      _ = try await migrator.up(on: cluster.connection).report
      #expect(try await cluster.column(state) == [type + placed])
      _ = try await migrator.down(on: cluster.connection).report
      #expect(try await cluster.column(state) == ["integer" + placed])
    }
  }

  @Test func rowsThatWereThereBeforeArePlacedWithTheTable() async throws {
    try await CitusCluster.with { cluster in
      let migrator = try cluster.migrator()
      _ = try await migrator.up(MigrationTarget(count: 4), on: cluster.connection).report
      try await cluster.connection.run(
        trusted:
          "INSERT INTO \(cluster.schema).image_search (id, class) SELECT g, 'c' FROM generate_series(1, 100) g"
      )
      _ = try await migrator.up(on: cluster.connection).report
      let counts =
        "SELECT sum(result::int) FROM run_command_on_shards('\(cluster.schema).image_search', 'SELECT count(*) FROM %s')"
      #expect(try await cluster.column(counts) == ["100"])
      #expect(try await cluster.column("SELECT count(*) FROM \(cluster.schema).image_search") == ["100"])
    }
  }

  @Test func aDumpPlacesTheTablesAgain() async throws {
    let program = ProcessInfo.processInfo.environment["ADBVEC_PG_BIN"].map { $0 + "/pg_dump" }
    try await CitusCluster.with { cluster in
      let migrator = try cluster.migrator(["shards": "6", "colocate_with": "none"])
      _ = try await migrator.up(on: cluster.connection).report
      let beside = "\(cluster.schema).other"
      try await cluster.connection.run(
        trusted: """
          CREATE TABLE \(beside) (id bigint PRIMARY KEY);
          SELECT create_distributed_table('\(beside)', 'id', colocate_with => '\(cluster.schema).image_search');
          CREATE TABLE \(cluster.schema).words (id int PRIMARY KEY);
          SELECT create_reference_table('\(cluster.schema).words')
          """
      )
      // Other tests drop their schemas in the same database meanwhile, which pg_dump does not survive.
      var dump: String?
      for _ in 0..<20 where dump == nil {
        dump = try? await migrator.dump(cluster.settings, program: program ?? "pg_dump")
      }
      let calls = try #require(dump).split(separator: "\n").filter {
        $0.contains("SELECT create_") && $0.contains(cluster.schema)
      }
      #expect(
        calls.map(String.init).sorted() == [
          "SELECT create_distributed_table('\(cluster.schema).image_search', 'id', shard_count => 6, "
            + "colocate_with => 'none');",
          "SELECT create_distributed_table('\(beside)', 'id', colocate_with => '\(cluster.schema).image_search');",
          "SELECT create_reference_table('\(cluster.schema).words');",
        ]
      )
      // They are what an empty cluster has to be told.
      try await cluster.connection.run(
        trusted:
          "SELECT undistribute_table('\(cluster.schema).image_search'), undistribute_table('\(beside)'), "
          + "undistribute_table('\(cluster.schema).words')"
      )
      for call in calls { try await cluster.connection.run(trusted: String(call)) }
      let groups = try await cluster.column(
        "SELECT count(DISTINCT colocation_id) FROM citus_tables WHERE table_name::text LIKE '\(cluster.schema).%'"
      )
      #expect(groups == ["2"])
    }
  }

  @Test func aTypedTableIsPlacedAsItsDefinitionSays() async throws {
    try await CitusCluster.with { cluster in
      let dialect = Dialect.pgvector.adapted { $0.citus = true }
      var definition = TableDefinition(
        QualifiedName(schema: try Identifier(validating: cluster.schema), name: "first"),
        columns: [.init("id", .bigint, notNull: true), .init(VectorColumn("v", dim: 3))],
        primaryKey: ["id"]
      )
      definition.placement = .distributed(shards: 3, colocatedWith: nil)
      let second = QualifiedName(schema: try Identifier(validating: cluster.schema), name: "second")
      for statement in try definition.statements(for: dialect) {
        try await cluster.connection.query(statement)
      }
      definition.placement = .distributed(colocatedWith: definition.name)
      definition.name = second
      for statement in try definition.statements(for: dialect) {
        try await cluster.connection.query(statement)
      }
      definition.placement = .replicated
      definition.name = QualifiedName(schema: second.schema, name: "third")
      for statement in try definition.statements(for: dialect) {
        try await cluster.connection.query(statement)
      }
      let placed = try await cluster.column(
        """
        SELECT citus_table_type || shard_count || (colocation_id = first_value(colocation_id) OVER (ORDER BY table_name::text))
        FROM citus_tables WHERE table_name::text LIKE '\(cluster.schema).%' ORDER BY table_name::text
        """
      )
      #expect(placed == ["distributed3true", "distributed3true", "reference1false"])
    }
  }

  @Test func aCommitLeftHalfDoneByACrashIsCompletedBeforeMigrationsRun() async throws {
    try await CitusCluster.with { cluster in
      let migrator = try cluster.migrator {
        $0.lockTimeout = 2000
        $0.attempts = 1
      }
      _ = try await migrator.up(MigrationTarget(count: 4), on: cluster.connection).report
      // What a crash of the coordinator between the two phases leaves on a worker: locks on the name of the table.
      let worker = try await cluster.worker()
      try await worker.run(
        trusted: """
          BEGIN; SET LOCAL citus.enable_ddl_propagation = off;
          CREATE TABLE \(cluster.schema).image_search (id int); PREPARE TRANSACTION 'citus_0_999999_77_1'
          """
      )
      await worker.close()
      _ = try await migrator.up(on: cluster.connection).report
      #expect(
        try await cluster.column(
          "SELECT citus_table_type FROM citus_tables WHERE table_name = '\(cluster.schema).image_search'::regclass"
        ) == ["distributed"]
      )
    }
  }

  @Test func aConcurrentBuildThatFailedOnAShardIsDroppedAndBuiltAgain() async throws {
    try await CitusCluster.with { cluster in
      let name = "\(cluster.schema).pairs"
      try await cluster.connection.run(
        trusted: """
          CREATE TABLE \(name) (id int, class text);
          SELECT create_distributed_table('\(name)', 'id', shard_count => 4, colocate_with => 'none')
          """
      )
      try await cluster.connection.run(
        trusted:
          "INSERT INTO \(name) SELECT g / 2, 'c' FROM generate_series(1, 100) g WHERE g > 98 OR g % 2 = 0"
      )
      let files = try Migrator(
        source: .embedded(
          [
            "1_pairs.sql":
              "-- migrate:up transaction:false\nCREATE UNIQUE INDEX CONCURRENTLY pairs_key ON \(name) (id);\n"
          ],
          manifest: nil
        ),
        dialect: .pgvector,
        options: try cluster.migrator().options
      )
      await #expect(throws: MigrationError.self) { try await files.up(on: cluster.connection).report }
      try await cluster.connection.run(
        trusted: "DELETE FROM \(name); INSERT INTO \(name) VALUES (1, 'c'), (2, 'c')"
      )
      _ = try await files.up(on: cluster.connection).report
      let valid =
        "SELECT DISTINCT result FROM run_command_on_shards('\(name)', "
        + "$$SELECT string_agg(indisvalid::text, '') FROM pg_index WHERE indrelid = '%s'::regclass$$)"
      #expect(try await cluster.column(valid) == ["true"])
    }
  }

  @Test func workOnAWorkerIsRefusedWithTheCoordinatorsAddress() async throws {
    try await CitusCluster.withImages { cluster in
      let worker = try await cluster.worker()
      let coordinator = try await cluster.column(
        "SELECT nodename || ':' || nodeport FROM pg_dist_node WHERE groupid = 0"
      )
      let fix = "connect to the coordinator, \(coordinator[0])"
      func refusal(_ body: () async throws -> Void) async -> PostgresError? {
        do { try await body() } catch { return error as? PostgresError }
        return nil
      }
      let attempts = [
        await refusal { _ = try await cluster.migrator().status(on: worker) },
        await refusal { _ = try await cluster.migrator().up(on: worker).report },
        await refusal {
          _ = try await cluster.table.read(dialect: .pgvector, metric: nil, from: worker)
        },
      ]
      for attempt in attempts {
        #expect(attempt?.code == .wrongNode)
        #expect(attempt?.hint == fix)
      }
      let findings = try await Doctor(Expectations(table: try cluster.table, dialect: .pgvector)).examine(
        worker
      )
      #expect(findings.first?.severity == .wrong)
      #expect(findings.first?.fix == fix)
      await worker.close()
    }
  }
}
