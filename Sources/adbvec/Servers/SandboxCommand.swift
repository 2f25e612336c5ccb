import ArgumentParser
import CommandSupport
import Foundation
import LocalPostgres
import Sandbox
import Synchronization

/// `adbvec sandbox`: AnalyticDB's front door before the private server, until Ctrl-C.
struct SandboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Take AnalyticDB programs and run their SQL on the private server.",
    discussion: """
      A development stand-in, not AnalyticDB: PostgreSQL clients connect to it on loopback, and it forwards what they \
      send to the private server (started with 'adbvec db start --dialect analyticdb'). It leaves out only what \
      PostgreSQL's parser cannot read: DISTRIBUTED BY, RANDOMLY and REPLICATED behind CREATE TABLE.

      The server asks for its password, which stands in the file 'password' in its folder. With --no-password it asks \
      for none; then every account of this machine can connect.
      """
  )

  @Option(help: ArgumentHelp("The port to listen on; a free one when it is not given.", valueName: "number"))
  var port = 0

  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var listen = "127.0.0.1"

  @Flag(help: "Allow an address that other machines reach.")
  var allowRemote = false

  @Flag(help: "Let clients in without a password.")
  var noPassword = false

  @Flag(name: .shortAndLong, help: "Print the address and errors only.")
  var quiet = false

  mutating func run() async throws {
    let home = ServerHome.standard(environment: ProcessInfo.processInfo.environment)
    let server = try PrivateServer(home: home).requireRunning()
    let news = SandboxNews(isQuiet: quiet, passwordFile: noPassword ? nil : home.path + "/password")
    let configuration = SandboxServer.Configuration(
      listenHost: listen,
      listenPort: port,
      upstream: noPassword
        ? .unixSocket("\(server.socketFolder)/.s.PGSQL.\(server.port)") : .tcp("127.0.0.1", server.port),
      allowsRemoteClients: allowRemote
    )
    try await SandboxServer(configuration: configuration) { news.tell($0) }.run()
  }
}

/// Says what the sandbox does, and each thing once.
final class SandboxNews: Sendable {
  private let isQuiet: Bool
  private let passwordFile: String?
  private let told = Mutex<Set<String>>([])

  init(isQuiet: Bool, passwordFile: String?) {
    self.isQuiet = isQuiet
    self.passwordFile = passwordFile
  }

  func tell(_ event: SandboxEvent) {
    switch event {
    case .listening(let host, let port):
      // Written at once: a script may wait for the address.
      FileHandle.standardOutput.write(Data((Self.url(host, port) + "\n").utf8))
      if let passwordFile { once("the password is in \(passwordFile)") }
      once("ready; Ctrl-C stops it")
    case .leftOut(let clause, _):
      once("left out \(clause), which PostgreSQL has not; further ones are not mentioned")
    case .refused(_, let reason): once("turned away: \(reason)")
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
