import Testing
import Tuning
import VectorSQL

@testable import Doctor
@testable import ImageSearch
@testable import PostgresClient

/// What each check says of given facts; that the facts are read rightly is shown on a server, by `adbvec doctor`.
@Suite struct ChecksTests: JudgedFacts {
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
  func aFifthOfTheRowsMayChange(_ changed: Int, _ severity: Finding.Severity) throws {
    let facts = facts(table()) {
      $0.statistics = .init(liveRows: 1000, changedRows: changed, isAnalyzed: true)
    }
    #expect(try finding("statistics", facts).severity == severity)
  }

  /// `(index, exact)` in milliseconds.
  @Test(arguments: [(0.5, 0.8, Finding.Severity.ok), (0.1, 0.9, .ok), (0.5, 5.0, .wrong)])
  func comparingAllRowsIsWrongOnlyWhereItIsSlow(
    _ index: Double,
    _ exact: Double,
    _ severity: Finding.Severity
  ) throws {
    let facts = try facts(table()) {
      $0.plan = try SearchPlan(
        explain: ["Seq Scan on image_search  (cost=0.00..10.00 rows=1000 width=4)"],
        of: Self.search,
        indexes: [.init(Self.index())],
        dialect: .pgvector
      )
      $0.forcedIndex = "i"
      $0.trials = [
        SearchTrial(indexed: [1], exact: [1], indexMilliseconds: index, exactMilliseconds: exact)
      ]
    }
    let finding = try self.finding("plan", facts)
    #expect(finding.severity == severity, "\(finding.message)")
    var small = facts
    small.statistics = .init(liveRows: 999, changedRows: 0, isAnalyzed: true)
    #expect(try self.finding("plan", small).severity == .ok)
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
    _ severity: Finding.Severity
  ) throws {
    let facts = facts(table()) {
      $0.settings = ["hnsw.ef_search": candidates]
      $0.settings["hnsw.iterative_scan"] = iterative ?? "off"
    }
    #expect(try finding("settings", facts).severity == severity)
  }

  @Test func nothingIsSaidTwice() {
    let facts = self.facts(nil) { $0.operatorClasses = [.init(method: "hnsw", name: "vector_l2_ops")] }
    let findings = Doctor.judge(facts, Expectations(table: ImageTable(), dialect: .pgvector))
    #expect(findings.filter { $0.severity == .wrong }.map(\.check) == ["table"])
    #expect(Set(findings.map(\.check)).count == findings.count)
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
    #expect(
      try finding("dialect", facts).fix
        == #"ALTER TABLE "public"."image_search" ALTER COLUMN "image_vector" TYPE vector(4);"#
    )
    let withFiles = self.facts(table("real[]", index: nil)) {
      $0.extensionFiles["fastann"] = .init(version: "1.0", mayCreate: true)
    }
    #expect(try finding("dialect", withFiles).fix?.hasPrefix("adbvec doctor --dialect analyticdb") == true)
  }

  @Test func utilityModeIsRefused() throws {
    let facts = facts(nil) { $0.server.node = .utility }
    #expect(try finding("engine", facts).severity == .wrong)
  }

  @Test func aWorkerIsRefusedWithTheCoordinatorsAddress() throws {
    let finding = try finding("engine", facts(nil) { $0.server.node = .worker(coordinator: "db1:5432") })
    #expect(finding.fix == "connect to the coordinator, db1:5432")
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

  @Test func parametersOfMigrationsAreExpected() {
    let parameters = ["dim": "512", "distance": "cosine", "hnsw_m": "24", "pq_enable": "true", "other": "1"]
    var expectations = Expectations(table: ImageTable(name: "public.t"), dialect: .pgvector)
    expectations.add(parameters: parameters)
    #expect(expectations.dimension == 512 && expectations.metric == .cosine)
    #expect(expectations.indexOptions == ["m": "24"])
    expectations = Expectations(table: ImageTable(name: "public.t"), dialect: .analyticDB)
    expectations.metric = .l2
    expectations.add(parameters: parameters)
    #expect(expectations.metric == .l2)
    #expect(expectations.indexOptions == ["hnsw_m": "24", "pq_enable": "1"])
  }
}
