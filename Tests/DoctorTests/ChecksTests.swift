import Testing
import VectorSQL

@testable import Doctor
@testable import ImageSearch
@testable import PostgresClient

/// What each check says of given facts; that the facts are read rightly is shown on a server, by `adbvec doctor`.
@Suite struct ChecksTests {
  private func server(_ change: (inout ServerCapabilities) -> Void = { _ in }) -> ServerCapabilities {
    var server = ServerCapabilities(serverVersion: 180_000, versionText: "PostgreSQL 18.0")
    server.extensions["vector"] = .init(version: "0.8.6", schema: "public")
    change(&server)
    return server
  }

  private func table(
    _ type: String = "vector(4)",
    storage: String = "p",
    index: VectorTable.Index? = index()
  ) -> VectorTable {
    VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .table,
      columns: [
        column("id", "integer", isRequired: true, storage: "p"), column("class", "text", storage: "x"),
        column("image_vector", type, storage: storage),
      ],
      vectorIndexes: index.map { [$0] } ?? [],
      estimatedRows: 1000,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
  }

  private func column(_ name: String, _ type: String, isRequired: Bool = false, storage: String)
    -> VectorTable.Column
  {
    .init(
      name: name,
      type: type,
      typeOID: 1,
      isRequired: isRequired,
      hasDefault: false,
      isUnique: name == "id",
      storage: storage
    )
  }

  private static func index(
    _ operatorClass: String = "vector_l2_ops",
    isValid: Bool = true
  ) -> VectorTable.Index {
    .init(
      name: "i",
      method: "hnsw",
      operatorClass: operatorClass,
      options: [:],
      definition: "",
      isAttached: false,
      isValid: isValid
    )
  }

  private func finding(
    _ check: String,
    _ facts: Facts,
    dialect: Dialect = .pgvector,
    _ change: (inout Expectations) -> Void = { _ in }
  ) throws -> Finding {
    var expectations = Expectations(table: ImageTable(), dialect: dialect)
    change(&expectations)
    return try #require(Doctor.judge(facts, expectations).first { $0.check == check })
  }

  private func facts(
    _ table: VectorTable?,
    _ change: (inout Facts) throws -> Void = { _ in }
  ) rethrows -> Facts {
    var facts = Facts(server: server(), database: "shop")
    facts.table = table
    try change(&facts)
    return facts
  }

  @Test func aSandboxSaysThatItIsOne() throws {
    let facts = Facts(
      server: server {
        $0.isSandbox = true
        $0.extensions["fastann"] = .init(version: "1.0", schema: "public")
      },
      database: "shop"
    )
    #expect(
      try finding("engine", facts).message
        == "PostgreSQL 18 with adbvec's sandbox of AnalyticDB (fastann 1.0): for development, not AnalyticDB itself"
    )
  }

  /// 'migrate up' would say that there is nothing to do.
  @Test func aTableThatWasDroppedByHand() throws {
    #expect(try finding("table", facts(nil)).fix == "adbvec migrate up (or name the table with --table)")
    let fix = try finding("table", facts(nil) { $0.appliedMigrations = ["0001", "0002", "0003"] }).fix
    #expect(
      fix?.contains("adbvec migrate repair --mark-pending VERSION for each of its versions (0001…0003)")
        == true
    )
  }

  @Test func theProductIsNamed() throws {
    let facts = Facts(
      server: server {
        $0.product = .analyticDB
        $0.productVersion = "6.3.10.18"
        $0.serverVersion = 90_426
      },
      database: "shop"
    )
    #expect(try finding("engine", facts).message == "AnalyticDB for PostgreSQL 6.3.10.18 on PostgreSQL 9")
    let dialect = try finding("dialect", facts)
    #expect(dialect.severity == .wrong)
    #expect(dialect.fix == "adbvec doctor --dialect analyticdb, and dialect: analyticdb in adbvec.yaml")
  }

  @Test func aTableThatWasNeverAnalysed() throws {
    let facts = facts(table()) {
      $0.statistics = .init(liveRows: 5, changedRows: 5, isAnalyzed: false)
    }
    let finding = try self.finding("statistics", facts)
    #expect(finding.severity == .wrong)
    #expect(finding.fix == #"ANALYZE "public"."image_search";"#)
  }

  @Test(arguments: [(200, Finding.Severity.ok), (201, .wrong)])
  func aFifthOfTheRowsMayChange(_ changed: Int, _ verdict: Finding.Severity) throws {
    let facts = facts(table()) {
      $0.statistics = .init(liveRows: 1000, changedRows: changed, isAnalyzed: true)
    }
    #expect(try finding("statistics", facts).severity == verdict)
  }

  /// `(index, exact)` in milliseconds.
  @Test(arguments: [(0.5, 0.8, Finding.Severity.ok), (0.1, 0.9, .ok), (0.5, 5.0, .wrong)])
  func comparingAllRowsIsWrongOnlyWhereItIsSlow(
    _ index: Double,
    _ exact: Double,
    _ verdict: Finding.Severity
  ) throws {
    let search = VectorSearch(
      table: "public.image_search",
      columns: ["id"],
      nearest: VectorColumn("image_vector", dim: 4),
      to: .vector([1, 2, 3, 4]),
      by: .l2,
      limit: 10
    )
    let facts = try facts(table()) {
      $0.plan = try SearchPlan(
        explain: ["Seq Scan on image_search  (cost=0.00..10.00 rows=1000 width=4)"],
        of: search,
        indexes: [.init(Self.index())],
        dialect: .pgvector
      )
      $0.forcedIndex = "i"
      $0.trials = [
        SearchTrial(indexed: [1], exact: [1], indexMilliseconds: index, exactMilliseconds: exact)
      ]
    }
    let finding = try self.finding("plan", facts)
    #expect(finding.severity == verdict, "\(finding.message)")
    var small = facts
    small.statistics = .init(liveRows: 999, changedRows: 0, isAnalyzed: true)
    #expect(try self.finding("plan", small).severity == .ok)
  }

  private func plan(uses index: String?) throws -> SearchPlan {
    let search = VectorSearch(
      table: "public.image_search",
      columns: ["id"],
      nearest: VectorColumn("image_vector", dim: 4),
      to: .vector([1, 2, 3, 4]),
      by: .l2,
      limit: 10
    )
    let lines = index.map {
      ["Limit", "  ->  Index Scan using \($0) on image_search", "        Order By: (v <-> x)"]
    }
    return try SearchPlan(
      explain: lines ?? ["Seq Scan on image_search  (cost=0.00..10.00 rows=1000 width=4)"],
      of: search,
      indexes: [],
      dialect: .pgvector
    )
  }

  @Test func recallIsTheMeanOfTheTrials() throws {
    let facts = try facts(table()) {
      $0.plan = try plan(uses: "i")
      $0.forcedIndex = "i"
      $0.trials = [
        SearchTrial(indexed: [1, 2, 9], exact: [1, 2, 3]), SearchTrial(indexed: [1, 2], exact: [1, 2]),
      ]
    }
    let finding = try self.finding("recall", facts) { $0.topK = 3 }
    #expect(finding.severity == .wrong)
    #expect(
      finding.message == "the index finds 83.3 % of the true 3 neighbours of 2 rows, fewer than 90.0 %"
    )
    #expect(try self.finding("recall", facts) { $0.minimumRecall = 0.8 }.severity == .ok)
  }

  @Test func rowsAtEqualDistancesCountAsFound() {
    #expect(SearchTrial(indexed: [0, 1, 1], exact: [0, 1, 1.0000001]).recall == 1)
    #expect(SearchTrial(indexed: [], exact: []).recall == 1)
    #expect(SearchTrial(indexed: [], exact: [1, 2]).recall == 0)
  }

  @Test func aRowThatNoPageHolds() throws {
    let facts = facts(table("real[]")) {
      $0.vectors = .init(rows: 3, vectors: 3, leastDimension: 3000, greatestDimension: 3000)
    }
    let finding = try self.finding("storage", facts, dialect: .analyticDB)
    #expect(
      finding.message
        == "a row with 3000 numbers takes about 12068 bytes, and a page has room for 8160; "
        + "PLAIN storage refuses such rows"
    )
  }

  @Test(arguments: [("8", nil, Finding.Severity.wrong), ("8", "strict_order", .ok), ("40", nil, .ok)])
  func settingsBelowTheNumberOfRows(
    _ candidates: String,
    _ iterative: String?,
    _ verdict: Finding.Severity
  ) throws {
    let facts = facts(table()) {
      $0.settings = ["hnsw.ef_search": candidates]
      $0.settings["hnsw.iterative_scan"] = iterative ?? "off"
    }
    #expect(try finding("settings", facts).severity == verdict)
  }

  @Test func nothingIsSaidTwice() {
    let facts = self.facts(nil) { $0.operatorClasses = [.init(method: "hnsw", name: "vector_l2_ops")] }
    let findings = Doctor.judge(facts, Expectations(table: ImageTable(), dialect: .pgvector))
    #expect(findings.filter { $0.severity == .wrong }.map(\.check) == ["table"])
    #expect(Set(findings.map(\.check)).count == findings.count)
  }

  @Test func invalidParentIndexIsFixedByAttachingParts() throws {
    let parent = VectorTable.Index(
      name: "\"p idx\"",
      method: "hnsw",
      operatorClass: "vector_l2_ops",
      options: [:],
      definition:
        "CREATE INDEX \"p idx\" ON ONLY public.image_search USING hnsw (image_vector vector_l2_ops)",
      isAttached: false,
      isValid: false
    )
    let facts = facts(table(index: parent)) {
      var built = Facts.Part(name: "p1")
      built.indexes = [
        .init(
          name: "p1_i",
          parent: nil,
          isValid: true,
          definition: "CREATE INDEX p1_i ON public.p1 USING hnsw (image_vector vector_l2_ops)"
        )
      ]
      var done = Facts.Part(name: "p2")
      done.indexes = [.init(name: "p2_i", parent: "\"p idx\"", isValid: true, definition: "")]
      $0.parts = [Facts.Part(name: "p0"), built, done]
    }
    let finding = try finding("index", facts) { _ in }
    #expect(finding.message.contains("2 of 3 are not"))
    #expect(
      finding.fix == #"CREATE INDEX "p0_p idx" ON p0 USING hnsw (image_vector vector_l2_ops); "#
        + #"ALTER INDEX "p idx" ATTACH PARTITION "p0_p idx"; ALTER INDEX "p idx" ATTACH PARTITION p1_i;"#
    )
  }

  @Test func partitionWithoutIndexIsNamed() throws {
    let index = Facts.Part.Index(name: "i", parent: nil, isValid: true, definition: "")
    let facts = facts(table(index: nil)) {
      $0.parts = [Facts.Part(name: "p0", indexes: [index]), Facts.Part(name: "p1")]
    }
    let finding = try finding("index", facts)
    #expect(finding.message == "the partition p1 has no vector index; searches compare all of its rows")
    #expect(
      finding.fix?.hasPrefix(#"CREATE INDEX "image_search_image_vector_hnsw" ON "public"."image_search""#)
        == true
    )
  }

  @Test func fixesSayWhoMustRunThem() throws {
    let restricted = VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .table,
      columns: table().columns,
      vectorIndexes: [],
      estimatedRows: 1000,
      isOwned: false,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
    #expect(
      try finding("index", facts(restricted)).fix?.hasPrefix(
        #"as the owner of "public"."image_search": CREATE"#
      ) == true
    )
    let standby = facts(table(index: nil)) { $0.server.isStandby = true }
    #expect(try finding("index", standby).fix?.hasPrefix("on the primary server: CREATE INDEX") == true)
  }

  /// `(files, may create)`.
  @Test(arguments: [(false, false), (true, false), (true, true)])
  func createExtensionIsAdvisedOnlyWhereItWorks(_ hasFiles: Bool, _ mayCreate: Bool) throws {
    var facts = try facts(nil)
    facts.server.extensions = [:]
    if hasFiles { facts.extensionFiles["vector"] = .init(version: "0.8.6", mayCreate: mayCreate) }
    let finding = try finding("extension", facts)
    #expect(finding.severity == .wrong)
    #expect((finding.fix == "CREATE EXTENSION vector;") == mayCreate)
    #expect(finding.fix?.contains("install pgvector on the server") == !hasFiles)
  }

  @Test(arguments: [("0.7.4", Finding.Severity.warning), ("0.8.1", .warning), ("0.8.6", .ok), ("0.10", .ok)])
  func releasesOfPgvectorWithKnownErrorsAreNamed(_ version: String, _ severity: Finding.Severity) throws {
    var facts = try facts(nil)
    facts.server.extensions["vector"] = .init(version: version, schema: "public")
    #expect(try finding("extension", facts).severity == severity)
  }

  @Test func recallOfIvfflatIsRaisedByProbes() throws {
    let lists = VectorTable.Index(
      name: "i",
      method: "ivfflat",
      operatorClass: "vector_l2_ops",
      options: ["lists": "100"],
      definition: "",
      isAttached: false,
      isValid: true
    )
    let facts = try facts(table(index: lists)) {
      $0.plan = try plan(uses: "i")
      $0.forcedIndex = "i"
      $0.server.isSuperuser = true
      $0.database = "a\"\u{301}; DROP TABLE x; --"
      $0.trials = [SearchTrial(indexed: [], exact: [1, 2])]
    }
    let fix = try #require(try finding("recall", facts).fix)
    #expect(fix == "ALTER DATABASE \"a\"\"\u{301}; DROP TABLE x; --\" SET ivfflat.probes = 10;")
  }

  @Test func trialsWithoutIndexAreNoRecall() throws {
    let facts = try facts(table()) {
      $0.plan = try plan(uses: nil)
      $0.trials = [SearchTrial(indexed: [1], exact: [1])]
    }
    #expect(try finding("recall", facts).severity == .skipped)
    #expect(try finding("plan", facts).severity == .wrong)
  }

  /// The fix of a column without an index, for vectors of some dimension.
  private func index(
    on type: String,
    dimension: Int?,
    isDomain: Bool = false,
    _ change: (inout Expectations) -> Void = { _ in }
  ) throws -> Finding {
    var vectors = column("image_vector", type, storage: "e")
    vectors.isDomain = isDomain
    let table = VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .table,
      columns: [column("id", "integer", isRequired: true, storage: "p"), vectors],
      vectorIndexes: [],
      estimatedRows: 10,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
    return try finding(
      "index",
      facts(table) {
        $0.vectors = .init(
          rows: 10,
          vectors: dimension == nil ? 0 : 10,
          leastDimension: dimension,
          greatestDimension: dimension
        )
      },
      change
    )
  }

  private static let create =
    #"CREATE INDEX "image_search_image_vector_hnsw" ON "public"."image_search" USING hnsw ("image_vector" "#

  @Test(arguments: [
    ("vector(3)", 3, false, "\(create)vector_l2_ops);"), ("bit(8)", nil, false, "\(create)bit_hamming_ops);"),
    ("sparsevec(9)", nil, false, "\(create)sparsevec_l2_ops);"),
    ("vector(3)", 3, true, "\(alter)vector(3); \(create)vector_l2_ops);"),
    ("vector", 3, false, "\(alter)vector(3); \(create)vector_l2_ops);"),
    ("vector(2500)", 2500, false, "\(alter)halfvec(2500); \(create)halfvec_l2_ops);"),
    ("vector(5000)", 5000, false, signs("vector", 5000)),
    ("halfvec(4500)", 4500, false, signs("halfvec", 4500)),
  ])
  func theIndexThatIsAdvisedCanBeMade(type: String, dimension: Int?, isDomain: Bool, fix: String) throws {
    #expect(try index(on: type, dimension: dimension, isDomain: isDomain).fix == fix)
  }

  private static let alter =
    #"ALTER TABLE "public"."image_search" ALTER COLUMN "image_vector" TYPE "#

  private static func signs(_ type: String, _ dimension: Int) -> String {
    #"CREATE INDEX "image_search_image_vector_bq" ON "public"."image_search" USING hnsw "#
      + #"((binary_quantize("image_vector")::bit(\#(dimension))) bit_hamming_ops); "#
      + #"COMMENT ON INDEX "public"."image_search_image_vector_bq" IS 'first pass of searches by l2';"#
  }

  @Test func anIndexWaitsForADimension() throws {
    #expect(try index(on: "vector", dimension: nil).severity == .skipped)
    #expect(try index(on: "vector", dimension: nil) { $0.dimension = 4 }.severity == .wrong)
  }

  /// The second of two equal statements would find the index there.
  @Test func oneIndexIsAdvisedOnce() throws {
    var partial = Self.index()
    partial.predicate = "class = 'a'"
    let facts = try facts(table(index: partial)) { $0.plan = try plan(uses: nil) }
    #expect(try finding("index", facts).fix?.contains("CREATE INDEX") == true)
    let judged = try finding("plan", facts)
    #expect(judged.severity == .wrong)
    #expect(judged.fix?.contains("CREATE INDEX") == false)
  }

  @Test func aMissingRightIsGranted() throws {
    let facts = facts(table()) {
      $0.searchError = "permission denied for table image_search (SQLSTATE 42501)"
      $0.lacksRight = true
      $0.role = "re\"ader"
    }
    #expect(
      try finding("plan", facts).fix
        == #"as the owner of "public"."image_search": GRANT USAGE ON SCHEMA "public" TO "re""ader"; "#
        + #"GRANT SELECT ON "public"."image_search" TO "re""ader";"#
    )
  }

  /// A server without AnalyticDB's index has no use for its dialect.
  @Test func arraysBecomeVectorsWhereNoIndexServesArrays() throws {
    let facts = facts(table("real[]", index: nil)) {
      $0.vectors = .init(rows: 2, vectors: 2, leastDimension: 4, greatestDimension: 4)
    }
    #expect(try finding("dialect", facts).fix == Self.alter + "vector(4);")
    let withFiles = self.facts(table("real[]", index: nil)) {
      $0.extensionFiles["fastann"] = .init(version: "1.0", mayCreate: true)
    }
    #expect(try finding("dialect", withFiles).fix?.hasPrefix("adbvec doctor --dialect analyticdb") == true)
  }

  @Test func viewHasNoIndexOfItsOwn() throws {
    let view = VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .init(rawValue: "v"),
      columns: table().columns,
      vectorIndexes: [],
      estimatedRows: 0,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: true
    )
    for check in ["index", "storage", "statistics"] {
      #expect(try finding(check, facts(view)).severity == .skipped)
    }
  }

  @Test func utilityModeIsRefused() throws {
    let facts = facts(nil) { $0.server.isUtilitySession = true }
    #expect(try finding("engine", facts).severity == .wrong)
  }

  @Test func aWorkerIsRefusedWithTheCoordinatorsAddress() throws {
    let finding = try finding("engine", facts(nil) { $0.server.node = .worker(coordinator: "db1:5432") })
    #expect(finding.fix == "connect to the coordinator, db1:5432")
  }

  /// A table on two workers, as the shards tell.
  private func onWorkers(
    _ shards: [Facts.Shard],
    _ change: (inout Facts) -> Void = { _ in }
  ) throws -> Finding {
    let facts = facts(table(index: Self.index())) {
      $0.server.product = .citus
      $0.shards = shards
      $0.placement = Facts.Placement(column: "id", nodes: ["a:1", "b:1"])
      change(&$0)
    }
    return try finding("shards", facts)
  }

  private func shard(
    _ name: String,
    _ node: String,
    rows: Int = 2000,
    _ change: (inout Facts.Shard) -> Void = { _ in }
  )
    -> Facts.Shard
  {
    var shard = Facts.Shard(name: name, node: node, rows: rows, bytes: rows * 8192, validIndexes: 1)
    shard.buildMemory = 65_536
    change(&shard)
    return shard
  }

  @Test func shardsAreJudgedByRowsNodesIndexesAndMemory() throws {
    let even = [shard("1", "a:1"), shard("2", "b:1"), shard("3", "a:1"), shard("4", "b:1")]
    #expect(try onWorkers(even).message == "4 on 2 nodes, 2000 to 2000 rows, 15 to 15 MB each")
    var shards = even
    shards[0].rows = 9000
    #expect(try onWorkers(shards).message.hasPrefix("the largest part has 2.4 times the mean"))
    let table = #"'"public"."image_search"'"#
    #expect(
      try onWorkers(shards).fix
        == "SELECT alter_distributed_table(\(table), shard_count => 6, cascade_to_colocated => false);"
    )
    let byClass = try onWorkers(shards) {
      $0.placement.column = "class"
      $0.placement.keysWithoutID = ["t_class_key"]
    }
    #expect(
      byClass.fix == #"extend or drop t_class_key, without "id"; then "#
        + "SELECT alter_distributed_table(\(table), distribution_column => 'id');"
    )
    shards = even
    shards[1].node = "a:1"
    shards[3].node = "a:1"
    shards[3].bytes *= 4
    shards.append(shard("5", "b:1"))
    #expect(try onWorkers(shards).fix == "SELECT citus_rebalance_start();")
    #expect(
      try onWorkers(shards) { $0.placement.movesWhileWritten = false }.fix
        == "SELECT citus_rebalance_start(shard_transfer_mode => 'block_writes');"
    )
    // Moving one of five shards of four nodes only makes another node the fullest; a new node has none.
    let five = (1...5).map { shard("\($0)", "n\($0 % 4)", rows: 4000) }
    let four = (0...3).map { "n\($0)" }
    #expect(try onWorkers(five) { $0.placement.nodes = four }.severity == .ok)
    let large = even.map { shard($0.name, $0.node, rows: 4000) }
    #expect(
      try onWorkers(large) { $0.placement.nodes += ["c:1", "d:1"] }.message
        == "the node a:1 has 2.0 times the mean of 4 nodes"
    )
    shards = even
    shards[2].deadRows = 3000
    #expect(try onWorkers(shards).fix == #"VACUUM "public"."image_search";"#)
    shards = even
    shards[2].bytes *= 3
    #expect(
      try onWorkers(shards).message.hasPrefix(
        "shard 3 on a:1 takes 24576 bytes a row, half of the shards at most"
      )
    )
    shards = even
    shards[2].invalidIndexes = 1
    let broken = try onWorkers(shards)
    #expect(broken.severity == .wrong)
    #expect(broken.fix?.hasPrefix("DROP INDEX CONCURRENTLY IF EXISTS ") == true)
    shards = even
    shards[2].invalidIndexes = 1
    shards[2].buildingIndexes = 1
    #expect(try onWorkers(shards).severity == .skipped)
    shards = even
    shards[1].problem = "connection refused"
    let silent = try onWorkers(shards)
    #expect(silent.severity == .wrong)
    #expect(silent.message.hasPrefix("1 of 4 shards do not answer, such as 2 on b:1"))
    shards = even
    for index in shards.indices { (shards[index].indexBytes, shards[index].cache) = (600 << 20, 1_048_576) }
    #expect(
      try onWorkers(shards).message.hasPrefix("the vector indexes on a:1 take 1200 MB, more than the 1024 MB")
    )
    for index in shards.indices { shards[index].indexBytes = 500 << 20 }
    #expect(
      try onWorkers(shards).message.hasSuffix(
        "vector indexes of 1000 MB on a node, which expects to keep 1024 MB in memory"
      )
    )
    shards = even
    shards[1].buildMemory = 1024 * 1024
    #expect(try onWorkers(shards).fix?.contains("maintenance_work_mem = ''1048576kB''") == true)
    #expect(try onWorkers([]).severity == .warning)
  }

  @Test func aShardWhoseIndexFindsLessThanTheOthersIsNamed() throws {
    func judged(_ found: [Int], of wanted: Int) throws -> Finding {
      try onWorkers(
        found.enumerated().map { number, found in
          shard("\(number)", "a:1") { ($0.neighbors, $0.foundNeighbors) = (wanted, found) }
        }
      ) { $0.placement.nodes = ["a:1"] }
    }
    let one = try judged([99, 40, 97], of: 100)
    #expect(one.severity == .wrong)
    #expect(one.message.hasPrefix("the index of shard 1 on a:1 finds 40 of the 100 true neighbours"))
    #expect(one.fix?.hasPrefix("DROP INDEX CONCURRENTLY IF EXISTS ") == true)
    #expect(try judged([99, 97, 90], of: 100).message.hasSuffix("; recall 90 to 99 %"))
    // Few neighbours say little, and a recall that is low everywhere is the settings'.
    #expect(try judged([10, 3, 10], of: 10).severity == .ok)
    #expect(try judged([40, 30, 45], of: 100).severity == .ok)
  }

  @Test func oneNodeHasNoShards() throws {
    let expectations = Expectations(table: ImageTable(), dialect: .pgvector)
    let findings = Doctor.judge(try facts(table()), expectations)
    #expect(!findings.contains { $0.check == "shards" })
  }

  /// Greenplum 6, whose base has neither pgvector nor `ann`.
  private func greenplum6(_ table: VectorTable?, _ change: (inout Facts) -> Void = { _ in }) -> Facts {
    facts(table) {
      $0.server = ServerCapabilities(
        product: .greenplum,
        productVersion: "6.24.3",
        serverVersion: 90_426,
        versionText: "PostgreSQL 9.4.26 (Greenplum Database 6.24.3)",
        blockSize: 32_768
      )
      change(&$0)
    }
  }

  @Test func greenplumSixIsAdvisedWhatItCanFollow() throws {
    let none = try finding("extension", greenplum6(nil))
    #expect(none.fix?.hasPrefix("use Greenplum 7 or Cloudberry") == true)
    let ann = try finding("extension", greenplum6(nil), dialect: .analyticDB)
    #expect(ann.fix?.contains("CASCADE") == false)
    #expect(ann.fix?.contains("CREATE EXTENSION") == false && ann.severity == .warning)
    let index = try finding(
      "index",
      greenplum6(table("real[]", storage: "x", index: nil)),
      dialect: .analyticDB
    )
    #expect(index.severity == .skipped)
  }

  @Test func segmentsAreJudgedByTheirBytes() throws {
    func judged(_ megabytes: [Int]) throws -> Finding {
      try finding(
        "shards",
        greenplum6(table("real[]", index: nil)) {
          $0.shards = megabytes.enumerated().map {
            Facts.Shard(name: "\($0)", node: "segment \($0)", bytes: $1 << 20)
          }
        },
        dialect: .analyticDB
      )
    }
    #expect(try judged([100, 101, 99]).message == "3 on 3 nodes, 99 to 101 MB each")
    let skewed = try judged([250, 20, 30])
    #expect(
      skewed.severity == .warning && skewed.message.hasPrefix("the largest part has 2.5 times the mean")
    )
    // Without REORGANIZE the server leaves a table alone that is distributed by this column.
    #expect(
      skewed.fix
        == #"ALTER TABLE "public"."image_search" SET WITH (REORGANIZE=true) DISTRIBUTED BY ("id");"#
    )
  }

  @Test(arguments: [(true, 5000, 3000), (false, 50, 3000), (false, 5000, 63)])
  func storageIsNoMatterForSmallAndAppendOptimisedTables(
    _ isAppendOptimised: Bool,
    _ rows: Int,
    _ dimension: Int
  )
    throws
  {
    let facts = greenplum6(table("real[]", storage: "x", index: nil)) {
      $0.isAppendOptimised = isAppendOptimised
      $0.vectors = .init(rows: rows, vectors: rows, leastDimension: dimension, greatestDimension: dimension)
    }
    #expect(try finding("storage", facts, dialect: .analyticDB).severity == .ok)
  }

  @Test func numbersAtTheirLimitsAreJudged() throws {
    let facts = facts(table()) {
      $0.settings = ["hnsw.ef_search": "5"]
      $0.statistics = .init(liveRows: .max, changedRows: .max, isAnalyzed: true)
    }
    #expect(try finding("settings", facts) { $0.topK = .max }.severity == .wrong)
    #expect(try finding("statistics", facts).severity == .wrong)
  }
}
