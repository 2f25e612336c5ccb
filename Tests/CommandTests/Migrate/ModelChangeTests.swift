import Foundation
import ImageCodecs
import ImageSources
import PostgresClient
import TestSupport
import Testing

/// Changes of the model, on real images with real weights.
@Suite(.enabled(if: Environment.hasData, "../shared/data is not there"))
struct ModelChangeTests {
  private static let images = Environment.data + "/cifar-100-binary/test.bin"
  private static let old = Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors"
  private static let new = Environment.data + "/weights/efficientnet-lite0-57934424.pth"

  /// What the gate writes beside its file.
  private struct Report: Decodable {
    struct Quality: Decodable { let precisionAt10: Double }
    let rows: Int
    let indexRecall: Double
    let old, new: Quality
    let oldRecipe, newRecipe: [String: String]
  }

  /// A table of the first images, embedded by the first model.
  private static func with(images: Int, _ body: @Sendable (ChangeBench) async throws -> Void) async throws {
    try await ChangeBench.with(dimension: 1000) { bench in
      try await bench.succeed("embed-load", Self.images, "--limit", String(images), "--weights", old)
      try await body(bench)
    }
  }

  private static func writeFiles(_ bench: ChangeBench, _ more: String...) async throws {
    let words = [
      "migrate", "new", "--re-embed", "lite", "--to-weights", new, "--to-feature", "pooled", "--max-loss",
      "1",
    ]
    let finished = try await bench.run(words + more)
    try #require(finished.exitCode == 0, "\(finished.error)")
  }

  @Test func anotherModelThereAndBackAndForGood() async throws {
    try await Self.with(images: 24) { bench in
      let vectors =
        "SELECT md5(string_agg(image_vector::text, ',' ORDER BY id)) FROM image_search WHERE id < 24"
      let before = try await bench.value(vectors)
      try await Self.writeFiles(bench)
      let plan = try await bench.succeed("migrate", "plan")
      #expect(plan.output.contains("24 rows wait for a vector"))
      #expect(plan.output.contains("0 of their images are not there"))
      #expect(plan.output.contains("h on this machine"))
      try await bench.succeed("migrate", "up")
      // A search takes the model from the table: the image finds itself.
      let image = bench.folder + "/3.png"
      try Data(try CIFARCollection(path: Self.images).image(at: 3).pngData()).write(to: URL(filePath: image))
      let search = try await bench.succeed("search", "--image", image, "--top-k", "1", "--format", "json")
      #expect(search.output.contains("\"id\":3") || search.output.contains("\"id\" : 3"))
      for kind in ["json", "png"] {
        let report =
          "\(bench.folder)/migrations/pgvector/\(try bench.version("gate"))_lite_gate.report.\(kind)"
        #expect(FileManager.default.fileExists(atPath: report), "\(kind)")
      }
      let report = try Data(
        contentsOf: URL(
          filePath: "\(bench.folder)/migrations/pgvector/\(try bench.version("gate"))_lite_gate.report.json"
        )
      )
      let found = try JSONDecoder.ofReports.decode(Report.self, from: report)
      #expect(found.rows == 24)
      #expect(found.indexRecall == 1)
      #expect(found.old.precisionAt10 > 0)
      #expect(found.new.precisionAt10 > 0)
      #expect(found.oldRecipe["architecture"] == "squeezenet1_1")
      #expect(found.newRecipe["architecture"] == "efficientnet_lite0")
      // A row that is written now is embedded by the old model on the way back.
      _ = try await bench.rows(
        "INSERT INTO image_search (id, class, image_vector, source) SELECT 100, class, image_vector, source FROM image_search WHERE id = 3"
      )
      try await bench.succeed("migrate", "down")
      #expect(try await bench.value(vectors) == before)
      #expect(
        try await bench.value(
          "SELECT (SELECT image_vector FROM image_search WHERE id = 100) = image_vector FROM image_search WHERE id = 3"
        )
          == "t"
      )
      try await bench.succeed("migrate", "up")
      // A load goes on with the model that the table has now, and only with that.
      let grown = ["embed-load", Self.images, "--limit", "26", "--weights"]
      let outdated = try await bench.run(grown + [Self.old])
      #expect(outdated.error.contains("another recipe"))
      let resumed = try await bench.run(grown + [Self.new, "--feature", "pooled"])
      #expect(resumed.exitCode == 0, "\(resumed.error)")
      #expect(try await bench.value("SELECT count(*) FROM image_search WHERE id < 100") == "26")
      try await bench.succeed("migrate", "new", "--contract", "lite")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.leftovers() == [])
      #expect(try await bench.rows("SELECT column_name FROM adbvec_recipe") == [["image_vector"]])
    }
  }

  @Test func twoMachinesEmbedEachImageOnce() async throws {
    try await Self.with(images: 60) { bench in
      try await Self.writeFiles(bench)
      try await bench.succeed("migrate", "up", "--to", try bench.version("expand"))
      let run = try bench.start(["migrate", "up", "--to", try bench.version("backfill")])
      while try await bench.value(
        "SELECT count(*) FROM adbvec_recipe WHERE column_name = 'image_vector_next'"
      ) != "1" {
        try await Task.sleep(for: .milliseconds(20))
      }
      // Each write of a vector is counted by the server.
      let helper = try await bench.succeed("reembed", "--format", "json")
      run.waitUntilExit()
      #expect(run.terminationStatus == 0)
      #expect(helper.output.contains("\"made\""))
      #expect(
        try await bench.value("SELECT count(*) FROM image_search WHERE image_vector_next IS NULL") == "0"
      )
      #expect(
        try await bench.value("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'image_search'")
          == "60"
      )
    }
  }

  /// As the kills of a change of type, with images that are embedded and writers that give rows other images.
  @Test func killsWhileImagesAreEmbeddedLeaveNothingStale() async throws {
    let kills = Environment.variables["ADBVEC_KILLS"].flatMap { Int($0) } ?? 3
    // What the new model makes of the images, in a table that was never changed.
    let vectors = "SELECT source, image_vector::text FROM image_search ORDER BY 1"
    let reference = Expected()
    try await ChangeBench.with(dimension: 1280) { bench in
      try await bench.succeed(
        "embed-load",
        Self.images,
        "--limit",
        "8",
        "--weights",
        Self.new,
        "--feature",
        "pooled"
      )
      await reference.take(try await bench.rows(vectors))
    }
    try await Self.with(images: 8) { bench in
      _ = try await bench.rows(
        """
        INSERT INTO image_search (id, class, image_vector, source)
        SELECT 10 + id + 10 * n, class, image_vector, source FROM image_search, generate_series(0, 2) n
        """
      )
      try await Self.writeFiles(bench)
      let database = bench.database
      let writing = Task {
        let connection = try await database.connect()
        var count = 0
        while !Task.isCancelled {
          let (id, image) = (Int.random(in: 0..<40), Int.random(in: 0..<8))
          let other = "(SELECT source FROM image_search WHERE id = \(image))"
          let sql =
            switch count % 3 {
            case 0: "UPDATE image_search SET source = coalesce(\(other), source) WHERE id = \(id + 10)"
            case 1: "DELETE FROM image_search WHERE id = \(id + 10)"
            default:
              "INSERT INTO image_search (id, class, source) VALUES (\(id + 10), 'new', \(other)) ON CONFLICT DO NOTHING"
            }
          _ = try await Task.detached { try await connection.run(trusted: sql) }.value
          count += 1
          try? await Task.sleep(for: .milliseconds(400))
        }
        await connection.close()
        return count
      }
      try await ChangeWritersTests.kill(kills, bench)
      try await bench.succeed("migrate", "up")
      // Writers go on behind the switch.
      try await Task.sleep(for: .seconds(3))
      writing.cancel()
      #expect(try await writing.value > 0)
      // The way back and there makes what writers left behind the switch: rows without a vector, or with another source alone.
      try await bench.succeed("migrate", "down")
      try await bench.succeed("migrate", "up")
      let stale = try await bench.rows(
        "SELECT DISTINCT source, image_vector::text FROM image_search WHERE image_vector IS NOT NULL ORDER BY 1"
      )
      #expect(await reference.rows == stale)
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE image_vector IS NULL AND image_vector_state LIKE 'missing%'"
        ) == "0"
      )
      #expect(try await bench.value("SELECT count(*) FROM adbvec_migrations WHERE state <> 'applied'") == "0")
      try await bench.succeed("migrate", "new", "--contract", "lite")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.leftovers() == [])
      #expect(try await bench.rows("SELECT column_name FROM adbvec_recipe") == [["image_vector"]])
    }
  }

  @Test func anotherSourceBehindTheSwitchIsEmbeddedWhenTheSwitchIsMadeAgain() async throws {
    try await Self.with(images: 3) { bench in
      try await Self.writeFiles(bench)
      try await bench.succeed("migrate", "up")
      let vectors = "SELECT image_vector::text FROM image_search ORDER BY id"
      let first = try await bench.rows(vectors)
      let sources = try await bench.rows("SELECT source FROM image_search ORDER BY id").compactMap { $0[0] }
      _ = try await bench.rows("UPDATE image_search SET class = 'else' WHERE id = 0")
      _ = try await bench.rows("UPDATE image_search SET source = '\(sources[2])' WHERE id = 1")
      let contract = try await bench.succeed("migrate", "new", "--contract", "lite")
      #expect(contract.error.contains("1 row got another source behind the switch and kept the vector"))
      let file = "\(bench.folder)/migrations/pgvector/\(try bench.version("contract"))_lite_contract.sql"
      try FileManager.default.removeItem(atPath: file)
      try await bench.succeed("migrate", "down")
      let old = try await bench.rows(vectors)
      #expect(old[1] == old[2])
      try await bench.succeed("migrate", "up")
      #expect(try await bench.rows(vectors) == [first[0], first[2], first[2]])
      #expect(
        try await bench.value("SELECT count(*) FROM image_search WHERE image_vector_state LIKE 'source%'")
          == "0"
      )
    }
  }

  @Test func imagesThatAreGoneAreCountedFirst() async throws {
    try await Self.with(images: 12) { bench in
      _ = try await bench.rows(
        "UPDATE image_search SET source = '/nowhere/' || id || '.png' WHERE id IN (2, 5)"
      )
      let refused = try await bench.run(["migrate", "new", "--re-embed", "lite", "--to-feature", "pooled"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("2 of 12 images"))
      try await Self.writeFiles(bench, "--missing", "drop")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.value("SELECT count(*) FROM image_search WHERE image_vector IS NULL") == "2")
      #expect(try await bench.value("SELECT count(image_vector_previous) FROM image_search") == "12")
      let contract = try await bench.succeed("migrate", "new", "--contract", "lite", "--missing", "drop")
      #expect(contract.error.contains("deletes 2 rows"))
      try await bench.succeed("migrate", "up")
      #expect(try await bench.value("SELECT count(*) FROM image_search") == "10")
    }
  }

  @Test func rowsWithoutAnImageStayWithoutAVectorWhereThatIsWanted() async throws {
    try await Self.with(images: 8) { bench in
      _ = try await bench.rows("UPDATE image_search SET source = '/nowhere/2.png' WHERE id = 2")
      try await Self.writeFiles(bench, "--missing", "keep")
      let plan = try await bench.succeed("migrate", "plan")
      #expect(plan.output.contains("1 of their images are not there (missing=keep)"))
      try await bench.succeed("migrate", "up")
      let state = "SELECT id::text, image_vector_state FROM image_search WHERE image_vector IS NULL"
      let waiting = try await bench.rows(state)
      #expect(waiting.map { $0[0] } == ["2"])
      #expect(waiting.first?[1]?.hasPrefix("missing: ") ?? false)
      let contract = try await bench.succeed("migrate", "new", "--contract", "lite")
      #expect(contract.error.contains("1 row without a vector"))
      try await bench.succeed("migrate", "up")
      #expect(try await bench.value("SELECT count(*) FROM image_search") == "8")
      #expect(try await bench.leftovers() == [])
    }
  }

  @Test func imagesThatVanishLaterEndTheRunWhereNoneMayBeMissing() async throws {
    try await Self.with(images: 8) { bench in
      try await Self.writeFiles(bench)
      // Gone behind the writing of the files: nothing begins.
      _ = try await bench.rows(
        "CREATE TABLE kept AS SELECT id, source FROM image_search; UPDATE image_search SET source = '/nowhere/2.png' WHERE id = 2"
      )
      let refused = try await bench.run(["migrate", "up"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("1 of 8 images"))
      #expect(try await bench.leftovers() == [])
      // There, and not to be read: the backfill ends, and goes on once that is corrected.
      let broken = bench.folder + "/broken.png"
      try Data("no image".utf8).write(to: URL(filePath: broken))
      _ = try await bench.rows("UPDATE image_search SET source = '\(broken)' WHERE id = 2")
      let ended = try await bench.run(["migrate", "up"])
      #expect(ended.exitCode == 1)
      #expect(ended.error.contains("1 of its images could not be read"))
      #expect(ended.error.contains("Fix: "))
      #expect(try await bench.value("SELECT count(image_vector_next) FROM image_search") == "7")
      _ = try await bench.rows(
        "UPDATE image_search i SET source = k.source, image_vector_state = NULL FROM kept k WHERE k.id = i.id AND i.id = 2"
      )
      try await bench.succeed("migrate", "up")
      #expect(try await bench.value("SELECT count(image_vector) FROM image_search") == "8")
    }
  }

  /// Another machine makes the same vectors by the projection, and asks for no image.
  @Test func aShareOfAProjectionNeedsNoImage() async throws {
    try await Self.with(images: 40) { bench in
      try await bench.fitShortProjection(to: 8)
      try await bench.succeed("migrate", "new", "--re-embed", "short", "--to-projection", "short.safetensors")
      try await bench.succeed("migrate", "up", "--to", try bench.version("backfill"))
      let made = try await bench.value("SELECT image_vector_next::text FROM image_search WHERE id = 3")
      _ = try await bench.rows("UPDATE image_search SET source = '/nowhere/3.png' WHERE id = 3")
      #expect(try await bench.value("SELECT image_vector_next::text FROM image_search WHERE id = 3") == nil)
      let shared = try await bench.succeed("reembed")
      #expect(shared.output.contains("1 vector made"))
      #expect(try await bench.value("SELECT image_vector_next::text FROM image_search WHERE id = 3") == made)
    }
  }

  @Test func aGateThatRefusesEndsTheRunUnlessItIsForced() async throws {
    try await Self.with(images: 12) { bench in
      let words = [
        "migrate", "new", "--re-embed", "lite", "--to-weights", Self.new, "--min-agreement", "1",
        "--max-loss", "1",
      ]
      #expect(try await bench.run(words).exitCode == 0)
      let refused = try await bench.run(["migrate", "up"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("1.0 is the least"))
      #expect(
        try await bench.value("SELECT state FROM adbvec_migrations WHERE name LIKE '%gate'") == "failed"
      )
      try await bench.succeed("migrate", "up", "--force")
      let kept = try await bench.value(
        "SELECT error FROM adbvec_migrations WHERE name LIKE '%gate' AND state = 'applied'"
      )
      #expect(kept?.contains("gate passed by --force") ?? false)
      #expect(try await bench.succeed("migrate", "status").output.contains("gate passed by --force"))
    }
  }

  @Test func theMigrationsAloneSayWhoCanDoIt() async throws {
    try await Self.with(images: 4) { bench in
      try await Self.writeFiles(bench)
      let alone = try await bench.run(["up"], program: Program.adbvecMigrate)
      #expect(alone.exitCode == 1)
      #expect(alone.error.contains("Fix: run it with the program adbvec"))
      #expect(try await bench.value("SELECT max(version) FROM adbvec_migrations") == (try bench.version(nil)))
      let new = try await bench.run(
        ["new", "--re-embed", "x", "--to-type", "halfvec"],
        program: Program.adbvecMigrate
      )
      #expect(new.error.contains("Fix: adbvec migrate new --re-embed"))
    }
  }

  @Test func thePageGoesOnAcrossTheSwitch() async throws {
    try await Self.with(images: 12) { bench in
      try await Self.writeFiles(bench)
      try await ServedPage.with([], environment: bench.settings) { page in
        func first(_ path: String) async throws -> String {
          let answer = try await page.ask(path)
          #expect(answer.status == 200, "\(answer.text)")
          return answer.text
        }
        #expect(try await first("/api/v1").contains("1000"))
        _ = try await first("/api/v1/search?id=3&k=5")
        let up = Task { try await bench.succeed("migrate", "up") }
        let switches =
          "SELECT count(*) FROM adbvec_migrations WHERE name LIKE '%switch' AND state = 'applied'"
        repeat {
          _ = try await first("/api/v1/search?id=3&k=5")
        } while try await bench.value(switches) != "1"
        _ = try await up.value
        for _ in 0..<600 where try await !first("/api/v1").contains("1280") {
          try await Task.sleep(for: .milliseconds(100))
        }
        #expect(try await first("/api/v1").contains("1280"))
        // An upload is embedded by the new model: it finds itself at distance 0.
        let image = Data(try CIFARCollection(path: Self.images).image(at: 3).pngData())
        let answer = try await page.ask("/api/v1/search/image?k=1", image: image)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.text.contains("\"id\":3"))
      }
    }
  }
}

/// Rows that one test step leaves for another.
private actor Expected {
  private(set) var rows: [[String?]] = []

  func take(_ rows: [[String?]]) { self.rows = rows }
}
