import Foundation
import LocalPostgres
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// `adbvec serve` as it is run: a real process, a real network, a real server that comes and goes.
@Suite(.serialized, .enabled(if: Environment.hasData, "../shared/data is not there"))
struct ServeCommandTests {
  private static let weights = Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors"
  private static let search = "/api/v1/search?id=3&k=5"

  private struct Found: Decodable {
    struct Hit: Decodable, Equatable {
      let id: Int
      let `class`: String
    }
    let results: [Hit]
    let sql: String
  }

  /// Sixty rows with vectors of the network's length.
  private static let rows = """
    INSERT INTO image_search (id, class, image_vector) SELECT i, 'class ' || i % 3,
    (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 1000) j)
    FROM generate_series(0, 59) i
    """

  /// Runs a body with a server that nobody else uses, and a page over it.
  private func withOwnServer(
    _ arguments: String...,
    body: (ServedPage, _ environment: [String: String], RunningServer) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let environment = [
        "ADBVEC_HOME": folder + "/home", "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
        "ADBVEC_WEIGHTS": Self.weights,
      ]
      func run(_ words: String...) async throws {
        let finished = try await Program.run(Program.adbvec, words, environment: environment)
        #expect(finished.exitCode == 0, "\(finished.error)")
      }
      do {
        try await run("db", "start")
        try await run("migrate", "up")
        try await run("db", "psql", "--", "-qc", Self.rows)
        let server = try PrivateServer(home: ServerHome(path: folder + "/home")).requireRunning()
        try await ServedPage.with(arguments, environment: environment) {
          try await body($0, environment, server)
        }
      } catch {
        _ = try await Program.adbvec("db", "destroy", "--yes", environment: environment)
        throw error
      }
      try await run("db", "destroy", "--yes")
    }
  }

  @Test func aServerThatStopsAndComesBackIsFoundAgain() async throws {
    try await withOwnServer { page, environment, _ in
      let before = try await page.ask(Self.search)
      #expect(before.status == 200, "\(before.text)")
      #expect(try await page.ask("/ready").status == 200)

      _ = try await Program.adbvec("db", "stop", environment: environment)
      let lost = try await page.ask(Self.search)
      #expect(lost.status == 503)
      #expect(lost.retryAfter == "2")
      #expect(lost.text.contains("the database does not answer; it is tried again with the next search"))
      #expect(try await page.ask("/?id=3").status == 503)
      #expect(try await page.ask("/ready").status == 503)
      #expect(try await page.ask("/health").status == 200)

      let started = try await Program.adbvec("db", "start", environment: environment)
      #expect(started.exitCode == 0, "\(started.error)")
      let after = try await page.ask(Self.search)
      #expect(after.status == 200, "\(after.text)")
      #expect(try after.decoded(Found.self).results == before.decoded(Found.self).results)
      #expect(try await page.ask("/ready").status == 200)

      // A quick restart between two searches is not noticed at all, though every connection broke.
      _ = try await Program.adbvec("db", "stop", environment: environment)
      _ = try await Program.adbvec("db", "start", environment: environment)
      #expect(try await page.ask(Self.search).status == 200)
    }
  }

  /// Backends that neither answer nor hang up, as behind a network that was cut.
  @Test func aServerThatFallsSilentIsLeft() async throws {
    try await withOwnServer("--search-limit", "1") { page, _, server in
      #expect(try await page.ask(Self.search).status == 200)
      let watcher = try await PostgresConnection.connect(server.settings())
      let pids = try await watcher.query(
        Statement(
          """
          SELECT pid FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
          """
        )
      ).map { try $0.value(at: 0, as: Int32.self) }
      #expect(!pids.isEmpty)
      for pid in pids { kill(pid, SIGSTOP) }
      #expect(try await page.ask(Self.search).status == 503)
      try await page.waitFor(200, of: Self.search)
      for pid in pids { kill(pid, SIGCONT) }
      await watcher.close()
    }
  }

  @Test func aSearchThatTakesTooLongIsEnded() async throws {
    try await withOwnServer("--search-limit", "1") { page, _, server in
      let blocker = try await PostgresConnection.connect(server.settings())
      try await blocker.run("BEGIN; LOCK TABLE image_search")
      let late = try await page.ask(Self.search)
      #expect(late.status == 503)
      #expect(late.text.contains("longer than this server allows"))
      try await blocker.run("ROLLBACK")
      #expect(try await page.ask(Self.search).status == 200)
      await blocker.close()
    }
  }

  @Test func stoppingFinishesTheSearchThatBegan() async throws {
    try await withOwnServer { page, _, server in
      let blocker = try await PostgresConnection.connect(server.settings())
      try await blocker.run("BEGIN; LOCK TABLE image_search")
      async let answer = page.ask(Self.search)
      try await Self.waitForBlockedSearch(blocker)
      page.terminate()
      for _ in 0..<600 {
        guard (try? await page.ask("/health")) != nil else { break }
        try await Task.sleep(for: .milliseconds(50))
      }
      await #expect(throws: (any Error).self, "nobody new is let in") { try await page.ask("/health") }
      #expect(page.isRunning)
      try await blocker.run("ROLLBACK")
      #expect(try await answer.status == 200)
      #expect(try await page.end() == 0)
      await blocker.close()
    }
  }

  private static func waitForBlockedSearch(_ connection: PostgresConnection) async throws {
    for _ in 0..<600 {
      let waiting = try await connection.query(Statement("SELECT 1 FROM pg_locks WHERE NOT granted"))
      if !waiting.isEmpty { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw ServedPage.NotServing(description: "no search waits for the lock")
  }

  /// The page over AnalyticDB's vector SQL, by id, class, effort and image.
  @Test func searchesInTheAnalyticDBDialect() async throws {
    try await TestServer.withDatabase(extensions: ["fastann"]) { database in
      let environment = [
        "ADBVEC_MIGRATIONS": Environment.package + "/migrations", "ADBVEC_WEIGHTS": Self.weights,
        "DATABASE_URL": database.url, "ADBVEC_DIALECT": "analyticdb",
      ]
      let up = try await Program.run(Program.adbvec, ["migrate", "up"], environment: environment)
      #expect(up.exitCode == 0, "\(up.error)")
      #expect(try await Program.psql(Self.rows, on: database).exitCode == 0)
      try await ServedPage.with(["--dialect", "analyticdb"], environment: environment) { page in
        let exact = try await page.ask(Self.search + "&mode=exact").decoded(Found.self).results
        let indexed = try await page.ask(Self.search + "&ef=200").decoded(Found.self)
        #expect(exact.count == 5)
        #expect(indexed.results == exact)
        #expect(indexed.sql.contains("fastann.hnsw_ef_search"))
        let filtered = try await page.ask(Self.search + "&class=class%201").decoded(Found.self).results
        #expect(filtered.count == 5 && filtered.allSatisfy { $0.class == "class 1" })
        let image = try Data(
          contentsOf: URL(fileURLWithPath: Environment.data + "/reference/set1/chelsea.png")
        )
        let near = try await page.ask("/api/v1/search/image?k=7", image: image)
        #expect(near.status == 200, "\(near.text)")
        #expect(try near.decoded(Found.self).results.count == 7)
      }
    }
  }
}
