import Foundation
import PostgresClient
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
    server.isUtilitySession = true
    #expect(throws: PostgresError.self) { try server.requireEntryNode() }
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
    try await withTemporaryFolder { folder in
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

  @Test func theTableOfEnginesNamesTestsThatExist() throws {
    let page = try String(contentsOfFile: Environment.package + "/docs/engines.md", encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("|") }.joined()
    let names = rows.matches(of: /`([A-Za-z]+(?:Tests|OnServer))?(?:\.)?([a-z][A-Za-z]+)?`/).filter {
      $0.1 != nil
    }
    #expect(names.count > 20)
    var sources = ""
    let files = try #require(FileManager.default.enumerator(atPath: Environment.package + "/Tests"))
    for case let path as String in files where path.hasSuffix(".swift") {
      sources += try String(contentsOfFile: Environment.package + "/Tests/" + path, encoding: .utf8)
    }
    for name in names {
      if let suite = name.1 { #expect(sources.contains("struct \(suite)"), "\(suite)") }
      if let test = name.2 { #expect(sources.contains("func \(test)("), "\(test)") }
    }
    for name in rows.matches(of: /, `([a-z][A-Za-z]+)`/).map(\.1) {
      #expect(sources.contains("func \(name)("), "\(name)")
    }
  }
}
