import ArgumentParser
import CommandSupport
import Foundation
import LocalPostgres

/// `adbvec db psql`: becomes psql on the private server.
struct DBPsql: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "psql",
    abstract: "Open psql on the running private server.",
    discussion: "Arguments behind -- go to psql: adbvec db psql -- -c 'SELECT 1'."
  )

  @OptionGroup var options: DBOptions

  @Argument(parsing: .postTerminator, help: ArgumentHelp("Arguments for psql.", valueName: "argument"))
  var arguments: [String] = []

  mutating func run() async throws {
    let server = try options.server.requireRunning()
    let psql = try options.binaries(try await options.settings()).program("psql")
    let words: [UnsafeMutablePointer<CChar>?] = ([psql, server.url()] + arguments).map { strdup($0) } + [nil]
    execv(psql, words)
    throw CommandFailure("cannot run \(psql): \(String(cString: strerror(errno)))")
  }
}
