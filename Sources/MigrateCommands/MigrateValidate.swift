import ArgumentParser
import CommandSupport
import Migrations

/// `adbvec migrate validate`.
struct MigrateValidate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check files, parameters and history against each other; exit code 3 for drift.",
    discussion: "Says apart whether a file was edited or a parameter has another value, and what to do."
  )

  @Flag(help: "Check the files and parameters only; ask no server.")
  var offline = false

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate validate", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings)
      let problems =
        offline ? migrator.problems() : try await migrator.validate(on: try await settings.connect())
      guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
      switch options.format {
      case .json:
        try JSONReport(command: "migrate validate", result: ["files": migrator.migrations.count]).print()
      case .text: print("\(migrator.migrations.count) files are in order")
      }
    }
  }
}
