import Foundation
@testable import PostgresClient
import Testing
import TestSupport

@testable import Migrations

/// What is asked of an engine and not of a product, and what the documents say of engines.
@Suite struct EngineTests {
  @Test func productsHaveTheirEngines() {
    func engine(_ product: ServerCapabilities.Product) -> Engine {
      ServerCapabilities(product: product, serverVersion: 90_426, versionText: "").engine
    }
    #expect(engine(.postgreSQL) == .singleNode)
    #expect(engine(.citus) == .citus)
    for product in [ServerCapabilities.Product.greenplum, .cloudberry, .analyticDB] {
      #expect(engine(product) == .segments)
    }
    #expect(Engine.citus.commitsInTwoPhases && Engine.segments.commitsInTwoPhases)
  }

  @Test func nodesWhereWorkWouldGoAstrayAreRefused() throws {
    var server = ServerCapabilities(product: .citus, serverVersion: 180_000, versionText: "")
    try server.requireEntryNode()
    server.node = .worker(coordinator: "db1:5432")
    let error = #expect(throws: PostgresError.self) { try server.requireEntryNode() }
    #expect(error?.hint == "connect to the coordinator, db1:5432")
    server.node = .utility
    #expect(throws: PostgresError.self) { try server.requireEntryNode() }
  }

  /// As Citus 14 said it of a COPY.
  @Test func aWorkersRefusalOfARowIsNoInternalError() {
    func state(_ message: String, _ sqlState: String = "XX000") -> String {
      PostgresError.state(sqlState, of: message)
    }
    #expect(state("duplicate key value violates unique constraint \"image_search_pkey_103705\"") == "23505")
    #expect(state("null value in column \"id\" of relation \"t_1\" violates not-null constraint") == "23502")
    #expect(state("new row for relation \"t_1\" violates check constraint \"odd_1\"") == "23514")
    #expect(state("terminating connection due to administrator command") == "XX000")
    #expect(state("duplicate key value violates unique constraint \"t\"", "40001") == "40001")
  }

  /// A segment's error ends with the segment.
  @Test func valuesAreTakenOutOfWhatSegmentsSay() {
    let place = "  (seg1 127.0.0.1:6502 pid=123)"
    for text in [
      "invalid input syntax for integer: \"secret\"", "value \"secret\" is out of range for type integer",
    ] {
      let shown = Redaction.message(text + place, sqlState: "22P02")
      #expect(!shown.contains("secret") && shown.hasSuffix(place), "\(shown)")
    }
  }

  @Test func aDumpOfGreenplumWithoutPlacementIsRefused() throws {
    let dump = "--\nCREATE TABLE public.t (\n    id integer NOT NULL\n)"
    let error = #expect(throws: MigrationError.self) {
      try Migrator.checkPlacement(dump + ";\n", .segments, "pg_dump")
    }
    #expect(error?.hint?.contains("--pg-dump") == true)
    try Migrator.checkPlacement(dump + " DISTRIBUTED BY (id);\n", .segments, "pg_dump")
    try Migrator.checkPlacement(dump + ";\n", .singleNode, "pg_dump")
    try Migrator.checkPlacement("-- nothing\n", .segments, "pg_dump")
  }

  @Test func theDumpProgramOfGreenplumIsFoundWhereItIsInstalled() async throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/bin", withIntermediateDirectories: true)
      let program = folder + "/bin/pg_dump"
      func found(_ engine: Engine, home: String?) -> String? {
        Migrator.ownProgram(of: engine, home: home, folders: ["/nowhere"])
      }
      #expect(found(.segments, home: folder) == nil)
      let isMade = FileManager.default.createFile(
        atPath: program,
        contents: Data(),
        attributes: [.posixPermissions: 0o755]
      )
      #expect(isMade)
      #expect(found(.segments, home: folder) == program)
      #expect(Migrator.ownProgram(of: .segments, home: nil, folders: ["/nowhere", folder]) == program)
      #expect(found(.segments, home: nil) == nil)
      #expect(found(.citus, home: folder) == nil)
    }
  }

  @Test func productsAreToldApartByWhatTheySay() {
    func product(_ text: String, adb: String? = nil, citus: Bool = false, ann: Bool = false) -> String {
      let identity = ProductIdentity(versionText: text, adbpgVersion: adb, hasCitus: citus, hasAnn: ann)
      return [identity.product.description, identity.version].compactMap(\.self).joined(separator: " ")
    }
    let six = "PostgreSQL 9.4.26 (Greenplum Database 6.24.3 build commit:0) on x86_64"
    #expect(product(six) == "Greenplum 6.24.3")
    #expect(product(six, adb: "6.3.10.18", ann: true) == "AnalyticDB for PostgreSQL 6.3.10.18")
    #expect(product(six, ann: true) == "AnalyticDB for PostgreSQL")
    #expect(
      product("PostgreSQL 12.12 (Greenplum Database 7.1.0 build commit:0) on x86_64") == "Greenplum 7.1.0"
    )
    #expect(
      product("PostgreSQL 14.4 (Apache Cloudberry 2.0.0-incubating build 1) on x86_64")
        == "Cloudberry 2.0.0-incubating"
    )
    #expect(product("PostgreSQL 18.6 on x86_64", citus: true) == "Citus")
    #expect(product("PostgreSQL 18.6 on x86_64") == "PostgreSQL")
  }

  /// Each cell says what the engine does and names the tests that show it: `Suite.function`, or the suite and the test's
  /// title in italics.
  @Test func eachCellOfTheTableOfEnginesNamesTestsThatRun() throws {
    let page = try String(contentsOfFile: Environment.package + "/docs/engines.md", encoding: .utf8)
    let lines = page.split(separator: "\n").filter { line in
      line.count { $0 == "|" } == 6 && line.hasPrefix("| ")
    }
    let cells = lines.dropFirst().flatMap { line in
      line.split(separator: "|", omittingEmptySubsequences: false).dropFirst(2).dropLast()
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
    #expect(cells.count > 100 && cells.count.isMultiple(of: 4))
    let tests = try Self.tests()
    for cell in cells where !cell.hasPrefix("–") {
      #expect(["works", "refused"].contains { cell.hasPrefix($0) }, "\(cell)")
      let named =
        cell.matches(of: /`([A-Z]\w+)\.(\w+)`/).map { "\($0.1).\($0.2)" }
        + cell.matches(of: /`([A-Z]\w+)` \*([^*]+)\*/).map { "\($0.1).\($0.2)" }
      #expect(!named.isEmpty, "\(cell)")
      for name in named { #expect(tests.contains(name), "\(name)") }
    }
  }

  /// The functions marked `@Test`, by their suite; none is switched off.
  private static func tests() throws -> Set<String> {
    let root = Environment.package + "/Tests"
    let files = try #require(FileManager.default.enumerator(atPath: root))
    var found: Set<String> = []
    for case let path as String in files where path.hasSuffix(".swift") {
      let source = try String(contentsOfFile: root + "/" + path, encoding: .utf8)
      var (suite, isTest) = ("", false)
      for line in source.split(separator: "\n") where !line.hasPrefix("//") {
        if let match = line.firstMatch(of: /^(?:\S.*?\b)?(?:struct|extension|class) (\w+)/) {
          suite = String(match.1)
        }
        if line.hasPrefix("  @Test") { isTest = !line.contains(".disabled") }
        if isTest, let match = line.firstMatch(of: /^  (?:@Test.*)?func (?:(\w+)|`([^`]+)`)/) {
          found.insert("\(suite).\(match.1 ?? match.2 ?? "")")
          isTest = false
        }
      }
    }
    return found
  }
}
