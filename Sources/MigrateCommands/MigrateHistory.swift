import ArgumentParser
import CommandSupport
import FoundationEssentials
import LocalPostgres
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

/// `adbvec migrate repair`.
struct MigrateRepair: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Change what the history says, not the schema.",
    discussion: """
        adbvec migrate repair --bless                 # accept all edits and parameter changes that status shows
        adbvec migrate repair --bless --version 2     # those of one version
        adbvec migrate repair --mark-applied 3        # it is there; do not run it
        adbvec migrate repair --mark-pending 3        # forget its row
      """
  )

  @Flag(help: "Accept today's files and parameters as those that ran.")
  var bless = false

  @Option(help: ArgumentHelp("With --bless: only this one.", valueName: "version"))
  var version: String?

  @Option(help: ArgumentHelp("Record it as applied without running it.", valueName: "version"))
  var markApplied: String?

  @Option(help: ArgumentHelp("Forget its row.", valueName: "version"))
  var markPending: String?

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  mutating func validate() throws {
    let chosen = [bless, markApplied != nil, markPending != nil].filter { $0 }.count
    guard chosen == 1 else { throw ValidationError("give one of --bless, --mark-applied and --mark-pending") }
  }

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate repair", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
      let connection = try await settings.connect()
      if let markApplied {
        try options.print(try await migrator.markApplied(markApplied, on: connection))
      } else if let markPending {
        try options.print(try await migrator.markPending(markPending, on: connection))
      } else {
        try options.print(try await migrator.bless(version, on: connection))
      }
    }
  }
}

/// `adbvec migrate wait`.
struct MigrateWait: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait",
    abstract: "Wait until the server answers; exit code 5 when it does not in time."
  )

  @Option(help: ArgumentHelp("How long at most.", valueName: "60s"))
  var timeout = "60s"

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate wait", options.format) {
      guard let limit = SectionOptions.milliseconds(timeout) else {
        throw CommandFailure(
          "--timeout is a duration such as 500ms, 5s or 2min, not \"\(timeout)\"",
          exitCode: 64
        )
      }
      let settings = try await options.settings()
      try await Migrator.wait(for: try settings.connectionSettings(), milliseconds: limit)
      if options.format == .json { try JSONReport(command: "migrate wait", result: ["ready": true]).print() }
    }
  }
}

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
