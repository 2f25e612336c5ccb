import ArgumentParser
import CommandSupport
import Migrations

/// `adbvec migrate baseline`.
struct MigrateBaseline: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "baseline",
    abstract: "Declare that a database made by other means is already at a version."
  )

  @Argument(help: ArgumentHelp("The last version that it has.", valueName: "version"))
  var version: String

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate baseline", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
      try options.print(try await migrator.baseline(version, on: try await settings.connect()))
    }
  }
}
