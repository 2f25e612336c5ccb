import ArgumentParser
import CommandSupport
import Foundation
import LocalPostgres

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
