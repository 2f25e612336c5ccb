import ArgumentParser
import Basics
import CommandSupport
import LocalPostgres
import Migrations

/// `adbvec migrate baseline`.
struct MigrateBaseline: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "baseline",
    abstract: "Record that a database made by other means is already at a version."
  )

  @Argument(help: ArgumentHelp("The last version whose changes it has.", valueName: "version"))
  var version: String

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  var interruption: String { options.interruption }

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
    try options.show(try await migrator.baseline(version, on: try await settings.connect()))
  }
}

/// `adbvec migrate repair`.
struct MigrateRepair: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Change the history, not the schema.",
    discussion: """
        \(CommandRunner.migrateCommand) repair --bless              # accept every edit and parameter
        \(CommandRunner.migrateCommand) repair --bless --version 2  # those of one version
        \(CommandRunner.migrateCommand) repair --mark-applied 3     # record it, do not run it
        \(CommandRunner.migrateCommand) repair --mark-pending 3     # remove it from the history
      """
  )

  @Flag(help: "Accept today's files and parameters as those that were applied.")
  var bless = false

  @Option(help: ArgumentHelp("With --bless: only this one.", valueName: "version"))
  var version: String?

  @Option(help: ArgumentHelp("Record it as applied without running it.", valueName: "version"))
  var markApplied: String?

  @Option(help: ArgumentHelp("Remove it from the history.", valueName: "version"))
  var markPending: String?

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  var interruption: String { options.interruption }

  func validate() throws {
    let chosen = [bless, markApplied != nil, markPending != nil].filter { $0 }.count
    guard chosen == 1 else { throw ValidationError("give one of --bless, --mark-applied and --mark-pending") }
  }

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
    let connection = try await settings.connect()
    if let markApplied {
      try options.show(try await migrator.markApplied(markApplied, on: connection))
    } else if let markPending {
      try options.show(try await migrator.markPending(markPending, on: connection))
    } else {
      try options.show(try await migrator.bless(version, on: connection))
    }
  }
}

/// `adbvec migrate wait`.
struct MigrateWait: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait",
    abstract: "Wait until the server accepts connections; exit code 5 when it does not in time."
  )

  @Option(help: ArgumentHelp("How long to wait at most.", valueName: "60s"))
  var timeout = "60s"

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    let limit = try MigrateRunOptions.milliseconds("--timeout", timeout)
    let settings = try options.settings()
    try await Migrator.wait(for: try settings.connectionSettings(), milliseconds: limit)
    if options.format == .json { try JSONReport(command: "migrate wait", result: ["ready": true]).print() }
  }
}

/// `adbvec migrate dump`.
struct MigrateDump: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Print schema and history as SQL for an empty database; the same text for the same schema.",
    discussion: "Runs pg_dump, which must be at least as new as the server."
  )

  @Option(
    help: ArgumentHelp(
      "The program pg_dump (default: Greenplum's own for Greenplum, else the private server's, else that in PATH).",
      valueName: "path"
    ),
    completion: .file()
  )
  var pgDump: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write (default: standard output).", valueName: "file"),
    completion: .file()
  )
  var output: String?

  @OptionGroup var options: MigrateOptions

  /// The private server's own: as new as any server it talks to.
  private static func bundled(_ settings: Settings) -> String? {
    let found = try? ServerBinaries.find(chosen: settings[.pgBin]?.text, environment: settings.environment)
    return found?.program("pg_dump")
  }

  mutating func run() async throws {
    if let output, let problem = AtomicFile.problem(writing: output) { throw problem }
    let settings = try options.settings()
    let text = try await options.migrator(settings).dump(
      try settings.connectionSettings(),
      program: pgDump,
      fallback: Self.bundled(settings) ?? "pg_dump"
    )
    if let output { try AtomicFile.write(text, to: output) }
    switch options.format {
    case .json:
      let result = output.map { ["file": $0] } ?? ["sql": text]
      try JSONReport(command: "migrate dump", result: result).print()
    case .text: if output == nil { try Output.data(text) }
    }
  }
}
