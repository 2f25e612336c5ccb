import ArgumentParser
import CommandSupport
import FoundationEssentials
import LocalPostgres
import Migrations

/// `adbvec migrate dump`.
struct MigrateDump: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Print schema and history as SQL for an empty database; the same text for the same schema.",
    discussion: "Runs pg_dump, which has to be at least as new as the server."
  )

  @Option(help: ArgumentHelp("The program pg_dump.", valueName: "path"))
  var pgDump: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Write to a file.", valueName: "file"))
  var output: String?

  @OptionGroup var options: MigrateOptions

  /// The private server's own: as new as any server it talks to.
  private static func bundled(_ settings: Settings) -> String? {
    let found = try? ServerBinaries.find(chosen: settings[.pgBin]?.text, environment: settings.environment)
    return found?.program("pg_dump")
  }

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate dump", options.format) {
      let settings = try await options.settings()
      let program = pgDump ?? Self.bundled(settings) ?? "pg_dump"
      let text = try await options.migrator(settings).dump(
        try settings.connectionSettings(),
        program: program
      )
      if let output { try text.write(toFile: output, atomically: true, encoding: .utf8) }
      switch options.format {
      case .json:
        let result = output.map { ["file": $0] } ?? ["sql": text]
        try JSONReport(command: "migrate dump", result: result).print()
      case .text: if output == nil { print(text, terminator: "") }
      }
    }
  }
}
