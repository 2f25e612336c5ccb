import Foundation
import TestSupport
import Testing

/// The exact help of every command, beside this file in `Help/`; `ADBVEC_WRITE_HELP=1` writes it anew.
@Suite struct HelpTests {
  private static let folder = Environment.package + "/Tests/CommandTests/Help"
  private static let commands = [
    "", "migrate", "migrate init", "migrate new", "migrate up", "migrate down", "migrate redo",
    "migrate status",
    "migrate plan",
    "migrate render", "migrate validate", "migrate lint", "migrate baseline", "migrate repair",
    "migrate wait",
    "migrate dump", "embed-load", "sync", "embed", "load", "unload", "reembed", "search", "sql", "sql query",
    "sql list",
    "sql show",
    "images", "images show", "serve", "db", "db start", "db fetch", "db stop", "db status", "db url",
    "db psql",
    "db destroy",
    "doctor", "sandbox", "config", "config show", "models", "models list", "models fetch", "models verify",
    "recipe", "recipe show", "recipe set",
    "projection", "projection fit", "projection show", "evaluate",
  ]

  @Test(arguments: commands)
  func help(of command: String) async throws {
    let words = command.split(separator: " ").map(String.init)
    let printed = try await Program.run(Program.adbvec, words + ["--help"], environment: ["COLUMNS": "80"])
    #expect(printed.exitCode == 0)
    // The number of cores stands in the defaults of --workers.
    let help = printed.output.replacing(/\(default: \d+\)/) { _ in "(default: N)" }
    let file = Self.folder + "/" + (words.isEmpty ? "adbvec" : words.joined(separator: "-")) + ".txt"
    if Environment.variables["ADBVEC_WRITE_HELP"] != nil {
      try help.write(toFile: file, atomically: true, encoding: .utf8)
    }
    #expect(help == (try String(contentsOfFile: file, encoding: .utf8)))
    // An example can be pasted: it is on lines of its own, however it is wrapped.
    let lines = printed.output.split(separator: "\n", omittingEmptySubsequences: false)
    for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix("  adbvec") {
      #expect(next.isEmpty || next.hasPrefix("  "), "\(line)")
    }
  }

  @Test func everyCommandOfTheHelpIsTested() async throws {
    let root = try await Program.adbvec("--help").output
    let listed = root.split(separator: "\n").filter {
      $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  -")
    }
    .compactMap { $0.split(separator: " ").first.map(String.init) }.filter { $0 != "adbvec" && $0 != "See" }
    #expect(!listed.isEmpty)
    #expect(Set(listed).subtracting(Self.commands) == [])
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completions(of shell: String) async throws {
    let script = try await Program.adbvec("--generate-completion-script", shell)
    #expect(script.exitCode == 0)
    #expect(script.output.contains("embed-load") && script.output.contains("migrate"))
  }

  @Test func wrongUsageIsExitCode64() async throws {
    let mistakes = ["search", "serch", "search --id 1 -k x", "embed-load", "db stat"].map {
      $0.split(separator: " ").map(String.init)
    }
    for words in mistakes {
      let finished = try await Program.run(Program.adbvec, words)
      #expect(finished.exitCode == 64, "\(words)")
      #expect(finished.error.hasPrefix("error: "), "\(words)")
      #expect(finished.output.isEmpty)
    }
  }
}
