import ArgumentParser
import LocalPostgres

/// `adbvec db url`.
struct DBURL: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "url",
    abstract: "Print the running private server's address.",
    discussion: "Over the Unix socket no password is needed: psql \"$(adbvec db url)\"."
  )

  @OptionGroup var options: DBOptions

  mutating func run() async throws {
    print(try options.server.requireRunning().url())
  }
}
