public import ArgumentParser
import CommandSupport
public import Migrations

/// `adbvec migrate new`.
struct MigrateNew: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Write an empty migration; prints its path.",
    discussion: "Its version goes on like the others in the folder: by number, or by time."
  )

  @Argument(parsing: .remaining, help: ArgumentHelp("What it does, in a few words.", valueName: "name"))
  var name: [String]

  @Option(help: "automatic, timestamp or sequential.")
  var numbering = MigrationNumbering.automatic

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate new", options.format) {
      let settings = try await options.settings()
      let dialect = MigrationDialect(rawValue: try settings.text(.dialect))
      let path = try MigrationSource.createMigration(
        named: name.joined(separator: " "),
        in: options.folder(settings, dialect),
        numbering: numbering
      )
      switch options.format {
      case .json: try JSONReport(command: "migrate new", result: ["file": path]).print()
      case .text: print(path)
      }
    }
  }
}

extension MigrationNumbering: ExpressibleByArgument {}
