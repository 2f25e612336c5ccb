import Basics
import Doctor
import Foundation
import ImageSearch
import ImageSources
@testable import Ingestion
import Migrations
import PostgresClient
import Testing
import TestSupport
import VectorSQL

/// Everything on a Citus cluster: placement, searches through the shards' indexes, loads, findings.
@Suite(.enabled(if: CitusCluster.isThere, CitusCluster.reason), .serialized) struct CitusTests {
  // Placement.

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
      _ = try await migrator.down(on: cluster.connection).report
      #expect(try await cluster.column(placement) == [])
      #expect(try await cluster.column("SELECT count(*) FROM \(cluster.schema).image_search") == ["0"])
      _ = try await migrator.up(on: cluster.connection).report
      #expect(try await cluster.column(placement) == ["distributed id 6"])
      _ = try await migrator.down(MigrationTarget(count: 5), on: cluster.connection).report
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
      let migrator = try cluster.migrator(["shards": "4", "colocate_with": "none"])
      _ = try await migrator.up(on: cluster.connection).report
      try await cluster.connection.run(
        trusted: "INSERT INTO \(name) SELECT g, 'c', '[1,2,3,4,5,6,7,8]' FROM generate_series(1, 100) g"
      )
      #expect(try await state() == ["distributed id 4 100 4"])
      _ = try await migrator.redo(on: cluster.connection).report
      #expect(try await state() == ["distributed id 4 100 4"])
      let other = try cluster.migrator(["shards": "6", "colocate_with": "none"])
      _ = try await other.redo(on: cluster.connection).report
      #expect(try await state() == ["distributed id 6 100 6"])
      _ = try await other.down(on: cluster.connection).report
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
      _ = try await replicated.down(MigrationTarget(count: 5), on: cluster.connection).report
      _ = try await cluster.migrator(["placement": "local"]).up(on: cluster.connection).report
      #expect(try await cluster.column(type) == [])
    }
  }

  @Test func rowsThatWereThereBeforeArePlacedWithTheTable() async throws {
    try await CitusCluster.with { cluster in
      let migrator = try cluster.migrator()
      _ = try await migrator.up(MigrationTarget(count: 4), on: cluster.connection).report
      try await cluster.connection.run(
        trusted: "INSERT INTO \(cluster.schema).image_search SELECT g, 'c' FROM generate_series(1, 100) g"
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
          CREATE TABLE \(beside) (id int PRIMARY KEY);
          SELECT create_distributed_table('\(beside)', 'id', colocate_with => '\(cluster.schema).image_search');
          CREATE TABLE \(cluster.schema).words (id int PRIMARY KEY);
          SELECT create_reference_table('\(cluster.schema).words')
          """
      )
      let dump = try await migrator.dump(cluster.settings, program: program ?? "pg_dump")
      let calls = dump.split(separator: "\n").filter {
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

  // Searches.

  private func searcher(_ cluster: CitusCluster) async throws -> ImageSearcher {
    let table = try await cluster.table.read(dialect: .pgvector, metric: nil, from: cluster.connection)
    return ImageSearcher(table: table, connections: cluster.connection)
  }

  @Test func searchesFindWhatComparingEveryRowFinds() async throws {
    try await CitusCluster.withImages { cluster in
      let searcher = try await searcher(cluster)
      for row in [0, 17, 3999] {
        let vector = CitusCluster.vector(row)
        let others = CitusCluster.nearest(to: vector, count: 20) { $0 != row }
        var query = ImageQuery(.id(ImageID(Int64(row))), topK: 20)
        query.efSearch = 400
        #expect(try await searcher.search(query).hits.compactMap(\.id.number) == others)
        query.exact = true
        #expect(try await searcher.search(query).hits.compactMap(\.id.number) == others)
        var byVector = ImageQuery(.vector(vector), topK: 20)
        byVector.efSearch = 400
        let all = CitusCluster.nearest(to: vector, count: 20)
        #expect(try await searcher.search(byVector).hits.compactMap(\.id.number) == all)
        var filtered = ImageQuery(.vector(vector), topK: 100, class: "c3")
        filtered.efSearch = 400
        let ofClass = CitusCluster.nearest(to: vector, count: 100) { $0 % 10 == 3 }
        let found = try await searcher.search(filtered)
        #expect(found.hits.count == 100 && found.isComplete)
        #expect(Set(found.hits.compactMap(\.id.number)).intersection(ofClass).count >= 98)
      }
    }
  }

  @Test func searchSettingsReachTheShards() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let searcher = try await searcher(cluster)
      func recall(_ efSearch: Int) async throws -> Double {
        var sum = 0.0
        for row in stride(from: 0, to: 4000, by: 200) {
          var query = ImageQuery(.id(ImageID(Int64(row))), topK: 10)
          query.efSearch = efSearch
          sum += try await searcher.trial(query).recall
        }
        return sum / 20
      }
      let (few, many) = (try await recall(1), try await recall(400))
      #expect(few < many)
      #expect(many >= 0.99)
    }
  }

  @Test func thePlanIsReadFromTheShards() async throws {
    try await CitusCluster.withImages { cluster in
      let searcher = try await searcher(cluster)
      try await cluster.connection.run("SET citus.propagate_set_commands = 'local'")
      for subject in [ImageQuery.Subject.vector(CitusCluster.vector(5)), .id(5)] {
        let plan = try await cluster.connection.transaction { connection in
          try await connection.run("SET LOCAL enable_seqscan = off")
          return try await searcher.plan(ImageQuery(subject, topK: 5)).plan
        }
        #expect(plan.vectorIndex == "image_search_image_vector_idx")
        #expect(plan.shards?.served == 4)
        #expect(plan.shards?.count == 4)
      }
      var exact = ImageQuery(.id(5), topK: 5)
      exact.exact = true
      let plan = try await searcher.plan(exact).plan
      #expect(plan.vectorIndex == nil)
      #expect(plan.shards?.served == 0)
    }
  }

  @Test func everyLibraryStatementRuns() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let server = try await cluster.connection.capabilities()
      let dialect = try Dialect.pgvector.checked(against: server)
      var target = SearchTarget.imageSearch
      target.table = try cluster.name
      target.column = VectorColumn("image_vector", dim: CitusCluster.dimension)
      for statement in LibraryStatement.all where statement.name != "nearest_by_vector" {
        let rendered = try statement.sql(for: target).rendered(for: dialect)
        let rows = try await cluster.connection.query(rendered)
        #expect(
          rows.count > 0 || ["near_duplicates", "nearest_filtered"].contains(statement.name),
          "\(statement.name)"
        )
      }
    }
  }

  @Test func theTablesHealthCountsTheRowsAndBytesOfItsShards() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let dialect = try Dialect.pgvector.checked(against: try await cluster.connection.capabilities())
      var target = SearchTarget.imageSearch
      target.table = try cluster.name
      let statement = try #require(LibraryStatement(name: "table_health"))
      let text = try statement.sql(for: target).rendered(for: dialect).text
      let rows = try await cluster.connection.run(trusted: text).last?.rows.first ?? []
      #expect(rows.first == "4000")
      #expect(rows.last == "4000")
      let size = try await cluster.column(
        "SELECT pg_size_pretty(citus_total_relation_size('\(cluster.schema).image_search'))"
      )
      #expect(rows.dropLast().last == size.first)
    }
  }

  @Test func typedSearchesOfEveryShapeRun() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let dialect = try Dialect.pgvector.checked(against: try await cluster.connection.capabilities())
      let column = VectorColumn("image_vector", dim: CitusCluster.dimension)
      var search = VectorSearch(
        table: try cluster.name,
        columns: ["id", "class"],
        nearest: column,
        to: .row(key: "id", value: .int4(7)),
        by: .l2,
        limit: 5
      )
      search.settings.efSearch = 400
      let nearest = CitusCluster.nearest(to: CitusCluster.vector(7), count: 5)
      func ids(_ search: VectorSearch) async throws -> [Int64] {
        try await cluster.connection.query(try search.rendered(for: dialect)).map {
          Int64(try $0.value(at: 0, as: Int.self))
        }
      }
      #expect(try await ids(search) == nearest)
      var paged = search
      paged.tieBreak = "id"
      #expect(try await ids(paged) == nearest)
      var passes = search
      passes.firstPass = FirstPass(nil, candidates: 100)
      #expect(try await ids(passes) == nearest)
      var radius = search
      radius.limit = nil
      radius.maximumDistance = 0.01
      #expect(try await ids(radius) == [7])
      var perClass = search
      perClass.perValueOf = "class"
      perClass.limit = 1
      #expect(try await ids(perClass).count == 10)
      let weighted = WeightedSearch(
        table: try cluster.name,
        columns: ["id"],
        key: "id",
        terms: [.init(column, near: CitusCluster.vector(7), by: .l2)],
        limit: 5,
        candidates: 50
      )
      let found = try await cluster.connection.query(try weighted.rendered(for: dialect))
      #expect(try found.map { Int64(try $0.value(at: 0, as: Int.self)) } == nearest)
    }
  }

  // Loads.

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
      let second = try await load(cluster, lines(300..<700, "b"), .skip, method)
      #expect((second.counts.loaded, second.counts.skipped) == (200, 200))
      let third = try await load(cluster, lines(600..<800, "c"), .update, method)
      #expect((third.counts.loaded, third.counts.replaced) == (200, 100))
      let classes = "SELECT class || count(*) FROM \(cluster.schema).image_search GROUP BY class ORDER BY 1"
      #expect(try await cluster.column(classes) == ["a500", "b100", "c200"])
    }
  }

  // Findings.

  private func findings(_ cluster: CitusCluster) async throws -> [String: Finding] {
    var expectations = Expectations(table: try cluster.table, dialect: .pgvector)
    expectations.topK = 10
    let found = try await Doctor(expectations).examine(cluster.connection)
    return Dictionary(found.map { ($0.check, $0) }, uniquingKeysWith: { first, _ in first })
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
      let shard = try await worker.column(
        "SELECT shard_name FROM citus_shards WHERE table_name = '\(cluster.schema).image_search'::regclass AND nodeport = "
          + "current_setting('port')::int ORDER BY shardid LIMIT 1"
      )
      let number = try #require(shard.first?.split(separator: "_").last)
      try await worker.run(
        trusted: "SET citus.enable_manual_changes_to_shards = on; "
          + "DROP INDEX \(cluster.schema).image_search_image_vector_idx_\(number)"
      )
      await worker.close()
      let found = try await findings(cluster)
      let finding = try #require(found["shards"])
      #expect(finding.message.hasPrefix("1 of 4 shards have no vector index"))
      for statement in try #require(finding.fix).split(separator: ";") where statement.contains("INDEX") {
        try await cluster.connection.run(trusted: String(statement))
      }
      #expect(try await findings(cluster)["shards"]?.severity == .ok)
    }
  }

  @Test func theDoctorNamesAShardWhoseIndexFindsLessThanTheOthers() async throws {
    try await CitusCluster.withImages { cluster in
      let worker = try await cluster.worker()
      let shard = try await worker.column(
        "SELECT shard_name FROM citus_shards WHERE table_name = '\(cluster.schema).image_search'::regclass AND nodeport = "
          + "current_setting('port')::int ORDER BY shardid LIMIT 1"
      )
      let number = try #require(shard.first?.split(separator: "_").last)
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
      for statement in try #require(finding.fix).split(separator: ";") where statement.contains("INDEX") {
        try await cluster.connection.run(trusted: String(statement))
      }
      #expect(try await findings(cluster)["shards"]?.severity == .ok)
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

  @Test func theDoctorNamesATableOfTheCoordinatorAlone() async throws {
    try await CitusCluster.with { cluster in
      _ = try await cluster.migrator(["placement": "local"]).up(on: cluster.connection).report
      let finding = try #require(try await findings(cluster)["shards"])
      #expect(finding.severity == .warning)
      try await cluster.connection.run(trusted: try #require(finding.fix))
      #expect(try await findings(cluster)["shards"]?.severity == .ok)
    }
  }
}
