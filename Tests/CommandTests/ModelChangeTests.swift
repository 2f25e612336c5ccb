import Foundation
import ImageCodecs
import ImageSources
import PostgresClient
import TestSupport
import Testing

/// A table of images with a folder of migrations beside it, worked on by the real command.
struct ChangeBench: Sendable {
  let database: TestDatabase
  let folder: String
  var settings: [String: String] = [:]

  /// An empty table of the program's own migrations.
  static func with(
    dimension: Int,
    _ body: @Sendable (ChangeBench) async throws -> Void
  ) async throws {
    try await TestServer.withDatabase { database in
      try await withTemporaryFolder { folder in
        let bench = ChangeBench(
          database: database,
          folder: folder,
          settings: ["ADBVEC_PARAM_DIM": String(dimension), "DATABASE_URL": database.url]
        )
        try await bench.succeed("migrate", "init")
        try await bench.succeed("migrate", "up")
        try await body(bench)
      }
    }
  }

  func run(_ words: [String], program: String = Program.adbvec) async throws -> Finished {
    try await Program.run(program, words, environment: settings, folder: folder)
  }

  @discardableResult
  func succeed(_ words: String...) async throws -> Finished {
    let finished = try await run(words)
    try #require(finished.exitCode == 0, "\(words): \(finished.error)")
    return finished
  }

  /// Starts the command and leaves it to itself.
  func start(_ words: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: Program.adbvec)
    process.arguments = words
    process.environment = ["PATH": "/usr/bin:/bin", "ADBVEC_HOME": "/nonexistent"].merging(settings) { $1 }
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// The rows of a query, as text.
  func rows(_ sql: String) async throws -> [[String?]] {
    let connection = try await database.connect()
    let answer = try await connection.run(trusted: sql).last?.rows ?? []
    await connection.close()
    return answer
  }

  /// The version of a file of the change: `gate`, `switch`; of the last file before it: nil.
  func version(_ step: String?) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/migrations/pgvector").sorted()
      .filter { $0.hasSuffix(".sql") }
    let file =
      step.flatMap { step in names.first { $0.hasSuffix("_\(step).sql") } }
      ?? names.prefix { !$0.hasSuffix("_expand.sql") }.last
    return String(try #require(file).prefix { $0.isNumber })
  }

  func value(_ sql: String) async throws -> String? { try await rows(sql).first?.first ?? nil }

  /// Fills the table with vectors of eight small numbers.
  func fill(_ count: Int) async throws {
    _ = try await rows(
      """
      INSERT INTO image_search (id, class, image_vector)
      SELECT i, 'class ' || i % 5, (SELECT array_agg(((i * 37 + k * 11 + i % 5 * 400) % 997) / 7.0) FROM generate_series(1, 8) k)::real[]::vector
      FROM generate_series(1, \(count)) i;
      ANALYZE image_search
      """
    )
  }

  /// What a change adds to a table and takes away again; empty when nothing of it is left.
  func leftovers() async throws -> [String] {
    try await rows(
      """
      SELECT 'column ' || attname FROM pg_attribute
      WHERE attrelid = 'image_search'::regclass AND NOT attisdropped AND attname ~ '_(next|previous|state)$'
      UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = 'image_search'::regclass
      UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE 'image_search_%'
      UNION ALL SELECT 'index ' || relname FROM pg_class WHERE relkind = 'i' AND relname ~ '_(next|previous|pending)$'
      UNION ALL SELECT 'lock' FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      """
    ).compactMap { $0.first ?? nil }
  }
}

/// Changes that need no model: another type, done by the server.
struct StorageChangeTests {
  @Test func halfPrecisionGoesThereAndBackAndIsContracted() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(300)
      let before = try await bench.value(
        "SELECT md5(string_agg(image_vector::text, ',' ORDER BY id)) FROM image_search"
      )
      let written = try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      #expect(written.output.split(separator: "\n").count == 5)
      #expect(try await bench.succeed("migrate", "lint").error.contains("nothing found"))
      try await bench.succeed("migrate", "up")
      #expect(
        try await bench.value(
          "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'image_search'::regclass AND attname = 'image_vector'"
        )
          == "halfvec(8)"
      )
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE image_vector IS DISTINCT FROM image_vector_previous::halfvec(8)"
        )
          == "0"
      )
      // A row that is written after the switch keeps its vector on the way back.
      _ = try await bench.rows(
        "INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'late', '[1,2,3,4,5,6,7,8]')"
      )
      // Without names the vector would go where the old ones are now.
      await #expect(throws: PostgresError.self) {
        try await bench.rows("INSERT INTO image_search VALUES (1001, 'lost', '[1,2,3,4,5,6,7,8]')")
      }
      try await bench.succeed("migrate", "down")
      #expect(
        try await bench.value("SELECT image_vector::text FROM image_search WHERE id = 1000")
          == "[1,2,3,4,5,6,7,8]"
      )
      let back = try await bench.value(
        "SELECT md5(string_agg(image_vector::text, ',' ORDER BY id)) FROM image_search WHERE id < 1000"
      )
      #expect(back == before)
      try await bench.succeed("migrate", "up")
      try await bench.succeed("migrate", "new", "--contract", "half")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.leftovers() == [])
      let search = try await bench.succeed("search", "--id", "1000", "--top-k", "3", "--format", "json")
      #expect(search.output.contains("\"hits\""))
    }
  }

  @Test func everyStepGoesDownUntilNothingIsLeft() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(100)
      let before = try await bench.value(
        "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM image_search t"
      )
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
      for _ in 0..<4 { try await bench.succeed("migrate", "down") }
      // The column with the new vectors is data, and goes only when that is allowed.
      let refused = try await bench.run(["migrate", "down"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("100 values"))
      try await bench.succeed("migrate", "down", "--yes")
      #expect(try await bench.leftovers() == [])
      #expect(
        try await bench.value("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM image_search t")
          == before
      )
    }
  }

  @Test func writersAreNeverRefusedAndNothingStaleSurvives() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(400)
      _ = try await bench.rows(
        "CREATE TABLE shadow AS SELECT id, image_vector AS v FROM image_search; CREATE UNIQUE INDEX ON shadow (id)"
      )
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      let writer = RowWriter(bench.database)
      let writing = Task { try await writer.run() }
      for _ in 0..<8 {
        try await bench.succeed("migrate", "up")
        try await bench.succeed("migrate", "down")
      }
      try await bench.succeed("migrate", "up")
      writing.cancel()
      let written = try await writing.value
      #expect(written > 0)
      #expect(try await RowWriter.differences(bench) == "0")
    }
  }

  /// Some kills here; more of them when `ADBVEC_KILLS` says so.
  @Test func killsAtAnyMomentLeaveNothingBehind() async throws {
    let kills = Environment.variables["ADBVEC_KILLS"].flatMap { Int($0) } ?? 12
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(2000)
      _ = try await bench.rows(
        "CREATE TABLE shadow AS SELECT id, image_vector AS v FROM image_search; CREATE UNIQUE INDEX ON shadow (id)"
      )
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      let writer = RowWriter(bench.database)
      let writing = Task { try await writer.run() }
      try await Self.kill(kills, bench)
      try await bench.succeed("migrate", "up")
      writing.cancel()
      #expect(try await writing.value > 0)
      #expect(try await RowWriter.differences(bench) == "0")
      try await bench.succeed("migrate", "new", "--contract", "half")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.leftovers() == [])
      #expect(try await bench.value("SELECT count(*) FROM adbvec_migrations WHERE state <> 'applied'") == "0")
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search i FULL JOIN shadow s USING (id) WHERE i.image_vector IS DISTINCT FROM s.v::halfvec(8)"
        )
          == "0"
      )
    }
  }

  /// Goes up and down, each killed after a random time until one run gets to its end.
  static func kill(_ kills: Int, _ bench: ChangeBench, longest: Int = 900) async throws {
    var isUp = true
    var done = 0
    while done < kills {
      let process = try bench.start(
        isUp ? ["migrate", "up"] : ["migrate", "down", "--to", try bench.version(nil), "--yes"]
      )
      let end = ContinuousClock.now + .milliseconds(Int.random(in: 20...longest))
      while process.isRunning, .now < end { try await Task.sleep(for: .milliseconds(5)) }
      if process.isRunning {
        Foundation.kill(process.processIdentifier, SIGKILL)
        done += 1
      }
      process.waitUntilExit()
      if process.terminationReason == .exit {
        #expect(process.terminationStatus == 0)
        isUp.toggle()
      }
    }
    if !isUp { try await bench.succeed("migrate", "down", "--to", try bench.version(nil), "--yes") }
  }
}

/// Inserts, updates and deletes rows, and keeps in a table beside it what it has written.
struct RowWriter: Sendable {
  let database: TestDatabase
  /// What a new row holds besides its id: columns and values.
  var columns = "class, image_vector"

  init(_ database: TestDatabase) { self.database = database }

  /// Writes until it is cancelled.
  /// - Returns: how many transactions were committed.
  /// - Throws: the first refusal.
  func run() async throws -> Int {
    let connection = try await database.connect()
    var random = SystemRandomNumberGenerator()
    var count = 0
    while !Task.isCancelled {
      let numbers = (0..<8).map { _ in String(Int.random(in: 0...2000, using: &random)) }.joined(
        separator: ","
      )
      let id = Int.random(in: 1...3000, using: &random)
      let action =
        switch count % 4 {
        case 0: "DELETE FROM image_search WHERE id = \(id); DELETE FROM shadow WHERE id = \(id)"
        case 1:
          "UPDATE image_search SET image_vector = '[\(numbers)]' WHERE id = \(id); UPDATE shadow SET v = '[\(numbers)]' WHERE id = \(id)"
        case 2: "UPDATE image_search SET class = 'other' WHERE id = \(id)"
        default:
          """
          INSERT INTO image_search (id, class, image_vector) VALUES (\(id), 'new', '[\(numbers)]')
          ON CONFLICT (id) DO UPDATE SET image_vector = excluded.image_vector;
          INSERT INTO shadow VALUES (\(id), '[\(numbers)]') ON CONFLICT (id) DO UPDATE SET v = excluded.v
          """
        }
      _ = try await Task.detached { try await connection.run(trusted: "BEGIN; \(action); COMMIT") }.value
      count += 1
      try? await Task.sleep(for: .milliseconds(10))
    }
    await connection.close()
    return count
  }

  /// Rows that differ from what was written, after the switch.
  static func differences(_ bench: ChangeBench) async throws -> String? {
    try await bench.value(
      """
      SELECT count(*) FROM image_search i FULL JOIN shadow s USING (id)
      WHERE i.image_vector IS DISTINCT FROM s.v::halfvec(8) OR i.image_vector_previous IS DISTINCT FROM s.v
      """
    )
  }
}

/// Changes of the model, on real images with real weights.
@Suite(.enabled(if: Environment.hasData, "../shared/data is not there"))
struct ModelChangeTests {
  private static let images = Environment.data + "/cifar-100-binary/test.bin"
  private static let old = Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors"
  private static let new = Environment.data + "/weights/efficientnet-lite0-57934424.pth"

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
      #expect(
        FileManager.default.fileExists(
          atPath: bench.folder + "/migrations/pgvector/\(try bench.version("gate"))_lite_gate.report.json"
        )
      )
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
      try await StorageChangeTests.kill(kills, bench, longest: 9000)
      try await bench.succeed("migrate", "up")
      writing.cancel()
      #expect(try await writing.value > 0)
      // Rows that were written behind the switch without a vector wait for one from whoever writes vectors.
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
      #expect(
        try await bench.value(
          "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ) == "0"
      )
      #expect(try await bench.value("SELECT count(*) FROM adbvec_migrations WHERE state <> 'applied'") == "0")
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
        var asked = 0
        while try await bench.value(
          "SELECT count(*) FROM adbvec_migrations WHERE name LIKE '%switch' AND state = 'applied'"
        ) != "1" {
          _ = try await first("/api/v1/search?id=3&k=5")
          asked += 1
        }
        _ = try await up.value
        #expect(asked > 0)
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

/// What else depends on the old column.
struct ChangeDependentsTests {
  @Test func viewsTriggersAndGrantsAreCarried() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(50)
      _ = try await bench.rows(
        """
        CREATE VIEW seen AS SELECT id, class FROM image_search WHERE vector_dims(image_vector) = 8;
        CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER counted AFTER UPDATE OF image_vector ON image_search FOR EACH ROW EXECUTE FUNCTION count_changes();
        DROP ROLE IF EXISTS adbvec_reader; CREATE ROLE adbvec_reader; GRANT SELECT (image_vector) ON image_search TO adbvec_reader
        """
      )
      let refused = try await bench.run(["migrate", "new", "--re-embed", "half", "--to-type", "halfvec"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("view seen"))
      _ = try await bench.rows("DROP VIEW seen")
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
      let column =
        "SELECT attnum::text FROM pg_attribute WHERE attrelid = 'image_search'::regclass AND attname = 'image_vector'"
      #expect(
        try await bench.value("SELECT tgattr::text FROM pg_trigger WHERE tgname = 'counted'")
          == (try await bench.value(column))
      )
      #expect(
        try await bench.value(
          "SELECT has_column_privilege('adbvec_reader', 'image_search', 'image_vector', 'SELECT')"
        ) == "t"
      )
      _ = try await bench.rows(
        "REVOKE ALL (image_vector, image_vector_previous) ON image_search FROM adbvec_reader; DROP ROLE adbvec_reader"
      )
    }
  }

  @Test func aGeneratedColumnIsRefusedByName() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(10)
      _ = try await bench.rows(
        "ALTER TABLE image_search ADD COLUMN norm float8 GENERATED ALWAYS AS (vector_norm(image_vector)) STORED"
      )
      let refused = try await bench.run(["migrate", "new", "--re-embed", "half", "--to-type", "halfvec"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("norm"))
    }
  }
}

/// Rows that one test step leaves for another.
private actor Expected {
  private(set) var rows: [[String?]] = []

  func take(_ rows: [[String?]]) { self.rows = rows }
}
