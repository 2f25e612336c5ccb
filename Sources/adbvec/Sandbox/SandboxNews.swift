import CommandSupport
import Foundation
import LocalPostgres
import Sandbox
import Synchronization

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
