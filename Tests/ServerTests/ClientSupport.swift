import Foundation
import PostgresClient
import Testing
import VectorSQL

/// The server that the tests of client and loading run against: `ADBVEC_TEST_URL`.
enum TestDatabase {
  static let url = ProcessInfo.processInfo.environment["ADBVEC_TEST_URL"]
  static var isAvailable: Bool { url != nil }
  static let skipReason: Comment = "ADBVEC_TEST_URL names no server"

  static var settings: ConnectionSettings { ConnectionSettings(url: url) }

  /// Runs a test on a connection of its own, in a schema that is dropped behind it.
  static func withSchema<Value: Sendable>(
    _ body: (PostgresConnection, _ schema: String) async throws -> Value
  ) async throws -> Value {
    let connection = try await PostgresConnection.connect(settings)
    let schema = "t_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "").prefix(20)
    try await connection.run("CREATE SCHEMA \(schema)")
    do {
      let value = try await body(connection, schema)
      try await drop(schema)
      await connection.close()
      return value
    } catch {
      try await drop(schema)
      await connection.close()
      throw error
    }
  }

  private static func drop(_ schema: String) async throws {
    let connection = try await PostgresConnection.connect(settings)
    try await connection.run("SET client_min_messages = warning; DROP SCHEMA \(schema) CASCADE")
    await connection.close()
  }
}
