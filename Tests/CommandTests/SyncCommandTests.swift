import Foundation
import ImageCodecs
import MetricLearning
import TestSupport
import Testing

/// The real `adbvec` on folders and tables that change: killed at any moment, and refused where vectors would mix.
@Suite(.serialized, .enabled(if: Environment.hasData, "../shared/data is not there"))
struct SyncCommandTests {
  private static let weights = Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors"
  private static let otherWeights = Environment.data + "/weights/efficientnet-lite0-57934424.pth"

  private func with(_ body: @Sendable (TestDatabase) async throws -> Void) async throws {
    try await TestServer.withDatabase { database in
      let tables = ["image_search", "fresh"].map {
        "CREATE TABLE \($0) (id bigint PRIMARY KEY, class text, source text UNIQUE, image_vector vector);"
      }
      _ = try await psql(tables.joined(), database)
      try await body(database)
    }
  }

  private func psql(_ script: String, _ database: TestDatabase) async throws -> String {
    let finished = try await Program.psql(script, on: database)
    #expect(finished.exitCode == 0, "\(finished.error)")
    return finished.output
  }

  private func variables(_ database: TestDatabase) -> [String: String] {
    ["DATABASE_URL": database.url, "ADBVEC_WEIGHTS": Self.weights, "ADBVEC_FEATURE": "pooled"]
  }

  @discardableResult
  private func run(
    _ arguments: [String],
    _ database: TestDatabase,
    _ more: [String: String] = [:],
    without setting: String = ""
  ) async throws -> Finished {
    var settings = variables(database).merging(more) { $1 }
    settings[setting] = nil
    return try await Program.run(Program.adbvec, arguments, environment: settings)
  }

  private func succeed(_ arguments: [String], _ database: TestDatabase) async throws -> String {
    let finished = try await run(arguments, database)
    #expect(finished.exitCode == 0, "\(arguments): \(finished.error)")
    return finished.output
  }

  private func syncing(_ folder: EditedFolder) -> [String] {
    ["sync", folder.path, "--deleted", "delete", "--yes", "--workers", "1"]
  }

  /// Begins a sync and ends the process as a power cut would.
  /// - Returns: whether it was still running.
  private func kill(_ folder: EditedFolder, after seconds: Double, _ database: TestDatabase) async throws
    -> Bool
  {
    let process = Process()
    process.executableURL = URL(filePath: Program.adbvec)
    process.arguments = syncing(folder)
    process.environment = variables(database)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try await Task.sleep(for: .seconds(seconds))
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal
  }

  /// `ADBVEC_KILL_SCRIPTS` sets the number of scripts.
  @Test func editsAndKillsAtAnyMomentEndAsAFreshLoad() async throws {
    let count = Environment.variables["ADBVEC_KILL_SCRIPTS"].flatMap(Int.init) ?? 3
    var (kills, duration) = (0, 1.0)
    for script in 0..<count {
      var edits = FolderEdits(seed: UInt64(1_000 + script))
      let folder = try EditedFolder()
      for _ in 0..<6 { try edits.apply(to: folder) }
      (kills, duration) = try await TestServer.withDatabase { [edits, kills, duration] database in
        var (edits, kills, duration) = (edits, kills, duration)
        for name in ["image_search", "fresh"] {
          let hash = name == "fresh" ? "" : ", content_hash text"
          _ = try await psql(
            "CREATE TABLE \(name) (id bigint PRIMARY KEY, class text, source text UNIQUE, image_vector vector\(hash))",
            database
          )
        }
        for _ in 0..<edits.number(in: 2...3) {
          for _ in 0..<edits.number(in: 1...12) { try edits.apply(to: folder) }
          for _ in 0..<edits.number(in: 1...2) {
            let moment = duration * Double(edits.number(in: 0...100)) / 100
            if try await kill(folder, after: moment, database) { kills += 1 }
            if edits.number(in: 0...1) == 0 { try edits.apply(to: folder) }
          }
        }
        let start = ContinuousClock.now
        _ = try await succeed(syncing(folder), database)
        duration = (ContinuousClock.now - start) / .seconds(1)
        try await expectFreshLoad(folder, database, "script \(script)")
        let without = "SELECT count(*) FROM image_search WHERE content_hash IS NULL"
        #expect(try await psql(without, database) == "0\n", "script \(script)")
        let again = try await succeed(syncing(folder) + ["--format", "json"], database)
        #expect(again.contains("\"embedded\" : 0") || again.contains("\"embedded\":0"), "\(again)")
        return (kills, duration)
      }
    }
    #expect(kills > 0, "a kill landed while the command ran")
    print("\(kills) runs were killed in \(count) scripts")
  }

  @Test func duplicatesAreNamedAndLeftOut() async throws {
    try await with { database in
      let folder = try EditedFolder()
      func image(_ side: Int) throws -> [UInt8] {
        try Image(
          width: side,
          height: side,
          rgb: (0..<side * side).flatMap { index -> [UInt8] in
            let (x, y) = (index % side * 64 / side, index / side * 64 / side)
            let levels: [Int] = [x * x + y * 5, x * y, x * 3 + y * y]
            return levels.map { UInt8($0 % 251) }
          }
        ).pngData()
      }
      try folder.write("a.png", image(64))
      try folder.write("b\u{1B}[31m.png", image(128))
      try folder.copy("a.png", "c.png")
      let first = try await succeed(["embed-load", folder.path, "--duplicates", "skip"], database)
      #expect(first.contains("duplicate  b\\x1B[31m.png of a.png (looks alike, "))
      #expect(first.contains("duplicate  c.png of a.png (equal)\n"))
      #expect(first.contains("1 row loaded, 2 left out as duplicates in "))
      let second = try await succeed(["embed-load", folder.path, "--duplicates", "skip"], database)
      #expect(second.hasPrefix("already loaded (1 row, 2 left out as duplicates)"))
      let synced = try await succeed(["sync", folder.path, "--format", "json"], database)
      #expect(synced.contains("\"left_out\" : 2") || synced.contains("\"left_out\":2"))
      for words in [["--duplicate-distance", "3"], ["--duplicates", "link", "--duplicate-distance", "21"]] {
        #expect(try await run(["sync", folder.path] + words, database).exitCode == 64)
      }
    }
  }

  /// The list of JSON is printed as the plan is gone through, and is the same document.
  @Test func aPlanIsPrintedInTheOrderOfThePaths() async throws {
    struct Plan: Decodable {
      struct Change: Decodable, Equatable {
        let action: String
        let path: String
        let from: String?
        let duplicate_of: String?
      }
      struct Result: Decodable {
        let changes: [Change]
        let counts: [String: Int]
        let dry_run: Bool
      }
      let command: String
      let schema: Int
      let result: Result
    }
    try await with { database in
      let folder = try EditedFolder()
      let words = ["sync", folder.path, "--dry-run", "--deleted", "delete", "--yes"]
      func plan() async throws -> Plan {
        let output = try await succeed(words + ["--format", "json"], database)
        let whole = try JSONSerialization.jsonObject(with: Data(output.utf8))
        #expect(output.hasPrefix("{\n  \"command\" : \"sync\",\n  \"result\" : {\n    \"changes\" : ["))
        #expect((whole as? [String: Any])?.keys.sorted() == ["command", "result", "schema"])
        return try JSONDecoder().decode(Plan.self, from: Data(output.utf8))
      }
      let empty = try await plan()
      #expect(empty.result.changes.isEmpty && empty.result.counts["added"] == 0 && empty.result.dry_run)
      for (number, name) in ["a/1", "a/2", "a.b", "gone", "old", "same"].enumerated() {
        try folder.write(name + ".bmp", UInt8(number * 20))
      }
      _ = try await succeed(["sync", folder.path], database)
      try folder.write("a/1.bmp", 200, extraBytes: 1)
      try folder.remove("gone.bmp")
      try folder.move("old.bmp", "moved.bmp")
      try folder.copy("same.bmp", "copy.bmp")
      try folder.write("\"changes\" : [\n.bmp", 250)
      let found = try await plan()
      #expect(found.command == "sync" && found.schema == 1)
      let expected: [(String, String, String?, String?)] = [
        ("add", "\"changes\" : [\n.bmp", nil, nil), ("change", "a/1.bmp", nil, nil),
        ("add", "copy.bmp", nil, "same.bmp"), ("delete", "gone.bmp", nil, nil),
        ("move", "moved.bmp", "old.bmp", nil),
      ]
      #expect(
        found.result.changes
          == expected.map { Plan.Change(action: $0.0, path: $0.1, from: $0.2, duplicate_of: $0.3) }
      )
      let lines = try await succeed(words, database).split(separator: "\n")
      #expect(
        lines.dropLast() == [
          "add  \"changes\" : [\\n.bmp", "change  a/1.bmp", "add  copy.bmp (equal to same.bmp)",
          "delete  gone.bmp", "move  moved.bmp from old.bmp",
        ]
      )
      #expect(lines.last?.hasPrefix("nothing written: 2 added, 1 changed, 1 moved, 1 deleted, ") == true)
    }
  }

  private func expectFreshLoad(
    _ folder: EditedFolder,
    _ database: TestDatabase,
    _ comment: Comment
  ) async throws {
    if !folder.paths().isEmpty {
      _ = try await succeed(
        ["embed-load", folder.path, "--table", "fresh", "--untracked", "--workers", "1"],
        database
      )
    }
    func rows(_ table: String) async throws -> String {
      try await psql("SELECT source, class, image_vector FROM \(table) ORDER BY source", database)
    }
    #expect(try await rows("image_search") == rows("fresh"), comment)
  }

  /// Two ways to make vectors of one length: the words of `recipe set`, and those that must be refused then.
  struct Mixture: Sendable, CustomTestStringConvertible {
    let recorded: [String]
    let given: [String]
    var testDescription: String { "\(recorded.joined(separator: " ")) and \(given.joined(separator: " "))" }
  }

  private static let mixtures = [
    Mixture(recorded: ["--feature", "pooled"], given: ["--feature", "gem:3"]),
    Mixture(recorded: ["--feature", "gem:3"], given: ["--feature", "rmac:3"]),
    Mixture(recorded: ["--feature", "logits"], given: ["--feature", "probabilities"]),
    Mixture(recorded: ["--feature", "logits"], given: ["--feature", "logits", "--weights", otherWeights]),
    Mixture(recorded: ["--projection", "a"], given: ["--projection", "b"]),
  ]

  @Test(arguments: mixtures)
  func everyCommandRefusesVectorsOfAnotherRecipe(mixture: Mixture) async throws {
    try await withTemporaryFolder { scratch in
      for (name, first) in [("a", Float(1)), ("b", 2)] {
        let matrix = (0..<8 * 512).map { $0 == 0 ? first : Float($0 % 7) }
        let projection = try Projection(
          matrix: matrix,
          mean: Array(repeating: 0, count: 512),
          normalisesInput: false,
          normalisesOutput: false
        )
        try projection.write(toFile: "\(scratch)/\(name).safetensors")
      }
      func words(_ words: [String]) -> [String] {
        words.map { $0.count == 1 ? "\(scratch)/\($0).safetensors" : $0 }
      }
      let (recorded, given) = (words(mixture.recorded), words(mixture.given))
      try await with { database in
        let folder = try EditedFolder()
        try folder.write("a.bmp", 100)
        _ = try await succeed(["recipe", "set"] + recorded, database)
        _ = try await psql("INSERT INTO image_search VALUES (7, 'x', '/x', '[1,2]')", database)
        let image = folder.absolute("a.bmp")
        let file = scratch + "/vectors.npy"
        _ = try await succeed(["embed", folder.path, "--output", file] + given, database)
        let loaded = try await run(["load", file, "--on-conflict", "skip"], database)
        #expect(loaded.exitCode == 1 && loaded.error.contains("made by another recipe"), "\(loaded.error)")
        #expect(
          loaded.error.contains("\nFix: make \(file) again with adbvec embed and --"),
          "\(loaded.error)"
        )
        for command in [
          ["embed-load", folder.path], ["sync", folder.path], ["search", "--image", image],
          ["sql", "query", "--image", image], ["serve", "--port", "0"],
        ] {
          let finished = try await run(command + given, database)
          #expect(finished.exitCode == 1, "\(command): \(finished.output) \(finished.error)")
          #expect(finished.error.contains("made by another recipe"), "\(command): \(finished.error)")
          #expect(finished.error.contains("\nFix: use --"), "\(finished.error)")
        }
        #expect(try await psql("SELECT id FROM image_search", database) == "7\n")
        // Without rows there is nothing to agree with.
        _ = try await psql("TRUNCATE image_search", database)
        for command in ["embed-load", "sync"] {
          let finished = try await run([command, folder.path] + given, database)
          #expect(!finished.error.contains("made by another recipe"), "\(command): \(finished.error)")
        }
      }
    }
  }

  private struct Found: Decodable {
    struct Hit: Decodable {
      let id: Int
      let distance: Double
    }
    struct Result: Decodable { let hits: [Hit] }
    let result: Result
  }

  private struct Shown: Decodable {
    let result: [String: String]
  }

  @Test func aRecipeThatWasSetIsShownAndCompleted() async throws {
    try await with { database in
      let nothing = try await run(["recipe", "show"], database)
      #expect(nothing.exitCode == 1 && nothing.error.contains("Fix: adbvec recipe set"))
      _ = try await succeed(["recipe", "set", "--background", "white"], database)
      let shown = try await succeed(["recipe", "show", "--format", "json"], database)
      let recipe = try JSONDecoder().decode(Shown.self, from: Data(shown.utf8)).result
      #expect(recipe["architecture"] == "squeezenet1_1" && recipe["feature"] == "pooled")
      #expect(recipe["background"] == "#ffffff" && recipe["projection"] == "none")
      #expect(recipe["weights"]?.isEmpty == false && recipe["weights_file"] == Self.weights)
      #expect(try await succeed(["recipe", "show"], database).contains("background"))
      // The same again says nothing new; another one is refused, and recorded when that is asked for.
      _ = try await succeed(["recipe", "set", "--background", "white"], database)
      let other = try await run(["recipe", "set", "--feature", "gem:3"], database)
      #expect(other.exitCode == 1 && other.error.contains("feature: pooled recorded, gem:3.0 given"))
      #expect(other.error.contains("Fix: --replace"))
      _ = try await succeed(["recipe", "set", "--feature", "gem:3", "--replace"], database)
      #expect(try await succeed(["recipe", "show"], database).contains("gem:3.0"))
    }
  }

  /// A file of vectors has its recipe beside it, on the way into a table and out of it.
  @Test func aFileOfVectorsSaysWhatMadeThem() async throws {
    try await withTemporaryFolder { scratch in
      try await with { database in
        let folder = try EditedFolder()
        for number in 0..<3 { try folder.write("\(number).bmp", UInt8(number * 80)) }
        let (made, out) = (scratch + "/made.npy", scratch + "/out.jsonl")
        _ = try await succeed(["embed", folder.path, "--output", made, "--normalise"], database)
        _ = try await succeed(["load", made], database)
        let shown = try await succeed(["recipe", "show", "--format", "json"], database)
        let recipe = try JSONDecoder().decode(Shown.self, from: Data(shown.utf8)).result
        #expect(recipe["feature"] == "pooled" && recipe["normalise"] == "yes")
        _ = try await succeed(["unload", out], database)
        _ = try await psql("TRUNCATE image_search; DROP TABLE adbvec_recipe, adbvec_load", database)
        _ = try await succeed(["load", out], database)
        #expect(try await succeed(["recipe", "show", "--format", "json"], database) == shown)
        // A file that took the name of another one has another recipe.
        _ = try await succeed(
          ["embed", folder.path, "--output", scratch + "/other.npy", "--feature", "gem:3"],
          database
        )
        try FileManager.default.removeItem(atPath: made)
        try FileManager.default.moveItem(atPath: scratch + "/other.npy", toPath: made)
        let stale = try await run(["load", made, "--on-conflict", "skip"], database)
        #expect(stale.error.contains("made.npy.recipe.json does not say what made the vectors that"))
      }
    }
  }

  @Test func aRecipeThatCannotHaveMadeTheColumnIsRefused() async throws {
    try await with { database in
      _ = try await psql("ALTER TABLE image_search ALTER image_vector TYPE vector(3)", database)
      let finished = try await run(["recipe", "set"], database)
      #expect(finished.exitCode == 1)
      #expect(finished.error.contains("holds vectors of 3 dimensions") && finished.error.contains("make 512"))
    }
  }

  /// What was not given is taken from the recipe: a search for an image of the table finds it at distance 0.
  @Test func whatIsNotGivenIsTakenFromTheRecipe() async throws {
    try await with { database in
      let folder = try EditedFolder()
      for number in 0..<3 { try folder.write("\(number).bmp", UInt8(number * 80)) }
      _ = try await succeed(["recipe", "set", "--feature", "gem:3", "--normalise"], database)
      let synced = try await run(["sync", folder.path], database, without: "ADBVEC_FEATURE")
      #expect(synced.exitCode == 0, "\(synced.error)")
      let search = ["search", "--image", folder.absolute("1.bmp"), "--top-k", "1", "--format", "json"]
      let found = try await run(search, database, without: "ADBVEC_FEATURE")
      #expect(found.exitCode == 0, "\(found.error)")
      let hits = try JSONDecoder().decode(Found.self, from: Data(found.output.utf8)).result.hits
      #expect(hits.map(\.distance) == [0] && hits.map(\.id) == [1])
    }
  }

  /// The metric is that of the index, or the one that was chosen.
  @Test func theMetricIsRecorded() async throws {
    try await with { database in
      _ = try await psql(
        """
        ALTER TABLE image_search ALTER image_vector TYPE vector(512);
        CREATE INDEX ON image_search USING hnsw (image_vector vector_cosine_ops)
        """,
        database
      )
      _ = try await succeed(["recipe", "set"], database)
      let metric = "SELECT recipe::json ->> 'metric' FROM adbvec_recipe"
      #expect(try await psql(metric, database) == "cosine\n")
      _ = try await run(["recipe", "set", "--replace"], database, ["ADBVEC_METRIC": "ip"])
      #expect(try await psql(metric, database) == "ip\n")
    }
  }
}
