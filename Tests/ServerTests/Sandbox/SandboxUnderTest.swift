import Foundation
import LocalPostgres
import PostgresClient
import Sandbox
import Synchronization
import TestSupport

/// A sandbox before a server of the tests', running for the length of a body.
struct SandboxUnderTest: Sendable {
  let port: Int
  let database: String
  let events: EventLog
  private let task: Task<Void, any Error>

  /// The address of the sandbox, for psql and libpq.
  var url: String { "postgresql://adbvec@127.0.0.1:\(port)/\(database)?sslmode=prefer" }

  /// Runs a body against a sandbox before a fresh database.
  static func before<Value: Sendable>(
    extensions: [String] = [],
    _ body: @Sendable (SandboxUnderTest, TestSupport.TestDatabase) async throws -> Value
  ) async throws -> Value {
    try await TestServer.withDatabase(extensions: []) { database in
      if !extensions.isEmpty {
        let connection = try await database.connect()
        for name in extensions { try await connection.run(trusted: "CREATE EXTENSION \(name) CASCADE") }
        await connection.close()
      }
      return try await with(try await TestServer.running().unixSocket, database: database.name) {
        try await body($0, database)
      }
    }
  }

  /// Runs a body against a sandbox before any server.
  static func with<Value: Sendable>(
    _ upstream: SandboxServer.Upstream,
    database: String = PrivateServer.roleAndDatabase,
    _ body: @Sendable (SandboxUnderTest) async throws -> Value
  ) async throws -> Value {
    let events = EventLog()
    let server = SandboxServer(configuration: .init(upstream: upstream)) { events.append($0) }
    let task = Task { try await server.run() }
    defer { task.cancel() }
    let port = try await eventually("the sandbox listens") { server.port }
    return try await body(SandboxUnderTest(port: port, database: database, events: events, task: task))
  }

  /// A libpq connection through the sandbox.
  func connect() async throws -> PostgresConnection {
    try await PostgresConnection.connect(ConnectionSettings(url: url))
  }

  /// Runs psql through the sandbox; see `Program.psql`.
  func psql(_ script: String) async throws -> Finished { try await SandboxUnderTest.psql(script, url) }

  /// Runs psql with a script; rows alone, errors with their position, on to the end.
  static func psql(_ script: String, _ url: String) async throws -> Finished {
    try await Program.run(
      Environment.programs + "/psql",
      ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", url],
      input: script
    )
  }

  /// Tells the sandbox to stop, and waits until it has.
  func stop() async throws {
    task.cancel()
    try await task.value
  }
}

/// What a sandbox told.
final class EventLog: Sendable {
  private let events = Mutex<[SandboxEvent]>([])

  func append(_ event: SandboxEvent) { events.withLock { $0.append(event) } }

  var all: [SandboxEvent] { events.withLock { $0 } }

  var leftOut: [DistributionClause.Kind] {
    all.compactMap { if case .leftOut(let kind, _) = $0 { kind } else { nil } }
  }
}

extension RunningServer {
  /// The server's Unix socket, for the sandbox.
  var unixSocket: SandboxServer.Upstream { .unixSocket("\(socketFolder)/.s.PGSQL.\(port)") }
}

/// Something that was waited for and did not come.
struct NeverHappened: Error, CustomStringConvertible {
  let description: String
}

/// Waits until a condition gives a value.
@discardableResult
func eventually<Value>(_ what: String, _ value: () async throws -> Value?) async throws -> Value {
  for _ in 0..<1_500 {
    if let value = try await value() { return value }
    try await Task.sleep(for: .milliseconds(20))
  }
  throw NeverHappened(description: what)
}
