import Foundation
import LocalPostgres
import PostgresClient
import TestSupport
import VectorSQL

/// A schema of one test, on the server that `ADBVEC_TEST_URL` names or else on the tests' private server.
enum ScratchSchema {
  private static let database = "adbvec_client_tests"

  private static let preparing = Task { () throws -> ConnectionSettings in
    if let url = Environment.variables["ADBVEC_TEST_URL"] { return ConnectionSettings(url: url) }
    let server = try await TestServer.running()
    let administrator = try await PostgresConnection.connect(server.settings(database: "postgres"))
    // Several test processes may come here at once; one of them makes it.
    _ = try? await administrator.run(trusted: "CREATE DATABASE \(database)")
    await administrator.close()
    let settings = server.settings(database: database)
    let connection = try await PostgresConnection.connect(settings)
    try await connection.run("SELECT pg_advisory_lock(1); CREATE EXTENSION IF NOT EXISTS vector")
    await connection.close()
    return settings
  }

  /// How to reach the server.
  static func settings() async throws -> ConnectionSettings {
    try await preparing.value
  }

  /// How to reach another database of the same server.
  static func settings(database: String) async throws -> ConnectionSettings {
    if let url = Environment.variables["ADBVEC_TEST_URL"] {
      return ConnectionSettings(url: url, overrides: ["dbname": database])
    }
    return try await TestServer.running().settings(database: database)
  }

  /// A connection that the caller closes, or drops.
  static func connect() async throws -> PostgresConnection {
    try await PostgresConnection.connect(settings())
  }

  /// Runs a test with a connection of its own and a schema that is dropped behind it.
  static func with<Value: Sendable>(
    _ body: (PostgresConnection, _ schema: String) async throws -> Value
  ) async throws -> Value {
    let connection = try await connect()
    let schema = "t_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "").prefix(20)
    try await connection.run(trusted: "CREATE SCHEMA \(schema)")
    let outcome: Result<Value, any Error>
    do {
      outcome = .success(try await body(connection, schema))
    } catch {
      outcome = .failure(error)
    }
    await connection.close()
    let cleaner = try await connect()
    try await cleaner.run(
      trusted: "SET client_min_messages = warning; DROP SCHEMA IF EXISTS \(schema) CASCADE"
    )
    await cleaner.close()
    return try outcome.get()
  }
}
