import ArgumentParser
import CommandSupport
import Migrations

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
