import Foundation
import Migrations
import PostgresClient
import Synchronization
import Testing
import TestSupport

/// A database of its own on the server of `ADBVEC_TEST_URL`, for one test of migrations.
struct MigrationsDatabase: Sendable {
  static let url = ProcessInfo.processInfo.environment["ADBVEC_TEST_URL"]
  static let isThere = url?.isEmpty == false
  static let reason: Comment = "ADBVEC_TEST_URL names no server"

  let name: String

  var settings: ConnectionSettings {
    ConnectionSettings(url: Self.url, overrides: ["dbname": name, "application_name": "adbvec-tests"])
  }

  /// The server's address with this database in it, for programs.
  func address(_ url: String) throws -> String {
    var known = try ConnectionSettings.keywords(of: url)
    known["dbname"] = name
    return known.map { "\($0.key)='\($0.value)'" }.sorted().joined(separator: " ")
  }

  func connect() async throws -> PostgresConnection { try await PostgresConnection.connect(settings) }

  /// Makes the database, lends it, drops it.
  static func with(_ body: (MigrationsDatabase) async throws -> Void) async throws {
    await places.take()
    do {
      try await withDatabase(body)
      await places.give()
    } catch {
      await places.give()
      throw error
    }
  }

  /// Tests run side by side, and some take a dozen of the server's connections.
  private static let places = Places(free: 3)

  private static func withDatabase(_ body: (MigrationsDatabase) async throws -> Void) async throws {
    let database = MigrationsDatabase(name: "adbvec_m_" + UUID().uuidString.prefix(8).lowercased())
    if let url, let cluster = try await TestCluster.behind(url) {
      return try await cluster.withDatabase(database.name) { try await body(database) }
    }
    let admin = try await PostgresConnection.connect(ConnectionSettings(url: url))
    try await admin.run(trusted: "CREATE DATABASE \(database.name)")
    do {
      try await body(database)
      try await admin.run(trusted: "DROP DATABASE \(database.name) WITH (FORCE)")
    } catch {
      _ = try? await admin.run(trusted: "DROP DATABASE \(database.name) WITH (FORCE)")
      throw error
    }
  }
}

extension PostgresConnection {
  /// How many advisory locks are held in this database.
  func advisoryLocks() async throws -> [String] {
    try await column(
      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
  }

  /// The first column of a query's rows, as text.
  func column(_ sql: String) async throws -> [String] {
    try await run(trusted: sql).last?.rows.map { $0.first.flatMap { $0 } ?? "NULL" } ?? []
  }
}

extension MigrationRun {
  /// The events until the run ends.
  func allEvents() async -> [MigrationEvent] {
    var events: [MigrationEvent] = []
    for await event in self { events.append(event) }
    return events
  }
}

/// A migrator of files that stand in the test.
func migrator(
  _ files: [String: String],
  manifest: String? = nil,
  parameters: [String: String] = [:],
  dialect: MigrationDialect = .pgvector,
  _ change: (inout MigratorOptions) -> Void = { _ in }
) throws -> Migrator {
  var options = MigratorOptions()
  options.lockWait = 120_000
  options.backOff = 20
  options.deletesRows = true
  change(&options)
  return try Migrator(
    source: .embedded(files, manifest: manifest),
    parameters: parameters,
    dialect: dialect,
    options: options
  )
}

/// A value that several threads may change.
final class Box<Value: Sendable>: Sendable {
  private let state: Mutex<Value>

  init(_ value: Value) { state = Mutex(value) }

  var value: Value { state.withLock { $0 } }

  func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}
