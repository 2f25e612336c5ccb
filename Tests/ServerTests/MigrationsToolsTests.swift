import Foundation
import Migrations
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
