public import LocalPostgres
public import PostgresClient
import Synchronization
public import VectorSQL

/// The real PostgreSQL that tests run against: a private server of their own, started once and shared by every test
/// process; each test takes a database that nobody else uses. Where `ADBVEC_TEST_URL` names a Citus cluster, databases with
/// pgvector are made there.
public enum TestServer {
  /// The server's home; `scripts/test` stops it at the end.
  public static let home = ServerHome(path: "/tmp/adbvec-test-server")

  private static let starting = Task { () throws -> RunningServer in
    let binaries = try ServerBinaries.find(chosen: nil, environment: Environment.variables)
    return try await PrivateServer(home: home).start(binaries: binaries).server
  }

  /// The running server.
  public static func running() async throws -> RunningServer {
    try await starting.value
  }

  private static let serial = Atomic(0)

  /// Runs `body` with the address of a fresh database, which is dropped afterwards.
  ///
  /// - Parameters:
  ///   - extensions: created in it first.
  ///   - isOnOneNode: whether the test is of what one node has, where tests are run on a cluster too.
  public static func withDatabase<Value: Sendable>(
    extensions: [Identifier] = ["vector"],
    isOnOneNode: Bool = false,
    _ body: @Sendable (TestDatabase) async throws -> Value
  ) async throws -> Value {
    let number = serial.add(1, ordering: .relaxed).newValue
    let name = "test_\(Environment.processID)_\(number)"
    if extensions == ["vector"], !isOnOneNode, let url = Environment.variables["ADBVEC_TEST_URL"],
      !url.isEmpty,
      let cluster = try await TestCluster.behind(url)
    {
      await clusterPlaces.take()
      defer { Task { await clusterPlaces.give() } }
      return try await cluster.withDatabase(name, hasVector: true) {
        try await body(TestDatabase(name: name, url: try cluster.url(of: name)))
      }
    }
    let server = try await running()
    await places.take()
    defer { Task { await places.give() } }
    let administrator = try await PostgresConnection.connect(server.settings(database: "postgres"))
    try await administrator.run(trusted: "DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
    try await administrator.run(trusted: "CREATE DATABASE \(name)")
    let database = TestDatabase(name: name, url: server.url(database: name))
    do {
      if !extensions.isEmpty {
        let connection = try await database.connect()
        for name in extensions {
          try await connection.run(trusted: "CREATE EXTENSION \(name.quoted) CASCADE")
        }
        await connection.close()
      }
      let value = try await body(database)
      try await administrator.run(trusted: "DROP DATABASE \(name) WITH (FORCE)")
      return value
    } catch {
      _ = try? await administrator.run(trusted: "DROP DATABASE \(name) WITH (FORCE)")
      throw error
    }
  }
}

/// How many tests have databases at the same time: all tests begin at once, and a server has a limit of connections.
private let places = Places(free: 50)
/// On a cluster each has one on every node, and the coordinator's sessions have sessions on the workers.
private let clusterPlaces = Places(free: 8)

/// Places for a number of tasks at a time; the others wait for one.
public actor Places {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// Places of which all are free.
  public init(free: Int) { self.free = free }

  /// Takes a place, and waits for it where none is free.
  public func take() async {
    if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
  }

  /// Gives a place back, to who waits longest.
  public func give() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

/// A database of one test.
public struct TestDatabase: Sendable {
  /// The database's name.
  public let name: String
  /// Its address.
  public let url: String

  /// A new connection to it.
  public func connect() async throws -> PostgresConnection {
    try await PostgresConnection.connect(ConnectionSettings(url: url))
  }
}
