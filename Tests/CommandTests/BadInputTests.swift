import Foundation
import LocalPostgres
import TestSupport
import Testing

/// Bad input: one clear line on standard error, an exit code that says so, and nothing half-written.
@Suite(.enabled(if: Environment.hasData, "../shared/data is not there"))
struct BadInputTests {
  private static let weights = Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors"

  /// Runs a command on a migrated table and expects one line that names `words`, and an empty table.
  private func expectRefusal(
    _ arguments: [String],
    naming words: String...,
    exitCode: Int32 = 1,
    environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await TestServer.withDatabase { database in
      var variables = [
        "ADBVEC_MIGRATIONS": Environment.package + "/migrations", "DATABASE_URL": database.url,
      ]
      let up = try await Program.run(Program.adbvec, ["migrate", "up"], environment: variables)
      #expect(up.exitCode == 0, "\(up.error)", sourceLocation: sourceLocation)
      variables["ADBVEC_WEIGHTS"] = Self.weights
      variables.merge(environment) { $1 }
      let finished = try await Program.run(Program.adbvec, arguments, environment: variables)
      #expect(finished.exitCode == exitCode, "\(finished.error)", sourceLocation: sourceLocation)
      // One line of error; what the walk of a folder left out is said beside it.
      let errors = finished.errorLines.filter { !$0.hasPrefix("warning: left out of ") }
      #expect(errors.count == 1, "\(finished.error)", sourceLocation: sourceLocation)
      for word in words {
        #expect(finished.error.contains(word), "\(finished.error)", sourceLocation: sourceLocation)
      }
      let rows = try await Program.psql("SELECT count(*) FROM image_search", on: database)
      #expect(rows.output == "0\n", sourceLocation: sourceLocation)
    }
  }

  private func withFolder(_ files: [String: Data], _ body: (String) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      for (name, data) in files {
        let path = folder + "/" + name
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        try data.write(to: URL(fileURLWithPath: path))
      }
      try await body(folder)
    }
  }

  private func reference(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: Environment.data + "/reference/set1/" + name))
  }

  @Test func libpqIsNamedWhereItCannotBeOpened() async throws {
    try await withFolder(["libpq.so.5": Data("no library".utf8)]) { folder in
      try await expectRefusal(
        ["search", "--id", "1"],
        naming: "the library libpq.so.5 cannot be loaded; install libpq5",
        exitCode: 5,
        environment: ["LD_LIBRARY_PATH": folder]
      )
      let variables = ["LD_LIBRARY_PATH": folder]
      let version = try await Program.run(Program.adbvec, ["--version"], environment: variables)
      #expect(version.exitCode == 0, "\(version.error)")
    }
  }

  @Test func truncatedJPEGWhenStrict() async throws {
    try await withFolder(["a/cut.jpg": try reference("rocket.jpg").prefix(20_000)]) { folder in
      try await expectRefusal(["embed-load", folder, "--strict"], naming: "cut.jpg")
    }
  }

  @Test func textNamedPNGWhenStrict() async throws {
    try await withFolder(["a/note.png": Data("hello".utf8)]) { folder in
      try await expectRefusal(["embed-load", folder, "--strict"], naming: "note.png")
    }
  }

  @Test func oneBadImageIsSkippedAndCounted() async throws {
    let files = ["cats/ok.png": try reference("chelsea.png"), "cats/bad.png": Data("hello".utf8)]
    try await withFolder(files) { folder in
      try await TestServer.withDatabase { database in
        let variables = [
          "ADBVEC_MIGRATIONS": Environment.package + "/migrations", "ADBVEC_WEIGHTS": Self.weights,
          "DATABASE_URL": database.url,
        ]
        _ = try await Program.run(Program.adbvec, ["migrate", "up"], environment: variables)
        let finished = try await Program.run(Program.adbvec, ["embed-load", folder], environment: variables)
        #expect(finished.exitCode == 0)
        #expect(finished.output.contains("1 row loaded, 1 image could not be read"))
        #expect(finished.error.contains("bad.png"))
        let rows = try await Program.psql("SELECT id, class FROM image_search", on: database)
        #expect(rows.output == "1|cats\n")
      }
    }
  }

  @Test func emptyFolder() async throws {
    try await withFolder([:]) { try await expectRefusal(["embed-load", $0], naming: $0) }
  }

  @Test func missingSource() async throws {
    try await expectRefusal(["embed-load", "/nowhere/at/all"], naming: "/nowhere/at/all")
  }

  @Test func cutCIFARFile() async throws {
    let records = try Data(contentsOf: URL(fileURLWithPath: Environment.data + "/cifar-100-binary/test.bin"))
    try await withFolder(["cut.bin": records.prefix(3074 * 2 + 100)]) { folder in
      try await expectRefusal(["embed-load", folder + "/cut.bin"], naming: "cut.bin", "3,074")
    }
  }

  private static let image = Environment.data + "/reference/set1"

  @Test func checkpointOfAnotherNetwork() async throws {
    try await expectRefusal(
      ["embed-load", Self.image, "--model", "resnet18"],
      naming: "resnet18",
      "conv1.weight",
      "missing"
    )
  }

  @Test func checkpointWithAWrongShape() async throws {
    // The header's first shape [512, …] of the classifier is made [511, …]: same length of text, other tensor.
    var bytes = try Data(contentsOf: URL(fileURLWithPath: Self.weights))
    let shape = Data("\"shape\":[64,3,3,3]".utf8)
    let other = Data("\"shape\":[3,64,3,3]".utf8)
    let place = try #require(bytes.range(of: shape))
    bytes.replaceSubrange(place, with: other)
    try await withFolder(["wrong.safetensors": bytes]) { folder in
      try await expectRefusal(
        ["embed-load", Self.image, "--model", "squeezenet1_1", "--weights", folder + "/wrong.safetensors"],
        naming: "wrong.safetensors",
        "features.0.weight"
      )
    }
  }

  @Test func maliciousPickle() async throws {
    // What `pickle` would run as os.system("touch …"): protocol 2, GLOBAL os system, a tuple of one text, REDUCE.
    try await withTemporaryFolder { folder in
      let command = "touch \(folder)/ran"
      var pickle: [UInt8] = [0x80, 2] + Array("cos\nsystem\n".utf8)
      pickle +=
        [UInt8(ascii: "X"), UInt8(command.utf8.count), 0, 0, 0] + Array(command.utf8)
        + Array("\u{85}R.".unicodeScalars.map { UInt8($0.value) })
      try Data(pickle).write(to: URL(fileURLWithPath: folder + "/evil.pth"))
      try await expectRefusal(
        ["embed-load", Self.image, "--weights", folder + "/evil.pth"],
        naming: "evil.pth"
      )
      #expect(!FileManager.default.fileExists(atPath: folder + "/ran"))
    }
  }

  @Test func vectorsOfAnotherDimension() async throws {
    try await expectRefusal(["embed-load", Self.image, "--feature", "pooled"], naming: "512", "1000")
    try await expectRefusal(["search", "--vector", "1,2,3"], naming: "3", "1000")
  }

  @Test func notANumber() async throws {
    let row = (0..<1000).map { $0 == 500 ? "nan" : "0.5" }.joined(separator: ",")
    try await withFolder(["f.txt": Data("0|cat|{\(row)}\n".utf8)]) { folder in
      try await expectRefusal(["load", folder + "/f.txt"], naming: "f.txt")
    }
    try await expectRefusal(["search", "--vector", "1,nan,3"], naming: "element 1", exitCode: 64)
  }

  @Test func noServer() async throws {
    try await expectRefusal(
      ["search", "--id", "1"],
      naming: "127.0.0.1",
      exitCode: 5,
      environment: ["DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"]
    )
  }

  @Test func wrongPasswordIsNotRepeated() async throws {
    let server = try await TestServer.running()
    let finished = try await Program.adbvec(
      "search",
      "--id",
      "1",
      environment: ["DATABASE_URL": "postgresql://adbvec:wr0ngpass@127.0.0.1:\(server.port)/adbvec"]
    )
    #expect(finished.exitCode == 5)
    #expect(finished.errorLines.count == 1)
    #expect(finished.error.contains("password authentication failed"))
    #expect(!finished.error.contains("wr0ngpass"))
  }

  @Test func anAddressThatCannotBeReadIsNotRepeated() async throws {
    let finished = try await Program.adbvec(
      "search",
      "--id",
      "1",
      environment: ["DATABASE_URL": "postgresql://me:s3cr%zzet@host/db"]
    )
    #expect(finished.exitCode == 5)
    #expect(finished.errorLines.count == 1)
    #expect(!finished.error.contains("s3cr"))
  }

  @Test func noPgvector() async throws {
    try await TestServer.withDatabase(extensions: []) { database in
      let finished = try await Program.adbvec("search", "--id", "1", database: database)
      #expect(finished.exitCode == 1)
      #expect(
        finished.error
          == "error: this database has no extension vector. Fix: adbvec migrate up, which creates it and the table\n"
      )
      let up = try await Program.adbvec("migrate", "up", database: database)
      #expect(up.exitCode == 0, "\(up.error)")
      let vector = Array(repeating: "1", count: 1000).joined(separator: ",")
      for words in [["--id", "1"], ["--vector", "[\(vector)]"]] {
        let empty = try await Program.run(
          Program.adbvec,
          ["search"] + words,
          environment: ["DATABASE_URL": database.url]
        )
        #expect(empty.error.contains("no rows yet. Fix: adbvec embed-load FOLDER"), "\(empty.error)")
      }
    }
  }

  @Test func aSecondTableIsToldAHistoryOfItsOwn() async throws {
    try await TestServer.withDatabase { database in
      func up(_ words: String...) async throws -> Finished {
        let environment = ["DATABASE_URL": database.url, "ADBVEC_DIALECT": "pgvector"]
        return try await Program.run(Program.adbvec, ["migrate", "up"] + words, environment: environment)
      }
      #expect(try await up().exitCode == 0)
      let drifted = try await up("--table", "cats")
      #expect(drifted.exitCode == 3)
      #expect(drifted.error.contains("a history of its own, '--history-table cats_migrations'"))
      let beside = try await up("--table", "cats", "--history-table", "cats_migrations", "--set", "dim=3")
      #expect(beside.exitCode == 0, "\(beside.error)")
    }
  }

  @Test func aTableNameWithQuotesIsAName() async throws {
    try await expectRefusal(
      ["search", "--id", "1", "--table", "\"a\"\"b; DROP TABLE image_search\""],
      naming: "does not exist"
    )
    try await expectRefusal(["search", "--id", "1", "--table", "\"open"], naming: "quote", exitCode: 64)
  }

  @Test func noSuchRow() async throws {
    try await expectRefusal(["search", "--id", "999999"], naming: "999999")
  }

  @Test func noWeights() async throws {
    try await expectRefusal(
      ["embed-load", Self.image, "--model", "vgg16"],
      naming: "--weights",
      exitCode: 64,
      environment: ["ADBVEC_WEIGHTS": "", "ADBVEC_CACHE": "/nowhere"]
    )
  }

  @Test func unknownNames() async throws {
    try await expectRefusal(["search", "--id", "1", "--dialect", "oracle"], naming: "pgvector", exitCode: 64)
    try await expectRefusal(["search", "--id", "1", "--metric", "far"], naming: "cosine", exitCode: 64)
    try await expectRefusal(["embed-load", Self.image, "--model", "alexnet"], naming: "squeezenet1_1")
    try await expectRefusal(["embed-load", Self.image, "--feature", "soul"], naming: "logits")
  }
}
