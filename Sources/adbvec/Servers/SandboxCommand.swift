import ArgumentParser
import CommandSupport
import FoundationEssentials
import LocalPostgres
import Sandbox
import Synchronization

/// `adbvec sandbox`: AnalyticDB clients on the private server, until Ctrl-C.
struct SandboxCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Accept AnalyticDB clients and run their SQL on the private server.",
    discussion: """
      A development stand-in, not AnalyticDB: PostgreSQL clients connect to it on loopback, and it forwards what they \
      send to the private server (started with 'adbvec db start --dialect analyticdb'). It removes only what \
      PostgreSQL cannot read: distribution clauses, storage options of append-optimised tables, and gp_segment_id.

      Clients need the private server's password, which is in the file 'password' in its folder. With --no-password \
      they need none; then every account of this machine can connect.
      """
  )

  @Option(help: ArgumentHelp("The port; 0 takes a free one.", valueName: "number"))
  var port = 0

  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var listen = "127.0.0.1"

  @Flag(help: "Allow an address that other machines can reach.")
  var allowRemote = false

  @Flag(help: "Accept clients without a password.")
  var noPassword = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String { "stopped" }

  func validate() throws {
    try checkRange("--port", port, 0...65_535)
  }

  mutating func run() async throws {
    let home = ServerHome.standard(environment: ProcessInfo.processInfo.environment)
    let server = try PrivateServer(home: home).requireRunning()
    let log = SandboxLog(isQuiet: global.quiet, passwordFile: noPassword ? nil : home.path + "/password")
    let configuration = SandboxServer.Configuration(
      listenHost: listen,
      listenPort: port,
      upstream: noPassword
        ? .unixSocket("\(server.socketFolder)/.s.PGSQL.\(server.port)") : .tcp("127.0.0.1", server.port),
      allowsRemoteClients: allowRemote
    )
    try await SandboxServer(configuration: configuration) { log.report($0) }.run()
  }
}

/// Reports what the sandbox does, each thing once.
private final class SandboxLog: Sendable {
  private let isQuiet: Bool
  private let passwordFile: String?
  private let told = Mutex<Set<String>>([])

  init(isQuiet: Bool, passwordFile: String?) {
    self.isQuiet = isQuiet
    self.passwordFile = passwordFile
  }

  func report(_ event: SandboxEvent) {
    switch event {
    case .listening(let host, let port):
      Output.announce(Self.url(host, port))
      if let passwordFile { once("the password is in \(passwordFile)") }
      once("ready; Ctrl-C stops it")
    case .leftOut(let clause, _):
      once("left out \(clause), which PostgreSQL does not know; further ones are not reported")
    case .refused(_, let reason): once("refused: \(reason)")
    case .serverUnreachable: once("the private server does not answer; start it: adbvec db start")
    case .opened, .closed: break
    }
  }

  private static func url(_ host: String, _ port: Int) -> String {
    let name = PrivateServer.roleAndDatabase
    return "postgresql://\(name)@\(host.contains(":") ? "[\(host)]" : host):\(port)/\(name)"
  }

  private func once(_ line: String) {
    guard !isQuiet, told.withLock({ $0.insert(line).inserted }) else { return }
    Terminal.note(line)
  }
}
