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

/// `adbvec migrate down`.
struct MigrateDown: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down",
    abstract: "Take back what was applied last.",
    discussion: "The way down is rendered with the parameters that the migration was applied with."
  )

  @Argument(help: ArgumentHelp("How many.", valueName: "n"))
  var count: Int?

  @Option(help: ArgumentHelp("The last version to keep; 0 takes all back.", valueName: "version"))
  var to: String?

  @Flag(help: "Print what would be sent and send nothing.")
  var dryRun = false

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  mutating func validate() throws {
    if count != nil, to != nil { throw ValidationError("give a number or --to, not both") }
    if let count, count < 1 { throw ValidationError("the number is 1 or more") }
  }

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate down", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
      let connection = try await settings.connect()
      let target = MigrationTarget(version: to, count: to == nil ? count ?? 1 : nil)
      if dryRun { return try options.print(try await migrator.planDown(target, on: connection)) }
      try options.print(
        try await MigratePrinter(options.global).follow(migrator.down(target, on: connection))
      )
    }
  }
}

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
