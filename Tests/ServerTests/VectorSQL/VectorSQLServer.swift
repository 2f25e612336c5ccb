import PostgresClient
import TestSupport
import Testing
import VectorSQL
import VectorSQLExamples

/// A PostgreSQL of these tests' own, with pg_stat_statements, started once.
struct VectorSQLServer: Sendable {
  private let server: OwnServer
  /// The dialects that can run here, each with a database of that name.
  let dialects: [Dialect]

  private static let started = Result { try start() }

  static var shared: VectorSQLServer? { try? started.get() }

  /// Why there is no server.
  static var missing: Comment {
    guard case .failure(let error) = started else { return "there is a server" }
    return "no private PostgreSQL with pgvector: \(error)"
  }

  static var dialectNames: [String] { shared?.dialects.map { $0.name } ?? [] }

  static func dialect(_ name: String) -> Dialect? {
    shared?.dialects.first { $0.name == name }
  }

  func connect(_ database: String) async throws -> PostgresConnection {
    try await PostgresConnection.connect(ConnectionSettings(url: server.url(database: database)))
  }

  /// What psql prints, unaligned and without headings; fails the test when psql fails.
  func psql(_ script: String, _ database: String, variables: [String: String] = [:]) throws -> [String] {
    try Self.psql(script, server.url(database: database), variables: variables)
  }

  private static func psql(
    _ script: String,
    _ url: String,
    variables: [String: String] = [:]
  ) throws -> [String] {
    let words =
      [Environment.programs + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url]
      + variables.flatMap { ["-v", "\($0.key)=\($0.value)"] } + ["-f", "-"]
    do {
      return try Program.runBlocking(words, input: script).split(separator: "\n").map(String.init)
    } catch let failure as ProgramFailure {
      throw ProgramFailure(description: "\(failure)\n\(script)")
    }
  }

  private static func start() throws -> VectorSQLServer {
    guard OwnServer.isPossible else {
      throw ProgramFailure(description: "set ADBVEC_PG_BIN, or run 'adbvec db fetch'")
    }
    let server = try OwnServer.started(options: [
      "max_connections=50", "shared_preload_libraries=pg_stat_statements",
    ])
    let dialects = try [(Dialect.pgvector, "vector"), (.analyticDBSandbox, "fastann")].filter {
      try prepare(server, $0, extension: $1)
    }
    guard !dialects.isEmpty else { throw ProgramFailure(description: "the server has no pgvector") }
    return VectorSQLServer(server: server, dialects: dialects.map(\.0))
  }

  /// Makes the database of a dialect: pgvector's always, AnalyticDB's where the sandbox extension is installed.
  private static func prepare(_ server: OwnServer, _ dialect: Dialect, extension name: String) throws -> Bool
  {
    let available = "SELECT count(*) FROM pg_available_extensions WHERE name = '\(name)'"
    guard try psql(available, server.url) == ["1"] else { return false }
    _ = try psql("CREATE DATABASE \(dialect.name)", server.url)
    _ = try psql(
      "CREATE EXTENSION \(name) CASCADE; CREATE EXTENSION pg_stat_statements;\n"
        + ExampleTables.script(for: dialect),
      server.url(database: dialect.name)
    )
    return true
  }
}

extension Dialect {
  /// AnalyticDB as the sandbox extension plays it on PostgreSQL: everything but the distribution.
  static let analyticDBSandbox = analyticDB.adapted {
    $0.distributedBy = false
    $0.indexIfNotExists = true
  }
}
