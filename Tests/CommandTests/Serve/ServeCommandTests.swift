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
      // What the page reads when it starts would wait for the lock too, and be taken for the search.
      #expect(try await page.ask(Self.search).status == 200)
      let blocker = try await PostgresConnection.connect(server.settings())
      try await blocker.run("BEGIN; LOCK TABLE image_search")
      async let answer = page.ask(Self.search)
      try await Self.waitForBlockedSearch(blocker)
      try await Task.sleep(for: .seconds(1))
      page.terminate()
      for _ in 0..<600 {
        guard (try? await page.ask("/health")) != nil else { break }
        try await Task.sleep(for: .milliseconds(50))
      }
      await #expect(throws: (any Error).self, "nobody new is let in") { try await page.ask("/health") }
      // Longer than Ctrl-C would be given.
      try await Task.sleep(for: .seconds(2))
      #expect(page.isRunning)
      try await blocker.run("ROLLBACK")
      #expect(try await answer.status == 200)
      #expect(try await page.end() == 0)
      await blocker.close()
    }
  }

  private static func waitForBlockedSearch(_ connection: PostgresConnection) async throws {
    for _ in 0..<600 {
      let waiting = try await connection.query(
        Statement("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'image_search'::regclass")
      )
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

  /// The table can be looked at where the model's weights are not; they are asked for where they are named.
  @Test func aTableIsServedWithoutItsWeights() async throws {
    try await TestServer.withDatabase { database in
      let environment = [
        "DATABASE_URL": database.url, "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
      ]
      let up = try await Program.run(Program.adbvec, ["migrate", "up"], environment: environment)
      #expect(up.exitCode == 0, "\(up.error)")
      #expect(try await Program.psql(Self.rows, on: database).exitCode == 0)
      try await ServedPage.with(["--model", "vgg16"], environment: environment) { page in
        #expect(try await page.ask(Self.search).decoded(Found.self).results.count == 5)
        #expect(try await page.ask("/").status == 200)
        let image = try Data(
          contentsOf: URL(fileURLWithPath: Environment.data + "/reference/set1/chelsea.png")
        )
        let refused = try await page.ask("/api/v1/search/image?k=7", image: image)
        #expect(refused.status == 422)
        #expect(refused.text.contains("does not have the weights of the model"), "\(refused.text)")
      }
      let named = try await Program.run(
        Program.adbvec,
        ["serve", "--port", "0", "--weights", "/nowhere/w.safetensors"],
        environment: environment
      )
      #expect(named.exitCode != 0 && named.error.contains("/nowhere/w.safetensors"), "\(named.error)")
    }
  }

  /// A migration, a restore or a slip of the hand takes the table away while the page is open.
  @Test func aTableThatIsTakenAwayIsToldAndFoundAgain() async throws {
    try await TestServer.withDatabase { database in
      let made = """
        CREATE EXTENSION IF NOT EXISTS vector;
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(3));
        INSERT INTO image_search SELECT i, 'c', ARRAY[i, 1, 2] FROM generate_series(0, 59) i
        """
      _ = try await Program.psql(made, on: database)
      let environment = ["DATABASE_URL": database.url, "ADBVEC_WEIGHTS": Self.weights]
      let pages = ["/", "/?id=3", "/images/3", "/?id=3&id=4&not=5"]
      try await ServedPage.with([], environment: environment) { page in
        for change in [
          ("ALTER TABLE image_search RENAME TO away", "ALTER TABLE away RENAME TO image_search"),
          ("ALTER TABLE image_search RENAME class TO kind", "ALTER TABLE image_search RENAME kind TO class"),
        ] {
          _ = try await Program.psql(change.0, on: database)
          // Longer than the server takes to look at its table again.
          try await Task.sleep(for: .seconds(1.5))
          for path in pages {
            let told = try await page.ask(path)
            #expect(
              told.status == 503 && told.text.contains("The collection cannot be read"),
              "\(path): \(told.text)"
            )
            #expect(told.text.contains("adbvec doctor"), "\(path): \(told.text)")
          }
          let api = try await page.ask(Self.search)
          #expect(api.status == 503 && api.text.contains("\"collection_unreadable\""), "\(api.text)")
          _ = try await Program.psql(change.1, on: database)
          for path in pages { #expect(try await page.ask(path).status == 200, "\(path)") }
        }
      }
      try await ServedPage.with(["--hide-sql"], environment: environment) { page in
        _ = try await Program.psql("DROP TABLE image_search", on: database)
        for path in pages + [Self.search] {
          let told = try await page.ask(path)
          #expect(told.status == 503 && !told.text.contains("image_search"), "\(path): \(told.text)")
        }
      }
    }
  }

  /// The rows have three numbers, the network's vectors a thousand.
  @Test func aTableOfAnotherDimensionIsServedWithoutUploads() async throws {
    try await TestServer.withDatabase { database in
      let environment = [
        "DATABASE_URL": database.url, "ADBVEC_WEIGHTS": Self.weights, "ADBVEC_DIALECT": "pgvector",
      ]
      let made = """
        CREATE EXTENSION IF NOT EXISTS vector;
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(3));
        INSERT INTO image_search SELECT i, 'c', ARRAY[i, 1, 2] FROM generate_series(0, 59) i
        """
      _ = try await Program.psql(made, on: database)
      try await ServedPage.with([], environment: environment) { page in
        #expect(try await page.ask(Self.search).status == 200)
        #expect(try await page.ask("/?id=3").status == 200)
        let info = try await page.ask("/api/v1").text
        #expect(info.contains("\"dimension\":3") && info.contains("\"collection\":\"public.image_search\""))
        let image = HostileImages.png(width: 8, height: 8, depth: 8)
        let refused = try await page.ask("/api/v1/search/image", image: image)
        #expect(refused.status == 422 && refused.text.contains("uploads_refused"), "\(refused.text)")
        #expect(refused.text.contains("have 3 numbers, the model's 1000") && !refused.text.contains("--"))
        #expect(try page.said.contains("Fix: choose the model that filled the table with --model"))
      }
    }
  }

  /// Of a table that was dropped nothing is left to its successor, and its first load tells the page what uploads need.
  @Test func aLoadIntoAnEmptyTableGivesThePageItsModel() async throws {
    try await TestServer.withDatabase { database in
      let environment = [
        "DATABASE_URL": database.url, "ADBVEC_WEIGHTS": Self.weights, "ADBVEC_DIALECT": "pgvector",
      ]
      func run(_ words: [String]) async throws {
        let finished = try await Program.run(Program.adbvec, words, environment: environment)
        #expect(finished.exitCode == 0, "\(words): \(finished.error)")
      }
      let load = ["embed-load", Environment.data + "/cifar-100-binary/test.bin", "--limit", "3"]
      try await run(["migrate", "up", "--set", "dim=1000"])
      try await run(load + ["--normalise"])
      try await run(["migrate", "down", "--to", "0", "--yes"])
      try await run(["migrate", "up", "--set", "dim=512"])
      let shown = try await Program.run(Program.adbvec, ["recipe", "show"], environment: environment)
      #expect(shown.exitCode == 1 && shown.error.contains("nothing says what made"), "\(shown.error)")
      let image = try Data(contentsOf: URL(filePath: Environment.data + "/reference/set1/chelsea.png"))
      try await ServedPage.with([], environment: environment) { page in
        let refused = try await page.ask("/api/v1/search/image", image: image)
        #expect(refused.status == 422 && refused.text.contains("have 512 numbers, the model's 1000"))
        try await run(load + ["--feature", "pooled"])
        var found = refused
        for _ in 0..<100 where found.status != 200 {
          try await Task.sleep(for: .milliseconds(200))
          found = try await page.ask("/api/v1/search/image", image: image)
        }
        #expect(found.status == 200, "\(found.text)")
        #expect(try found.decoded(Found.self).results.count == 3)
        // What is not said again is the table's.
        try await run(["embed-load", Environment.data + "/cifar-100-binary/test.bin", "--limit", "4"])
        let more = try await page.ask("/api/v1/search/image", image: image)
        #expect(try more.decoded(Found.self).results.count == 4, "\(more.text)")
      }
    }
  }

  /// Headers that promise more than there is, images cut in the middle, and ones that unfold to gigabytes.
  @Test func hostileUploadsTakeBoundedMemory() async throws {
    try await withOwnServer("--max-upload", "16") { page, _, _ in
      #expect(try await page.ask(Self.search).status == 200)
      let uploads = HostileImages.all
      let before = try page.peakMemoryMiB
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<200 {
          if number >= 8 { _ = try await group.next() }
          group.addTask {
            (try? await page.ask("/api/v1/search/image", image: uploads[number % uploads.count]).status)
              ?? 503
          }
        }
        for try await status in group { #expect([200, 400, 413, 422, 503].contains(status)) }
      }
      #expect(try await page.ask(Self.search).status == 200)
      // Uploads and their decoding may take 128 + 256 MiB, an image that needs more is decoded alone, and the allocator
      // keeps some of it.
      let peak = try page.peakMemoryMiB
      #expect(peak < 1024, "\(before) MiB before, \(peak) MiB at the peak")
    }
  }
}
