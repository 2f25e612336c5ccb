import ArgumentParser
import CommandSupport
import Foundation
import LocalPostgres
import VectorSQL

/// `adbvec db …`: the private server.
struct DB: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db",
    abstract: "A private PostgreSQL for people without a server.",
    discussion: """
      It listens on a Unix socket and on loopback, runs as you (as root: as an unprivileged account), and keeps its \
      data in one folder: ADBVEC_HOME, else /var/lib/adbvec for root, else ~/.local/share/adbvec.
      """,
    subcommands: [
      DBStart.self, DBStop.self, DBStatus.self, DBURL.self, DBPsql.self, DBDestroy.self,
    ]
  )
}

/// What the `db` commands share.
struct DBOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The folder with PostgreSQL's programs.", valueName: "folder"))
  var pgBin: String?

  @Option(help: ArgumentHelp("A settings file instead of adbvec.yaml.", valueName: "file"))
  var config: String?

  @Flag(name: .shortAndLong, help: "Print results and errors only.")
  var quiet = false

  var server: PrivateServer {
    PrivateServer(home: .standard(environment: ProcessInfo.processInfo.environment))
  }

  func settings(dialect: String? = nil) async throws -> Settings {
    let flags: [Setting: String?] = [.pgBin: pgBin, .dialect: dialect]
    return try Settings(flags: flags.compactMapValues { $0 }, path: config)
  }

  func binaries(_ settings: Settings) throws -> ServerBinaries {
    try ServerBinaries.find(chosen: settings[.pgBin]?.text, environment: settings.environment)
  }

  func say(_ line: String) {
    if !quiet { Terminal.note(line) }
  }
}

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

/// `adbvec db status`: exit code 0 when it runs, 1 when it does not.
struct DBStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Say whether the private server runs; exit code 1 when it does not."
  )

  @OptionGroup var options: DBOptions

  @Option(help: "text or json.")
  var format = ReportFormat.text

  private struct Report: Encodable {
    let state: String
    let folder: String
    var pid: Int32?
    var port: Int?
    var url: String?
  }

  mutating func run() async throws {
    let report = report(of: options.server)
    switch format {
    case .json: try JSONReport(command: "db status", result: report).print()
    case .text:
      print(
        [report.state, report.pid.map { "pid \($0)" }, report.url, report.folder].compactMap { $0 }
          .joined(separator: "  ")
      )
    }
    if report.state != "running" { throw ExitCode(1) }
  }

  private func report(of server: PrivateServer) -> Report {
    let folder = server.home.path
    return switch server.status {
    case .running(let running):
      Report(state: "running", folder: folder, pid: running.pid, port: running.port, url: running.url())
    case .stopped: Report(state: "stopped", folder: folder)
    case .absent: Report(state: "absent", folder: folder)
    }
  }
}

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
