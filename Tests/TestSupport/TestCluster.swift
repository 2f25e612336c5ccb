import Foundation
import PostgresClient
import Synchronization
import VectorSQL

/// A Citus cluster on which tests make databases of their own: one on each node, which together are a cluster again.
public struct TestCluster: Sendable {
  private let url: String
  private let workers: [Node]

  private struct Node: Sendable {
    let host: String
    let port: String
  }

  /// The coordinator, which the address itself leads to, and the workers.
  private var nodes: [Node?] { [nil] + workers }

  /// The cluster whose coordinator an address names; nil where the server is not one. Its nodes must be reached from here
  /// by the addresses that the coordinator has for them.
  public static func behind(_ url: String) async throws -> TestCluster? {
    let task = known.withLock { known in
      let task = known[url] ?? Task { try await prepare(url) }
      known[url] = task
      return task
    }
    return try await task.value
  }

  private static let known = Mutex<[String: Task<TestCluster?, any Error>]>([:])

  /// Citus takes a second to install on a node; copies of a database that has it take a tenth of that.
  private static let template = "adbvec_test_template"

  private static func prepare(_ url: String) async throws -> TestCluster? {
    let coordinator = try await PostgresConnection.connect(ConnectionSettings(url: url))
    guard try await coordinator.capabilities().product == .citus else {
      await coordinator.close()
      return nil
    }
    let workers = try await coordinator.query(
      "SELECT node_name::text, node_port::text FROM citus_get_active_worker_nodes() ORDER BY node_port"
    ).map { row in
      let (host, port) = try row.decode(String.self, String.self)
      return Node(host: host, port: port)
    }
    let cluster = TestCluster(url: url, workers: workers)
    try await cluster.makeTemplate(coordinator)
    await coordinator.close()
    return cluster
  }

  private func makeTemplate(_ coordinator: PostgresConnection) async throws {
    try await drop(Self.template)
    for node in nodes {
      try await on(node) { try await $0.run(trusted: "CREATE DATABASE \(Self.template)") }
      try await on(node, Self.template) {
        try await $0.run("CREATE EXTENSION citus")
      }
    }
    let hosts = try await coordinator.query(
      "SELECT nodename::text, nodeport::text FROM pg_dist_node WHERE groupid = 0"
    )
    let (host, port) = try hosts.first?.decode(String.self, String.self) ?? ("localhost", "5432")
    try await on(nil, Self.template) { connection in
      try await connection.run(trusted: "SELECT citus_set_coordinator_host('\(host)', \(port))")
      for worker in workers {
        try await connection.run(trusted: "SELECT citus_add_node('\(worker.host)', \(worker.port))")
      }
    }
    // A database that somebody is in cannot be copied, and Citus has a process of its own in each.
    for node in nodes {
      try await on(node) { connection in
        try await connection.run(
          trusted: """
            ALTER DATABASE \(Self.template) ALLOW_CONNECTIONS false;
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(Self.template)'
            """
        )
      }
    }
  }

  /// Makes a database, with pgvector or without, lends it, drops it.
  public func withDatabase<Value: Sendable>(
    _ name: String,
    hasVector: Bool = false,
    _ body: () async throws -> Value
  ) async throws -> Value {
    try await create(name)
    let result: Result<Value, any Error>
    do {
      if hasVector { try await on(nil, name) { try await $0.run("CREATE EXTENSION vector") } }
      result = .success(try await body())
    } catch {
      result = .failure(error)
    }
    try await drop(name)
    return try result.get()
  }

  private func create(_ name: String) async throws {
    for node in nodes {
      try await on(node) { connection in
        try await connection.run(trusted: "CREATE DATABASE \(name) TEMPLATE \(Self.template)")
      }
    }
  }

  private func drop(_ name: String) async throws {
    for node in nodes {
      try await on(node) { connection in
        try await connection.run("SET client_min_messages = warning")
        for attempt in 0... {
          do {
            try await connection.run(trusted: "DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
            break
          } catch let error as PostgresError where error.sqlState == "55006" && attempt < 20 {
            // Citus's own process begins anew where it was ended.
            try await Task.sleep(for: .milliseconds(200))
          }
        }
      }
    }
  }

  /// The address of one of its databases.
  public func url(of database: String) throws -> String {
    var known = try ConnectionSettings.keywords(of: url)
    known["dbname"] = nil
    let options = known.sorted(by: <).map { keyword, value in
      "\(keyword)=\(value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? value)"
    }
    return "postgresql:///\(database)?" + options.joined(separator: "&")
  }

  private func on(
    _ node: Node?,
    _ database: String? = nil,
    _ body: (PostgresConnection) async throws -> Void
  ) async throws {
    var overrides = node.map { ["host": $0.host, "port": $0.port] } ?? [:]
    overrides["dbname"] = database
    let connection = try await PostgresConnection.connect(ConnectionSettings(url: url, overrides: overrides))
    try await body(connection)
    await connection.close()
  }
}
