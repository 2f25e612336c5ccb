import Foundation
import TestSupport
import Testing

/// The programs without the repository around them.
@Suite struct InstalledProgramTests {
  @Test func migrationsInTheProgramAreThoseOfTheRepository() async throws {
    try await withTemporaryFolder { folder in
      let made = try await Program.adbvec("migrate", "init", folder: folder)
      #expect(made.exitCode == 0, "\(made.error)")
      let written = made.output.split(separator: "\n").map(String.init).sorted()
      let repository = try FileManager.default.subpathsOfDirectory(
        atPath: Environment.package + "/migrations"
      )
      .filter { $0.contains(".") }
      #expect(written == repository.map { "migrations/" + $0 }.sorted())
      for name in repository {
        let shipped = FileManager.default.contents(atPath: "\(folder)/migrations/\(name)")
        #expect(
          shipped == FileManager.default.contents(atPath: "\(Environment.package)/migrations/\(name)"),
          "\(name)"
        )
      }
      // A second run changes nothing; an edited file is not overwritten.
      #expect(try await Program.adbvec("migrate", "init", folder: folder).exitCode == 0)
      let edited = folder + "/migrations/pgvector/0001_create_image_search.sql"
      try "-- mine".write(toFile: edited, atomically: true, encoding: .utf8)
      let refused = try await Program.adbvec("migrate", "init", folder: folder)
      #expect(refused.exitCode == 1 && refused.error.contains("0001_create_image_search.sql"))
      #expect(try String(contentsOfFile: edited, encoding: .utf8) == "-- mine")
    }
  }

  @Test(arguments: ["pgvector", "analyticdb"])
  func migrationsNeedNoFolder(dialect: String) async throws {
    try await withTemporaryFolder { folder in
      let inside = try await Program.adbvec("migrate", "render", "--dialect", dialect, folder: folder)
      let outside = try await Program.adbvec(
        "migrate",
        "render",
        "--dialect",
        dialect,
        "--migrations",
        Environment.package + "/migrations"
      )
      #expect(inside.exitCode == 0 && !inside.output.isEmpty)
      let statements = { (text: String) in text.split(separator: "\n").filter { !$0.hasPrefix("-- ") } }
      #expect(statements(inside.output) == statements(outside.output))
    }
  }

  @Test func migrationsInTheProgramAndInAFolderAreOneHistory() async throws {
    try await withTemporaryFolder { folder in
      try await TestServer.withDatabase { database in
        let up = try await Program.adbvec("migrate", "up", database: database, folder: folder)
        #expect(up.exitCode == 0, "\(up.error)")
        #expect(try await Program.adbvec("migrate", "init", folder: folder).exitCode == 0)
        let status = try await Program.adbvec(
          "migrate",
          "status",
          "--check",
          database: database,
          folder: folder
        )
        #expect(status.exitCode == 0, "\(status.output)")
      }
    }
  }

  @Test func newMigrationWithoutAFolderNamesTheWay() async throws {
    try await withTemporaryFolder { folder in
      let refused = try await Program.adbvec("migrate", "new", "add", "b", folder: folder)
      #expect(refused.exitCode == 1 && refused.error.contains("adbvec migrate init"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    }
  }

  @Test func missingWeightsNameAWayThatWorksHere() async throws {
    try await withTemporaryFolder { folder in
      try Data([0]).write(to: URL(fileURLWithPath: folder + "/a.png"))
      let finished = try await Program.adbvec(
        "embed",
        folder,
        "-o",
        "-",
        "--model",
        "vgg16",
        environment: ["ADBVEC_CACHE": folder + "/cache"],
        folder: folder
      )
      #expect(finished.exitCode == 64 && finished.error.contains("Fix: adbvec models fetch vgg16"))
      #expect(!finished.error.contains("scripts/"))
    }
  }

  @Test func bothProgramsPrintVersionHelpAndCompletionAlone() async throws {
    for (program, name) in [(Program.adbvec, "adbvec"), (Program.adbvecMigrate, "adbvec-migrate")] {
      let version = try await Program.run(program, ["--version"])
      #expect(version.exitCode == 0 && version.output == "0.1.0\n")
      let help = try await Program.run(program, ["--help"])
      #expect(help.exitCode == 0 && help.output.contains("USAGE: \(name) <subcommand>"))
      for shell in ["bash", "zsh", "fish"] {
        let script = try await Program.run(program, ["--generate-completion-script", shell])
        #expect(script.exitCode == 0 && script.output.contains(name))
      }
    }
  }

  @Test func theSecondProgramNamesItself() async throws {
    let help = try await Program.run(Program.adbvecMigrate, ["up", "--help"])
    #expect(help.output.contains("USAGE: adbvec-migrate up "))
    #expect(!help.output.contains("adbvec migrate "))
    let plan = try await Program.run(Program.adbvecMigrate, ["plan", "--help"])
    #expect(plan.output.contains("adbvec-migrate plan | psql"))
    let unknown = try await Program.run(Program.adbvecMigrate, ["upp"])
    #expect(unknown.exitCode == 64 && unknown.error.contains("adbvec-migrate has no command \"upp\""))
    try await TestServer.withDatabase { database in
      let up = try await Program.run(
        Program.adbvecMigrate,
        ["up", "--format", "json"],
        environment: ["DATABASE_URL": database.url]
      )
      #expect(up.exitCode == 0 && up.output.contains("\"command\" : \"migrate up\""), "\(up.error)")
    }
  }
}
