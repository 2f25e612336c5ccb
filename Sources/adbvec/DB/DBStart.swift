import ArgumentParser
import CommandSupport
import LocalPostgres
import VectorSQL

/// `adbvec db start`.
struct DBStart: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Start the private server; make it first where there is none.",
    discussion:
      "With the analyticdb dialect the sandbox extension is created too, so that AnalyticDB's SQL runs."
  )

  @OptionGroup var options: DBOptions

  @Option(help: ArgumentHelp("pgvector or analyticdb.", valueName: "name"))
  var dialect: String?

  mutating func run() async throws {
    let settings = try await options.settings(dialect: dialect)
    let extensions: [Identifier] = try settings.text(.dialect) == "analyticdb" ? ["vector", "fastann"] : []
    switch try await options.server.start(binaries: try options.binaries(settings), extensions: extensions) {
    case .started(let server):
      options.say("started PostgreSQL (pid \(server.pid)) in \(options.server.home.path)")
    case .alreadyRunning(let server): options.say("already running (pid \(server.pid))")
    }
    print(try options.server.requireRunning().url())
  }
}
