internal import Foundation
internal import LocalPostgres
public import PostgresClient

/// A PostgreSQL of a test's own, to be stopped, killed and started again. It listens on a Unix socket in its folder alone.
public struct OwnServer: Sendable {
  /// Whether there are PostgreSQL's programs, and an account that they run as.
  public static let isPossible = programs != nil && ServerAccount.name != nil
  private static let programs = try? ServerBinariesFolder.find()

  /// The server's folder, with its data and its socket.
  public let folder: String
  private let options: String

  /// The path of its Unix socket.
  public var socket: String { folder + "/.s.PGSQL.5432" }

  /// The address of its first database.
  public var url: String { url(database: "postgres") }

  /// The address of one of its databases.
  public func url(database: String) -> String { "\(address) dbname=\(database)" }

  /// The server, in libpq's words, without a database.
  public var address: String { "host=\(folder) port=5432 user=\(PrivateServer.roleAndDatabase)" }

  /// How to reach its first database.
  public var settings: ConnectionSettings { ConnectionSettings(url: url) }

  /// A new connection to its first database.
  public func connect() async throws -> PostgresConnection { try await PostgresConnection.connect(settings) }

  /// Makes a server, lends it, and deletes it.
  public static func with(_ body: (OwnServer) async throws -> Void) async throws {
    let server = try started()
    defer {
      try? server.control(["stop", "--mode", "immediate"])
      try? FileManager.default.removeItem(atPath: server.folder)
    }
    try await body(server)
  }

  /// Makes a server that goes with the process, however that ends.
  ///
  /// - Parameter options: more of the server's settings, as `name=value`.
  public static func started(options: [String] = []) throws -> OwnServer {
    let folder = "/tmp/adbvec-server-\(UUID().uuidString.prefix(8))"
    let settings =
      ["listen_addresses=", "unix_socket_directories=\(folder)", "port=5432", "fsync=off"] + options
    let server = OwnServer(folder: folder, options: settings.map { "-c \($0)" }.joined(separator: " "))
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try server.watch()
    try ServerAccount.give(folder)
    try server.run(
      "initdb",
      ["--pgdata", server.data, "--username", PrivateServer.roleAndDatabase, "--auth", "trust", "--no-sync"]
        + ["--encoding", "UTF8", "--locale", "C"]
    )
    try server.start()
    return server
  }

  /// Starts it again after `stop`.
  public func start() throws { try control(["start"]) }

  /// Ends it in order.
  public func stop() throws { try control(["stop", "--mode", "fast"]) }

  /// Ends it in order and starts it again.
  public func restart() throws { try control(["restart", "--mode", "fast"]) }

  /// Ends every process of the server at once, as a power cut would, and starts it again.
  public func crash() throws { try control(["restart", "--mode", "immediate"]) }

  private var data: String { folder + "/data" }

  private func control(_ action: [String]) throws {
    let server = ["--pgdata", data, "--log", folder + "/log", "--wait", "--silent", "--options", options]
    try run("pg_ctl", action + server)
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    try Program.runBlocking(command(program) + arguments)
  }

  private func command(_ program: String) -> [String] {
    ServerAccount.command([(Self.programs ?? "/usr/bin") + "/" + program])
  }

  /// A shell that outlives a killed test run for a second, to stop the server that it left.
  private func watch() throws {
    let script = """
      cd /
      while [ -d '\(folder)' ] && kill -0 \(Environment.processID) 2>/dev/null; do sleep 1; done
      [ -d '\(folder)' ] || exit 0
      \(command("pg_ctl").joined(separator: " ")) stop --silent --mode immediate --pgdata '\(data)'
      rm -rf '\(folder)'
      """
    try Program.runBlocking(["/bin/bash", "-c", "(\(script)) </dev/null >/dev/null 2>&1 &"])
  }
}

/// The account that the servers of tests run as.
public enum ServerAccount {
  private struct Entry {
    let name: String
    let user: uid_t
    let group: gid_t
  }

  /// The account that takes the place of root: the first that exists of those that `adbvec db start` takes.
  private static let entry = ["adbvec", "postgres", "nobody"].lazy.compactMap { name in
    getpwnam(name).map(\.pointee).map { Entry(name: name, user: $0.pw_uid, group: $0.pw_gid) }
  }.first

  /// Its name: the user's own, or another one for root, which PostgreSQL and pgbouncer refuse.
  public static let name: String? = geteuid() == 0 ? entry?.name : NSUserName()

  /// The words of a command line that runs a program as this account.
  static func command(_ words: [String]) -> [String] {
    guard geteuid() == 0, let entry else { return words }
    return [
      "/usr/bin/setpriv", "--reuid", "\(entry.user)", "--regid", "\(entry.group)", "--clear-groups", "--",
    ]
      + words
  }

  /// Makes it the owner of a folder.
  static func give(_ folder: String) throws {
    guard geteuid() == 0, let entry else { return }
    guard chown(folder, entry.user, entry.group) == 0 else { throw CocoaError(.fileWriteNoPermission) }
  }
}
