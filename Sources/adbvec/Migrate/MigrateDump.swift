import ArgumentParser
import Foundation
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

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate dump", options.format) {
      let settings = try await options.settings()
      let program = pgDump ?? settings[.pgBin].map { "\($0.text)/pg_dump" } ?? "pg_dump"
      let text = try await options.migrator(settings).dump(
        try settings.connectionSettings(),
        program: program
      )
      if let output {
        try text.write(toFile: output, atomically: true, encoding: .utf8)
      } else {
        print(text, terminator: "")
      }
    }
  }
}
