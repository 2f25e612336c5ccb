import Foundation
@testable import Migrations
import PostgresClient
import Testing

/// `dump` and `wait`.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsToolsTests {
  static let pgDump = Psql.path.map { String($0.dropLast(4)) + "pg_dump" }.flatMap {
    FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil
  }

  @Test(.enabled(if: pgDump != nil, "pg_dump is missing"))
  func `A dump is the same twice and makes the same database`() async throws {
    let migrator = try migrator([
      "1_a.sql":
        "-- migrate:up\nCREATE TABLE a (id int DEFAULT 7, \"odd name\" text);\nCREATE INDEX a_id ON a (id);\n",
      "R__v.sql": "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT id FROM a;\n",
    ])
    var dump = ""
    try await MigrationsDatabase.with { database in
      _ = try await migrator.up(on: try await database.connect()).report
      dump = try await migrator.dump(database.settings, program: Self.pgDump ?? "pg_dump")
      #expect(try await migrator.dump(database.settings, program: Self.pgDump ?? "pg_dump") == dump)
      #expect(!dump.contains("\\restrict"))
      #expect(dump.hasSuffix(";\n"))
    }
    try await MigrationsDatabase.with { database in
      let output = try Psql.run(["-v", "ON_ERROR_STOP=1"], on: database, input: dump)
      #expect(!output.contains("ERROR"), "\(output)")
      let connection = try await database.connect()
      try await connection.run("RESET search_path")
      #expect(try await migrator.up(on: connection).report.migrations == [])
      #expect(try await migrator.status(on: connection).hasDrift == false)
      #expect(try await migrator.dump(database.settings, program: Self.pgDump ?? "pg_dump") == dump)
    }
  }

  @Test
  func `A dump reaches the server by everything that was said of the connection, and shows no password`()
    throws
  {
    let words = [
      "channel_binding": "require", "host": "h", "sslcert": "/a b/it's.crt", "sslkey": "/k",
      "sslmode": "verify-full",
      "target_session_attrs": "read-write",
    ]
    var settings = ConnectionSettings(
      url: "host=h password=secret sslmode=require target_session_attrs=read-write"
    )
    settings.overrides = [
      "sslcert": "/a b/it's.crt", "sslkey": "/k", "channel_binding": "require", "sslmode": "verify-full",
    ]
    let target = try Migrator.target(settings)
    let text = words.sorted { $0.key < $1.key }.map { "\($0.key)='\($0.value.replacing("'", with: "\\'"))'" }
    #expect(target.arguments == ["--dbname", text.joined(separator: " ")])
    #expect(target.environment == ["PGPASSWORD": "secret"])
    settings.overrides["sslpassword"] = "hidden"
    let refusal = #expect(throws: MigrationError.self) { try Migrator.target(settings) }
    #expect(refusal.map { "\($0)".contains("hidden") } == false)
  }

  @Test func `wait gives up when nobody answers, and at once when waiting cannot help`() async throws {
    let nobody = ConnectionSettings(url: "host=/tmp/nobody-here port=1 dbname=x")
    await #expect(throws: PostgresError.self) { try await Migrator.wait(for: nobody, milliseconds: 300) }
    try await MigrationsDatabase.with { database in
      try await Migrator.wait(for: database.settings, milliseconds: 1000)
    }
    let unknown = MigrationsDatabase(name: "no_such_database_here").settings
    let begin = ContinuousClock.now
    await #expect(throws: PostgresError.self) { try await Migrator.wait(for: unknown, milliseconds: 60_000) }
    #expect(ContinuousClock.now - begin < .seconds(30))
  }
}
