import Foundation
import TestSupport
import Testing

/// The private server as a person uses it: real processes, real signals.
@Suite(.serialized) struct DBCommandTests {
  private func withHome(_ body: ([String: String], String) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let environment = ["ADBVEC_HOME": folder + "/home"]
      do {
        try await body(environment, folder + "/home")
      } catch {
        _ = try await Program.adbvec("db", "destroy", "--yes", environment: environment)
        throw error
      }
      _ = try await Program.adbvec("db", "destroy", "--yes", environment: environment)
    }
  }

  private func pid(_ home: String) throws -> Int32 {
    let text = try String(contentsOfFile: home + "/data/postmaster.pid", encoding: .utf8)
    return try #require(Int32(text.prefix { $0 != "\n" }))
  }

  @Test func startStatusURLStopDestroy() async throws {
    try await withHome { environment, home in
      let absent = try await Program.adbvec("db", "status", environment: environment)
      #expect(absent.exitCode == 1)
      #expect(absent.output.hasPrefix("absent"))

      let started = try await Program.adbvec("db", "start", environment: environment)
      #expect(started.exitCode == 0)
      #expect(started.output.hasPrefix("postgresql://adbvec@"))
      #expect(started.error.hasPrefix("started PostgreSQL"))

      let url = try await Program.adbvec("db", "url", environment: environment)
      #expect(url.output == started.output)
      let row = try await Program.adbvec("db", "psql", "--", "-Atc", "SELECT 1 + 1", environment: environment)
      #expect(row.output == "2\n")

      #expect(try await Program.adbvec("db", "stop", environment: environment).error == "stopped\n")
      #expect(
        try await Program.adbvec("db", "stop", environment: environment).error == "it was not running\n"
      )
      #expect(try await Program.adbvec("db", "status", environment: environment).output.hasPrefix("stopped"))

      let refused = try await Program.adbvec("db", "destroy", environment: environment)
      #expect(refused.exitCode == 1)
      #expect(FileManager.default.fileExists(atPath: home + "/data/PG_VERSION"))
      #expect(try await Program.adbvec("db", "destroy", "--yes", environment: environment).exitCode == 0)
      #expect(!FileManager.default.fileExists(atPath: home))
    }
  }

  @Test func killedServerIsRecovered() async throws {
    try await withHome { environment, home in
      _ = try await Program.adbvec("db", "start", environment: environment)
      kill(try pid(home), SIGKILL)
      while kill(try pid(home), 0) == 0 { try await Task.sleep(for: .milliseconds(20)) }
      let status = try await Program.adbvec("db", "status", environment: environment)
      #expect(status.output.hasPrefix("stopped"))
      let again = try await Program.adbvec("db", "start", environment: environment)
      #expect(again.exitCode == 0, "\(again.error)")
      let row = try await Program.adbvec("db", "psql", "--", "-Atc", "SELECT 1", environment: environment)
      #expect(row.output == "1\n")
    }
  }

  @Test func fourStartsAtOnceGiveOneServer() async throws {
    try await withHome { environment, _ in
      let outcomes = try await withThrowingTaskGroup(of: Finished.self) { group in
        for _ in 0..<4 { group.addTask { try await Program.adbvec("db", "start", environment: environment) } }
        return try await group.reduce(into: [Finished]()) { $0.append($1) }
      }
      #expect(outcomes.allSatisfy { $0.exitCode == 0 })
      #expect(Set(outcomes.map(\.output)).count == 1)
      #expect(outcomes.filter { $0.error.hasPrefix("started") }.count == 1)
      #expect(outcomes.filter { $0.error.hasPrefix("already running") }.count == 3)
    }
  }

  @Test func commandsUseThePrivateServerOnlyWhenItRuns() async throws {
    try await withHome { environment, _ in
      let none = try await Program.adbvec("search", "--id", "1", environment: environment)
      #expect(none.exitCode == 5)
      #expect(
        none.error
          == "error: no database server is named, and the private server does not run. "
          + "Fix: adbvec db start, or name a server with --database-url or DATABASE_URL\n"
      )
      _ = try await Program.adbvec("db", "start", environment: environment)
      let found = try await Program.adbvec("search", "--id", "1", environment: environment)
      #expect(found.exitCode == 1)
      #expect(found.errorLines.count == 1)
    }
  }

  @Test func noProgramsIsOneLine() async throws {
    let missing = try await Program.adbvec("db", "start", "--pg-bin", "/nowhere")
    #expect(missing.exitCode == 1)
    #expect(missing.errorLines.count == 1)
    #expect(missing.error.contains("/nowhere"))
  }

  /// Data that another version made is not handed to the newest programs, which could not read it.
  @Test func dataOfAnotherVersionNeedsItsPrograms() async throws {
    try await withHome { environment, home in
      try FileManager.default.createDirectory(atPath: home + "/data", withIntermediateDirectories: true)
      try "7\n".write(toFile: home + "/data/PG_VERSION", atomically: true, encoding: .utf8)
      let refused = try await Program.adbvec(
        "db",
        "start",
        environment: environment.merging(["ADBVEC_PG_BIN": ""]) { $1 }
      )
      #expect(refused.exitCode == 1 && refused.error.contains("PostgreSQL 7's"), "\(refused.error)")
      #expect(refused.error.contains("Fix: "))
    }
  }
}
