import ArgumentParser
import CommandSupport
import Migrations

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
