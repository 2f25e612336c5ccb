import Foundation
import ImageSearch
import LocalPostgres
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// What the commands send to a server that says it is Greenplum 6 or AnalyticDB 6: every statement, as it is sent, is one that
/// their base takes, by the facts that were recorded on Greenplum 6.24.3. A PostgreSQL of today answers.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: Program.adbvec), "the command is not built"))
struct OldBaseStatementsTests {
  private struct Masked: Sendable {
    let mask: OldBaseMask
    let environment: [String: String]

    func run(_ words: String...) async throws -> Finished {
      try await Program.run(Program.adbvec, words, environment: environment)
    }

    func succeed(_ words: String...) async throws {
      let finished = try await Program.run(Program.adbvec, words, environment: environment)
      #expect(finished.exitCode == 0, "\(words): \(finished.error)")
    }
  }

  private static func with(
    _ extensions: [Identifier],
    except exceptions: Set<String>,
    _ body: @Sendable (Masked, _ rows: String) async throws -> Void
  ) async throws {
    try await TestServer.withDatabase(extensions: extensions) { database in
      let connection = try await database.connect()
      try await connection.run(trusted: OldBaseMask.script(database: database.name))
      await connection.close()
      let server = try await TestServer.running()
      let mask = try OldBaseMask(socketPath: "\(server.socketFolder)/.s.PGSQL.\(server.port)")
      let rows = try TemporaryFile(
        (0..<300).map { "\($0)|c\($0 % 3)|{\($0),\($0 * $0 % 17),1,\($0 % 5)}\n" }.joined()
      )
      let environment = [
        "DATABASE_URL": mask.url(database: database.name), "ADBVEC_DIALECT": "analyticdb",
        "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
      ]
      try await body(Masked(mask: mask, environment: environment), rows.path)
      let statements = mask.statements
      #expect(statements.count > 50)
      for statement in Set(statements).sorted() {
        let refused = OldBase.refused(in: statement).filter { !exceptions.contains($0) }
        #expect(refused.isEmpty, "\(refused): \(statement)")
      }
    }
  }

  @Test(.enabled("fastann is not built for the private server") { try await Fastann.isInstalled })
  func analyticDBIsSentWhatItsBaseTakes() async throws {
    // AnalyticDB 6.0 has it back-ported.
    try await Self.with(["fastann"], except: ["on conflict"]) { masked, rows in
      try await masked.succeed("migrate", "up", "--set", "dim=4")
      for command in ["status", "plan", "validate"] {
        try await masked.succeed("migrate", command, "--set", "dim=4")
      }
      try await masked.succeed("migrate", "redo", "--set", "dim=4", "--yes")
      try await masked.succeed("load", rows)
      try await masked.succeed("load", rows, "--restart", "--on-conflict", "skip")
      try await masked.succeed("load", rows, "--restart", "--on-conflict", "update", "--method", "copy")
      try await masked.succeed(
        "load",
        rows,
        "--restart",
        "--on-conflict",
        "update",
        "--indexes",
        "defer",
        "--connections",
        "3"
      )
      try await masked.succeed("search", "--id", "7", "--top-k", "5")
      try await masked.succeed("search", "--id", "7", "--class", "c1", "--top-k", "150")
      try await masked.succeed("search", "--id", "7", "--exact")
      try await masked.succeed("sql", "query", "--id", "7", "--explain")
      try await masked.succeed("unload", rows + ".npy")
      let report = try await masked.run("doctor", "--images", "0")
      #expect(report.output.contains("PostgreSQL 9 with adbvec's sandbox of AnalyticDB"), "\(report.output)")
      try await masked.succeed("migrate", "down", "--yes")
    }
  }

  @Test func greenplumIsSentWhatItsBaseTakes() async throws {
    try await Self.with([], except: []) { masked, rows in
      try await masked.succeed("migrate", "up", "--count", "2", "--set", "dim=4")
      try await masked.succeed("migrate", "status", "--set", "dim=4")
      try await masked.succeed("load", rows)
      for policy in ["skip", "update"] {
        try await masked.succeed("load", rows, "--restart", "--on-conflict", policy)
      }
      let refused = try await masked.run(
        "load",
        rows,
        "--restart",
        "--on-conflict",
        "skip",
        "--method",
        "insert"
      )
      #expect(refused.error.contains("Greenplum has no ON CONFLICT; use --method copy"), "\(refused.error)")
      try await masked.succeed("unload", rows + ".npy")
      let report = try await masked.run("doctor", "--images", "0")
      #expect(report.output.contains("Greenplum 6.24.3 on PostgreSQL 9"), "\(report.output) \(report.error)")
    }
  }

  /// What `sql show` prints, and what the page and the typed searches send.
  @Test func libraryStatementsAreWhatTheBaseTakes() throws {
    let server = ServerCapabilities(
      product: .analyticDB,
      serverVersion: 90_426,
      versionText: "",
      hasAnnIndex: true
    )
    let dialect = try Dialect.analyticDB.checked(against: server)
    for statement in LibraryStatement.all {
      let text = try statement.sql(for: .imageSearch).rendered(for: dialect).text
      #expect(OldBase.refused(in: text).isEmpty, "\(statement.name): \(text)")
    }
  }
}
