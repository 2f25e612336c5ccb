import ArgumentParser
import CommandSupport
import LocalPostgres

/// `adbvec db stop`.
struct DBStop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Stop the private server; its data stays."
  )

  @OptionGroup var options: DBOptions

  mutating func run() async throws {
    let stopped = try await options.server.stop(binaries: try options.binaries(try await options.settings()))
    options.say(stopped ? "stopped" : "it was not running")
  }
}
