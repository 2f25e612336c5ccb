package import ArgumentParser
import CommandSupport
import Migrations

/// `adbvec migrate up`.
package struct MigrateUp: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Run what is pending.",
    discussion: """
      Each file is one transaction, or goes statement by statement where it says transaction:false; then its progress is \
      recorded, and a failed run resumes at the failed statement. One run works at a time. Safe to repeat.
      """
  )

  @Option(help: ArgumentHelp("The last version to run.", valueName: "version"))
  var to: String?

  @Option(help: ArgumentHelp("How many to run at most.", valueName: "n"))
  var count: Int?

  @Flag(help: "Print what would be sent, as 'plan' does, and send nothing.")
  var dryRun = false

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  package init() {}

  package mutating func run() async throws {
    try await MigrateFailure.reporting("migrate up", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
      let connection = try await settings.connect()
      let target = MigrationTarget(version: to, count: count)
      if dryRun { return try options.print(try await migrator.plan(target, on: connection)) }
      let monitor = try settings.connectionSettings()
      try options.print(
        try await MigratePrinter(options.global).follow(
          migrator.up(target, on: connection, monitor: monitor)
        )
      )
    }
  }
}
