import Foundation
import LocalPostgres
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// The commands against a server that says it is another, and what they sent to it.
struct MaskedServer: Sendable {
  let mask: OldBaseMask
  let environment: [String: String]

  /// The database behind the mask.
  let database: TestDatabase

  func run(_ words: String..., folder: String? = nil) async throws -> Finished {
    try await run(words, folder: folder)
  }

  func run(_ words: [String], folder: String? = nil) async throws -> Finished {
    try await Program.run(Program.adbvec, words, environment: environment, folder: folder)
  }

  @discardableResult
  func succeed(_ words: String..., folder: String? = nil) async throws -> String {
    try await succeed(words, folder: folder)
  }

  @discardableResult
  func succeed(_ words: [String], folder: String? = nil) async throws -> String {
    let finished = try await run(words, folder: folder)
    #expect(finished.exitCode == 0, "\(words): \(finished.error)")
    return finished.output
  }

  /// Replaces the rows on three connections, and builds the indexes behind them.
  func loadWithDeferredIndexes(_ rows: String) async throws {
    let words = [
      "load", rows, "--restart", "--on-conflict", "update", "--indexes", "defer", "--connections", "3",
    ]
    try await succeed(words)
  }

  /// What reads the migrations and changes nothing.
  func lookAtMigrations() async throws {
    for command in ["status", "plan", "validate"] { try await succeed("migrate", command, "--set", "dim=4") }
  }

  /// - Parameters:
  ///   - extensions: of the database; another list than pgvector alone, which may be another server's.
  ///   - exceptions: rules that the product breaks and its server takes.
  static func with(
    _ extensions: [Identifier],
    as base: OldBaseMask.Base = .greenplum6,
    except exceptions: Set<String>,
    _ body: @Sendable (MaskedServer, _ rows: String) async throws -> Void
  ) async throws {
    let isSeven = base.version.hasPrefix("12")
    try await TestServer.withDatabase(extensions: extensions) { database in
      let connection = try await database.connect()
      if isSeven { try await connection.run("CREATE EXTENSION vector") }
      try await connection.run(trusted: OldBaseMask.script(database: database.name, as: base))
      await connection.close()
      let server = try await TestServer.running()
      let mask = try OldBaseMask(socketPath: "\(server.socketFolder)/.s.PGSQL.\(server.port)", as: base)
      let rows = try TemporaryFile(
        (0..<300).map { "\($0)|c\($0 % 3)|{\($0),\($0 * $0 % 17),1,\($0 % 5)}\n" }.joined()
      )
      let environment = [
        "DATABASE_URL": mask.url(database: database.name),
        "ADBVEC_DIALECT": isSeven ? "pgvector" : "analyticdb",
        "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
      ]
      try await body(MaskedServer(mask: mask, environment: environment, database: database), rows.path)
      let statements = mask.statements
      #expect(!statements.isEmpty)
      for statement in Set(statements).sorted() {
        let broken = isSeven ? OldBase.refusedBySeven(in: statement) : OldBase.refused(in: statement)
        let refused = broken.filter { !exceptions.contains($0) }
        #expect(refused.isEmpty, "\(refused): \(statement)")
        if !isSeven {
          let unknown = OldBase.unknownNames(in: statement)
          #expect(unknown.isEmpty, "\(unknown): \(statement)")
        }
      }
    }
  }
}
