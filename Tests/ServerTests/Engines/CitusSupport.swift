import Foundation
import ImageSearch
import Migrations
import PostgresClient
import Testing
import TestSupport
import VectorSQL

/// A schema of one test on the Citus cluster that `ADBVEC_CITUS_URL` names: the address of its coordinator.
struct CitusCluster: Sendable {
  static let url = Environment.variables["ADBVEC_CITUS_URL"]
  static let isThere = url?.isEmpty == false
  static let reason: Comment = "ADBVEC_CITUS_URL names no cluster"

  /// The rows that ``withImages(shards:_:)`` makes.
  static let rows = 4000
  static let dimension = 8

  let connection: PostgresConnection
  let schema: String

  var settings: ConnectionSettings { ConnectionSettings(url: Self.url) }
  var name: QualifiedName {
    get throws { QualifiedName(schema: try Identifier(validating: schema), name: "image_search") }
  }
  var table: ImageTable { get throws { ImageTable(name: try name) } }

  /// Lends a schema, and drops it.
  static func with(_ body: (CitusCluster) async throws -> Void) async throws {
    let connection = try await PostgresConnection.connect(ConnectionSettings(url: url))
    try await connection.run("CREATE EXTENSION IF NOT EXISTS vector")
    let schema = "t_" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(16)
    try await connection.run(trusted: "CREATE SCHEMA \(schema)")
    let result: Result<Void, any Error>
    do { result = .success(try await body(CitusCluster(connection: connection, schema: schema))) } catch {
      result = .failure(error)
    }
    await connection.close()
    let cleaner = try await PostgresConnection.connect(ConnectionSettings(url: url))
    try await cleaner.run(
      trusted: "SET client_min_messages = warning; DROP SCHEMA IF EXISTS \(schema) CASCADE"
    )
    await cleaner.close()
    try result.get()
  }

  /// Lends a distributed table of images made by the shipped migrations, filled, indexed and analysed.
  static func withImages(shards: Int = 4, _ body: (CitusCluster) async throws -> Void) async throws {
    try await with { cluster in
      _ = try await cluster.migrator(["shards": "\(shards)"]).up(on: cluster.connection).report
      try await cluster.fill()
      try await body(cluster)
    }
  }

  /// The repository's migrations for this schema.
  func migrator(
    _ parameters: [String: String] = [:],
    _ change: (inout MigratorOptions) -> Void = { _ in }
  ) throws -> Migrator {
    var options = MigratorOptions()
    options.historyTable = QualifiedName(
      schema: try Identifier(validating: schema),
      name: "adbvec_migrations"
    )
    options.deletesRows = true
    change(&options)
    // Tables that share a colocation group wait for each other, or fail, while they are placed.
    let given = ["schema": schema, "dim": "\(Self.dimension)", "colocate_with": "none"].merging(parameters) {
      $1
    }
    return try Migrator(
      source: .folder("\(Environment.package)/migrations/pgvector"),
      parameters: given,
      dialect: .pgvector,
      options: options
    )
  }

  /// Fills the table and analyses it.
  func fill() async throws {
    try await connection.copyIn(
      Statement(trusted: "COPY \(schema).image_search (id, class, image_vector) FROM STDIN")
    ) { stream in
      let lines = (0..<Self.rows).map { row in
        let numbers = Self.vector(row).map(\.description).joined(separator: ",")
        return "\(row)\tc\(row % 10)\t[\(numbers)]\n"
      }
      try Array(lines.joined().utf8).withUnsafeBytes { try stream.write($0) }
    }
    try await connection.run(trusted: "ANALYZE \(schema).image_search")
  }

  /// The vector of a row: the same in every run, and no two alike.
  static func vector(_ row: Int) -> [Float] {
    var state = UInt64(row) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    return (0..<dimension).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Float(state % 10_007) / 10_007
    }
  }

  /// The ids nearest to a vector, by comparing it with every row here.
  static func nearest(to query: [Float], count: Int, where keeps: (Int) -> Bool = { _ in true }) -> [Int64] {
    let distances = (0..<rows).filter(keeps).map { row in
      (row, zip(vector(row), query).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) })
    }
    return distances.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.prefix(count).map { Int64($0.0) }
  }

  /// The first column of a query's rows.
  func column(_ sql: String) async throws -> [String] { try await connection.column(sql) }

  /// A connection to the first worker.
  func worker() async throws -> PostgresConnection { try await Self.worker(of: connection) }

  /// A connection to the first worker that a coordinator names.
  /// - Parameter database: another one than that of the cluster's address.
  static func worker(of connection: PostgresConnection, database: String? = nil) async throws
    -> PostgresConnection
  {
    let rows = try await connection.run(
      "SELECT node_name, node_port FROM citus_get_active_worker_nodes() ORDER BY 1, 2"
    )
    let node = try #require(rows.first?.rows.first)
    var overrides = ["host": try #require(node[0]), "port": try #require(node[1])]
    overrides["dbname"] = database
    return try await PostgresConnection.connect(ConnectionSettings(url: url, overrides: overrides))
  }
}
