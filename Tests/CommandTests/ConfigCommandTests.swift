import Foundation
import TestSupport
import Testing

/// Where a setting comes from: flag, then ADBVEC_*, then DATABASE_URL, then PG*, then adbvec.yaml, then the default.
@Suite struct ConfigCommandTests {
  private struct Report: Decodable {
    struct Entry: Decodable {
      let setting: String
      let value: String?
      let origin: String?
    }
    let schema: Int
    let result: [Entry]
  }

  private func entry(
    _ setting: String,
    _ arguments: [String] = [],
    _ environment: [String: String] = [:],
    yaml: String? = nil
  ) async throws -> (value: String?, origin: String?) {
    try await withTemporaryFolder { folder in
      if let yaml { try yaml.write(toFile: folder + "/adbvec.yaml", atomically: true, encoding: .utf8) }
      let finished = try await Program.run(
        Program.adbvec,
        ["config", "show", "--format", "json"] + arguments,
        environment: environment,
        folder: folder
      )
      #expect(finished.exitCode == 0, "\(finished.error)")
      let report = try JSONDecoder.ofReports.decode(Report.self, from: Data(finished.output.utf8))
      let entry = try #require(report.result.first { $0.setting == setting })
      return (entry.value, entry.origin)
    }
  }

  @Test func theOrderOfOrigins() async throws {
    let yaml = "table: from_yaml\ndatabase-url: postgresql://yaml/db\n"
    #expect(try await entry("table") == ("public.image_search", "default"))
    #expect(try await entry("table", yaml: yaml) == ("from_yaml", "adbvec.yaml"))
    #expect(try await entry("table", [], ["ADBVEC_TABLE": "v"], yaml: yaml) == ("v", "ADBVEC_TABLE"))
    #expect(
      try await entry("table", ["--table", "f"], ["ADBVEC_TABLE": "v"], yaml: yaml) == ("f", "--table")
    )
    #expect(try await entry("database-url", [], ["PGHOST": "h"], yaml: yaml).origin == "PGHOST")
    #expect(
      try await entry("database-url", [], ["PGHOST": "h", "DATABASE_URL": "postgresql://e/db"], yaml: yaml)
        .origin
        == "DATABASE_URL"
    )
  }

  /// Settings that are there and cannot be read are not the same as none.
  @Test(arguments: [[], ["--config", "adbvec.yaml"]])
  func aLinkToNoFileIsRefused(words: [String]) async throws {
    try await withTemporaryFolder { folder in
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/adbvec.yaml",
        withDestinationPath: "gone\u{1B}[2J.yaml"
      )
      let finished = try await Program.run(Program.adbvec, ["config", "show"] + words, folder: folder)
      #expect(finished.exitCode == 64 && finished.output.isEmpty)
      #expect(
        finished.error
          == #"error: the settings file adbvec.yaml is a link to gone\x1B[2J.yaml, which cannot be opened. "#
          + "Fix: let the link lead to a file of settings, or remove it\n"
      )
    }
  }

  @Test func passwordsAreNeverShown() async throws {
    let finished = try await Program.adbvec(
      "config",
      "show",
      environment: ["DATABASE_URL": "postgresql://me:s3cret@example.invalid:5433/shop"]
    )
    #expect(finished.output.contains("host=example.invalid port=5433 user=me dbname=shop"))
    #expect(!(finished.output + finished.error).contains("s3cret"))
  }

  @Test func aBrokenFileIsOneLine() async throws {
    try await withTemporaryFolder { folder in
      try "table: [unclosed".write(toFile: folder + "/adbvec.yaml", atomically: true, encoding: .utf8)
      let finished = try await Program.adbvec("config", "show", folder: folder)
      #expect(finished.exitCode == 64)
      #expect(finished.errorLines.count == 1)
    }
  }
}
