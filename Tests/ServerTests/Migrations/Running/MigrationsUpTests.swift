import Migrations
import PostgresClient
import Testing

/// `up` and `down` on a real server.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsUpTests {
  let two = [
    "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n",
    "2_b.sql":
      "-- migrate:up\nCREATE TABLE b (id int);\nINSERT INTO b VALUES (1), (2);\n-- migrate:down\nDROP TABLE b;\n",
  ]

  @Test func `up runs what is pending, and nothing the second time`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator(two)
      let first = try await migrator.up(on: connection).report
      #expect(first.migrations.map(\.version) == ["1", "2"])
      #expect(try await connection.column("SELECT id FROM b ORDER BY 1") == ["1", "2"])
      #expect(try await migrator.up(on: connection).report.migrations == [])
    }
  }

  @Test func `down takes back the last, then all`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator(two)
      try await _ = migrator.up(on: connection).report
      let last = try await migrator.down(on: connection).report
      #expect(last.migrations.map(\.version) == ["2"])
      #expect(try await connection.column("SELECT to_regclass('b')") == ["NULL"])
      try await _ = migrator.up(on: connection).report
      let all = try await migrator.down(MigrationTarget(version: "0"), on: connection).report
      #expect(all.migrations.map(\.version) == ["2", "1"])
    }
  }

  @Test func `A failed file leaves nothing but its error record, and points at the template`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let broken = try migrator([
        "1_a.sql":
          "-- migrate:up\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nSELECT 'ä', nope\nFROM a;\n"
      ])
      let error = await #expect(throws: MigrationError.self) { try await broken.up(on: connection).report }
      #expect(error?.location?.description == "1_a.sql:4:13")
      #expect(error?.sqlState == "42703")
      #expect(try await connection.column("SELECT to_regclass('a')") == ["NULL"])
      #expect(
        try await connection.column("SELECT state || ' ' || error FROM adbvec_migrations")
          == ["failed 1_a.sql:4:13: [42703] column \"nope\" does not exist"]
      )
    }
  }
}
