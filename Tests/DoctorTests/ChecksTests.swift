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
    #expect(dialect.verdict == .wrong)
    #expect(dialect.remedy == "adbvec … --dialect analyticdb")
  }

  @Test func aTableThatWasNeverAnalysed() throws {
    let facts = facts(table()) {
      $0.statistics = .init(liveRows: 5, changedRows: 5, isAnalyzed: false)
    }
    let finding = try self.finding("statistics", facts)
    #expect(finding.verdict == .wrong)
    #expect(finding.remedy == #"ANALYZE "public"."image_search";"#)
  }

  @Test(arguments: [(200, Finding.Verdict.ok), (201, .wrong)])
  func aFifthOfTheRowsMayChange(_ changed: Int, _ verdict: Finding.Verdict) throws {
    let facts = facts(table()) {
      $0.statistics = .init(liveRows: 1000, changedRows: changed, isAnalyzed: true)
    }
    #expect(try finding("statistics", facts).verdict == verdict)
  }

  /// `(index, exact)` in milliseconds.
  @Test(arguments: [(0.5, 0.8, Finding.Verdict.ok), (0.1, 0.9, .ok), (0.5, 5.0, .wrong)])
  func comparingAllRowsIsWrongOnlyWhereItIsSlow(
    _ index: Double,
    _ exact: Double,
    _ verdict: Finding.Verdict
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
      $0.trials = [
        SearchTrial(indexed: [1], exact: [1], indexMilliseconds: index, exactMilliseconds: exact)
      ]
    }
    let finding = try self.finding("plan", facts)
    #expect(finding.verdict == verdict, "\(finding.message)")
  }

  @Test func recallIsTheMeanOfTheTrials() throws {
    let facts = facts(table()) {
      $0.trials = [
        SearchTrial(indexed: [1, 2, 9], exact: [1, 2, 3]), SearchTrial(indexed: [1, 2], exact: [1, 2]),
      ]
    }
    let finding = try self.finding("recall", facts) { $0.topK = 3 }
    #expect(finding.verdict == .wrong)
    #expect(
      finding.message == "the index finds 83.3 % of the true 3 neighbours of 2 rows, fewer than 90.0 %"
    )
    #expect(try self.finding("recall", facts) { $0.minimumRecall = 0.8 }.verdict == .ok)
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

  @Test(arguments: [("8", nil, Finding.Verdict.wrong), ("8", "strict_order", .ok), ("40", nil, .ok)])
  func settingsBelowTheNumberOfRows(
    _ candidates: String,
    _ iterative: String?,
    _ verdict: Finding.Verdict
  ) throws {
    let facts = facts(table()) {
      $0.settings = ["hnsw.ef_search": candidates]
      $0.settings["hnsw.iterative_scan"] = iterative ?? "off"
    }
    #expect(try finding("settings", facts).verdict == verdict)
  }

  @Test func nothingIsSaidTwice() {
    let facts = self.facts(nil) { $0.operatorClasses = [.init(method: "hnsw", name: "vector_l2_ops")] }
    let findings = Doctor.judge(facts, Expectations(table: ImageTable(), dialect: .pgvector))
    #expect(findings.filter { $0.verdict == .wrong }.map(\.check) == ["table"])
    #expect(Set(findings.map(\.check)).count == findings.count)
  }
}
