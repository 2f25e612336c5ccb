import ArgumentParser
import CommandSupport
import Migrations

/// `adbvec migrate redo`.
struct MigrateRedo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "redo",
    abstract: "Take back what was applied last and run it again, with today's files and parameters."
  )

  @Argument(help: ArgumentHelp("How many.", valueName: "n"))
  var count = 1

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate redo", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
      let connection = try await settings.connect()
      try options.print(
        try await MigratePrinter(options.global).follow(migrator.redo(max(1, count), on: connection))
      )
    }
  }
}
