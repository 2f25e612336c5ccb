import Foundation
import LocalPostgres
import PostgresClient
import Sandbox
import Testing
import TestSupport
import VectorSQL

/// The tutorial's statements, unchanged, through the sandbox; the answers are those of an exact search.
@Suite(
  .enabled("the server has no fastann extension; run scripts/bootstrap") { try await Fastann.isInstalled }
)
struct SandboxTutorialTests {
  private static let asked = [0, 7, 123]

  @Test func runsInPsql() async throws {
    try await SandboxUnderTest.before(extensions: ["fastann"]) { sandbox, _ in
      try await withTemporaryFolder { folder in
        try Tutorial.writeFeatures(to: folder + "/features.txt")
        let queries = Self.asked.map { id in
          let vector = "Array[\(Tutorial.vectors[id].map(\.description).joined(separator: ", "))]::real[]"
          return """
            SELECT string_agg(id::text, ',') FROM (SELECT id, class, l2_distance(image_vector, \(vector)) AS distance \
            FROM public.image_search ORDER BY image_vector <-> \(vector) LIMIT 20) nearest;
            """
        }
        let finished = try await sandbox.psql(
          (Tutorial.statements + [
            "\\copy public.image_search FROM '\(folder)/features.txt' WITH (DELIMITER '|')",
            "SET enable_seqscan = off;",
          ] + queries).joined(separator: "\n")
        )
        #expect(finished.error == "")
        #expect(finished.output == Self.expected)
      }
    }
  }

  @Test(
    .enabled("no Python with psycopg, and pip could not install it") { await PythonClient.isAvailable },
    arguments: PythonClient.drivers
  )
  func runsInPython(_ driver: String) async throws {
    try await SandboxUnderTest.before(extensions: ["fastann"]) { sandbox, _ in
      try await withTemporaryFolder { folder in
        try Tutorial.writeFeatures(to: folder + "/features.txt")
        let finished = try await PythonClient.run(
          Tutorial.program,
          [driver, String(sandbox.port), sandbox.database, folder + "/features.txt"]
            + Self.asked.map { String($0) }
        )
        #expect(finished.error == "")
        #expect(finished.output == Self.expected)
        #expect(sandbox.events.leftOut == [.by])
      }
    }
  }

  private static let expected =
    asked
    .map { Tutorial.nearest(to: $0).map { String($0) }.joined(separator: ",") + "\n" }
    .joined()
}

/// The extension that brings AnalyticDB's vector SQL.
enum Fastann {
  /// Whether the tests' server has it.
  static var isInstalled: Bool {
    get async throws {
      try await TestServer.withDatabase(extensions: []) { database in
        let connection = try await database.connect()
        let rows = try await connection.query(
          Statement("SELECT 1 FROM pg_available_extensions WHERE name = 'fastann'")
        )
        await connection.close()
        return !rows.isEmpty
      }
    }
  }
}
