import Foundation
import LocalPostgres
import Sandbox
import TestSupport

/// A PostgreSQL of one test's own, to be stopped and started again. Listens on a Unix socket alone.
struct OwnServer: Sendable {
  private let folder: String

  var upstream: SandboxServer.Upstream { .unixSocket(folder + "/.s.PGSQL.5432") }

  /// Runs a body with a server, which is stopped and deleted afterwards.
  static func with(_ body: @Sendable (OwnServer) async throws -> Void) async throws {
    let server = OwnServer(folder: "/tmp/adbvec-sandbox-own-\(Environment.processID)")
    try await server.run("mkdir", ["-m", "700", server.folder], path: "/bin/mkdir")
    do {
      let account = ["--username", PrivateServer.roleAndDatabase, "--auth", "trust"]
      try await server.run("initdb", ["--pgdata", server.data, "--no-sync", "--locale", "C"] + account)
      try await server.start()
      try await body(server)
    } catch {
      try? await server.delete()
      throw error
    }
    try await server.delete()
  }

  func start() async throws {
    let options = "-c listen_addresses= -c unix_socket_directories=\(folder) -p 5432"
    try await run(
      "pg_ctl",
      ["start", "--pgdata", data, "--wait", "--silent", "--log", folder + "/log", "--options", options]
    )
  }

  func stop() async throws {
    try await run("pg_ctl", ["stop", "--pgdata", data, "--wait", "--silent", "--mode", "fast"])
  }

  private var data: String { folder + "/data" }

  private func delete() async throws {
    try? await stop()
    try FileManager.default.removeItem(atPath: folder)
  }

  /// PostgreSQL refuses root.
  private func run(_ program: String, _ arguments: [String], path: String? = nil) async throws {
    let path = path ?? Environment.programs + "/" + program
    let words = [path] + arguments
    let finished =
      geteuid() == 0
      ? try await Program.run("/sbin/runuser", ["-u", Self.account, "--"] + words)
      : try await Program.run(path, arguments)
    guard finished.exitCode == 0 else {
      throw NeverHappened(description: "\(program): \(finished.error.suffix(300))")
    }
  }

  private static let account = getpwnam("adbvec") == nil ? "postgres" : "adbvec"
}
