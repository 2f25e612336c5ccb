import ArgumentParser
import CommandSupport
import Foundation
import LocalPostgres

/// `adbvec db destroy`.
struct DBDestroy: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "destroy",
    abstract: "Stop the private server and delete it with all its data."
  )

  @OptionGroup var options: DBOptions

  @Flag(help: "Do not ask.")
  var yes = false

  mutating func run() async throws {
    let folder = options.server.home.path
    guard yes || confirms("Delete the private server in \(folder) with all its data? [y/N] ") else {
      throw CommandFailure("nothing deleted; add --yes to delete \(folder) without a question")
    }
    let destroyed = try await options.server.destroy(
      binaries: try options.binaries(try await options.settings())
    )
    options.say(destroyed ? "destroyed \(folder)" : "there was nothing to destroy")
  }

  private func confirms(_ question: String) -> Bool {
    guard isatty(STDIN_FILENO) == 1 else { return false }
    FileHandle.standardError.write(Data(question.utf8))
    return readLine()?.lowercased().hasPrefix("y") ?? false
  }
}
