import Foundation
import TestSupport
import Testing

/// Where a parameter's value comes from: --set, then ADBVEC_PARAM_*, then adbvec.yaml, then the manifest's default; and
/// what to do when it has changed.
struct MigrateParameterTests {
  /// A folder with migrations that have the parameter `dim`, and adbvec.yaml.
  private func withProject(yaml: String?, _ body: @Sendable (String) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let files = [
        "migrations/parameters.yaml": "dim:\n  type: int\n  default: 1000\n",
        "migrations/0001_a.sql":
          "-- migrate:up\nCREATE TABLE a (v float4[], CHECK (cardinality(v) = {{dim}}));\n-- migrate:down\nDROP TABLE a;\n",
        "migrations/0002_b.sql":
          "-- migrate:up\nCREATE TABLE b (id int);\n-- migrate:down\nDROP TABLE b;\n",
        "adbvec.yaml": yaml,
      ]
      try FileManager.default.createDirectory(
        atPath: folder + "/migrations",
        withIntermediateDirectories: true
      )
      for (name, text) in files {
        try text?.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      }
      try await body(folder)
    }
  }

  private func renderedDimension(_ folder: String, _ words: [String], _ variables: [String: String] = [:])
    async throws -> String?
  {
    let finished = try await Program.run(
      Program.adbvec,
      ["migrate", "render", "1"] + words,
      environment: variables,
      folder: folder
    )
    #expect(finished.exitCode == 0, "\(finished.error)")
    return finished.output.firstMatch(of: /= (\d+)\)/).map { String($0.1) }
  }

  @Test func `A flag wins over a variable, a variable over adbvec.yaml, that over the default`() async throws
  {
    try await withProject(yaml: nil) { folder in
      let fallback = try await renderedDimension(folder, [])
      #expect(fallback == "1000")
    }
    try await withProject(yaml: "parameters:\n  dim: 512\n") { folder in
      let variable = ["ADBVEC_PARAM_DIM": "256"]
      let found = [
        try await renderedDimension(folder, []),
        try await renderedDimension(folder, [], variable),
        try await renderedDimension(folder, ["--set", "dim=128"], variable),
      ]
      #expect(found == ["512", "256", "128"])
    }
  }

  @Test func `config show prints parameters with their origin`() async throws {
    try await withProject(yaml: "table: t\nparameters:\n  dim: 512\n") { folder in
      let file = try await Program.adbvec("config", "show", folder: folder)
      #expect(file.output.contains(/parameters\.dim +512 +adbvec\.yaml/))
      let variable = try await Program.adbvec(
        "config",
        "show",
        environment: ["ADBVEC_PARAM_DIM": "256"],
        folder: folder
      )
      #expect(variable.output.contains(/parameters\.dim +256 +ADBVEC_PARAM_DIM/))
    }
  }

  @Test(arguments: [
    ("tabel: t\n", "adbvec.yaml:1: unknown key tabel; did you mean table?"),
    (
      "table: t\nparameters:\n  dmi: 512\n",
      "adbvec.yaml:3: the migrations declare no parameter dmi; did you mean dim?"
    ),
    ("table: [a, b]\n", "adbvec.yaml:1: table takes one value"),
    ("parameters: 3\n", "adbvec.yaml:1: parameters: takes lines of name: value"),
    ("just words\n", "adbvec.yaml:1: settings are written as key: value"),
    (
      "table: a\ndialect: pgvector\ntable: b\n",
      "adbvec.yaml:3: table is repeated; remove one of them"
    ),
    ("table: &name a\nmetric: *name\n", "adbvec.yaml:2: metric takes one value"),
    (
      "table: 'open\n",
      "adbvec.yaml:2: cannot be read as YAML: found unexpected end of stream while scanning a quoted scalar that "
        + "begins in line 1"
    ),
  ])
  func `A typo in adbvec.yaml is one line with file, line and the nearest key`(
    yaml: String,
    message: String
  ) async throws {
    try await withProject(yaml: yaml) { folder in
      let finished = try await Program.adbvec("migrate", "render", folder: folder)
      #expect(finished.exitCode == 64)
      #expect(finished.errorLines == ["error: " + message])
      #expect(finished.output.isEmpty)
    }
  }

  @Test(arguments: ["redo", "repair"])
  func `What status advises for a changed parameter works when it is typed`(command: String) async throws {
    try await TestServer.withDatabase(extensions: []) { database in
      try await withProject(yaml: nil) { folder in
        let up = try await Program.adbvec("migrate", "up", database: database, folder: folder)
        #expect(up.exitCode == 0, "\(up.error)")
        try "parameters:\n  dim: 512\n".write(
          toFile: folder + "/adbvec.yaml",
          atomically: true,
          encoding: .utf8
        )
        let status = try await Program.adbvec("migrate", "status", database: database, folder: folder)
        #expect(status.output.contains("dim was 1000, is 512"))
        let advised = status.output.matches(of: /'adbvec (migrate [^']+)'/).map { String($0.1) }
        let words = try #require(advised.first { $0.hasPrefix("migrate \(command)") }).split(separator: " ")
        let typed = try await Program.run(
          Program.adbvec,
          words.map(String.init),
          environment: ["DATABASE_URL": database.url],
          folder: folder
        )
        #expect(typed.exitCode == 0, "\(words): \(typed.error)")
        let check = try await Program.adbvec(
          "migrate",
          "status",
          "--check",
          database: database,
          folder: folder
        )
        #expect(check.exitCode == 0, "\(check.output)")
      }
    }
  }
}
