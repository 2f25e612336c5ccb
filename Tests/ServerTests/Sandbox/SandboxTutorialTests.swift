import Foundation
import LocalPostgres
import PostgresClient
import Sandbox
import Testing
import TestSupport
import VectorSQL

/// The tutorial's statements, unchanged, through the sandbox; the answers are those of brute force and of `adbvec search`.
@Suite(
  .enabled("the server has no fastann extension; run fastann/build") { try await Fastann.isInstalled }
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
            SELECT id, class, l2_distance(image_vector, \(vector)) AS distance \
            FROM public.image_search ORDER BY image_vector <-> \(vector) LIMIT 20;
            """
        }
        let finished = try await sandbox.psql(
          (Tutorial.statements + [
            "\\copy public.image_search FROM '\(folder)/features.txt' WITH (DELIMITER '|')",
            "SET enable_seqscan = off;",
          ] + queries).joined(separator: "\n")
        )
        #expect(finished.error == "")
        try await Self.check(finished.output, sandbox)
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
        try await Self.check(finished.output, sandbox)
        #expect(sandbox.events.leftOut == [.by])
      }
    }
  }

  /// The tutorial's rows are those of brute force and, row for row, those of `adbvec search` through the sandbox.
  private static func check(_ output: String, _ sandbox: SandboxUnderTest) async throws {
    let rows = output.split(separator: "\n").compactMap { TutorialRow(line: $0) }
    #expect(rows.count == asked.count * 20)
    for (place, id) in asked.enumerated() {
      let found = Array(rows.dropFirst(20 * place).prefix(20))
      #expect(found.map(\.id) == Tutorial.nearest(to: id))
      let words = ["--id", String(id), "--include-self", "--top-k", "20", "--dialect", "analyticdb"]
      let finished = try await Program.run(
        Program.adbvec,
        ["search", "--format", "json", "--database-url", sandbox.url] + words
      )
      #expect(finished.exitCode == 0, "\(finished.error)")
      let hits = try JSONDecoder().decode(SearchOutput.self, from: Data(finished.output.utf8)).result.hits
      #expect(hits.map(\.id) == found.map(\.id))
      #expect(hits.map(\.label) == found.map(\.label))
      for (hit, row) in zip(hits, found) { #expect(abs(hit.distance - row.distance) <= 1e-6 * row.distance) }
    }
  }
}

/// A row of the tutorial's query: id, class and distance between bars.
private struct TutorialRow: Decodable {
  let id: Int
  let label: String
  let distance: Double

  private enum CodingKeys: String, CodingKey {
    case id, distance
    case label = "class"
  }

  init?(line: some StringProtocol) {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false)
    guard fields.count == 3, let id = Int(fields[0]), let distance = Double(fields[2]) else { return nil }
    self.id = id
    label = String(fields[1])
    self.distance = distance
  }
}

/// What `adbvec search --format json` prints.
private struct SearchOutput: Decodable {
  struct Result: Decodable { let hits: [TutorialRow] }
  let result: Result
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
