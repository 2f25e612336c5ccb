import Migrations
import PostgresClient
import Testing

/// Files with `transaction:false`: one statement a message, progress recorded.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsStepwiseTests {
  @Test func `A failed file resumes at the failed statement`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let text = { (third: String) in
        "-- migrate:up transaction:false\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n\(third);\nINSERT INTO a VALUES (3);\n"
      }
      let broken = try migrator(["1_a.sql": text("INSERT INTO missing VALUES (2)")])
      let error = await #expect(throws: MigrationError.self) { try await broken.up(on: connection).report }
      #expect(error?.location?.description == "1_a.sql:4:13")
      let status = try await broken.status(on: connection).migrations[0]
      #expect(status.state == .partial)
      #expect(status.record?.statementsDone == 2)
      let fixed = try migrator(["1_a.sql": text("INSERT INTO a VALUES (2)")])
      let report = try await fixed.up(on: connection).report
      #expect(report.migrations.map(\.statements) == [2])
      #expect(try await connection.column("SELECT id FROM a ORDER BY 1") == ["1", "2", "3"])
    }
  }

  @Test func `It does not resume when what is done was changed`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let broken = try migrator([
        "1_a.sql": "-- migrate:up transaction:false\nCREATE TABLE a (id int);\nSELECT nope;\n"
      ])
      await #expect(throws: MigrationError.self) { try await broken.up(on: connection).report }
      let other = try migrator([
        "1_a.sql": "-- migrate:up transaction:false\nCREATE TABLE a (id bigint);\nSELECT 1;\n"
      ])
      let errors = await #expect(throws: MigrationErrors.self) { try await other.up(on: connection).report }
      #expect(errors?.errors.first?.code == .drift)
    }
  }

  @Test func `Settings of the statements that are done hold again after a resume`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let text = { (last: String) in
        "-- migrate:up transaction:false\nCREATE SCHEMA s;\nSET search_path = s;\nCREATE TABLE a (id int);\n\(last);\n"
      }
      await #expect(throws: MigrationError.self) {
        try await migrator(["1_a.sql": text("SELECT nope")]).up(on: connection).report
      }
      let fresh = try await database.connect()
      _ = try await migrator(["1_a.sql": text("CREATE TABLE b (id int)")]).up(on: fresh).report
      #expect(try await fresh.column("SELECT to_regclass('s.b')") == ["s.b"])
      #expect(try await fresh.column("SHOW search_path") == ["\"$user\", public"])
    }
  }

  @Test func `The file's own transaction is done or not done as one`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let text = { (value: String) in
        "-- migrate:up transaction:false\nCREATE TABLE a (id int);\nBEGIN;\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (\(value));\nCOMMIT;\nVACUUM a;\n"
      }
      await #expect(throws: MigrationError.self) {
        try await migrator(["1_a.sql": text("nope")]).up(on: connection).report
      }
      #expect(try await connection.column("SELECT count(*) FROM a") == ["0"])
      let report = try await migrator(["1_a.sql": text("2")]).up(on: connection).report
      #expect(report.migrations.map(\.statements) == [5])
      #expect(try await connection.column("SELECT count(*) FROM a") == ["2"])
    }
  }

  @Test func `A routine that commits runs outside any transaction`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up transaction:false\nCREATE TABLE a (id int);\nDO $$ BEGIN INSERT INTO a VALUES (1); COMMIT; END $$;\n"
      ])
      _ = try await migrator.up(on: connection).report
      #expect(try await connection.column("SELECT count(*) FROM a") == ["1"])
    }
  }

  @Test func `An invalid index that others left is dropped and built again`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1), (1);\n",
        "2_b.sql":
          "-- migrate:up transaction:false\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id);\n",
      ])
      let error = await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      #expect(error?.sqlState == "23505")
      #expect(try await migrator.status(on: connection).invalidIndexes == [])
      await #expect(throws: PostgresError.self) {
        try await connection.run("CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)")
      }
      #expect(try await migrator.status(on: connection).invalidIndexes == ["public.a_id"])
      try await connection.run("DELETE FROM a WHERE ctid = '(0,1)'")
      let events = await migrator.up(on: connection).allEvents()
      #expect(
        events.contains { if case .rebuildingInvalidIndex(_, "public.a_id") = $0 { true } else { false } }
      )
      #expect(
        try await connection.column("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass")
          == ["t"]
      )
      #expect(try await migrator.status(on: connection).invalidIndexes == [])
    }
  }

  @Test func `A way down without a transaction resumes too`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up\nCREATE TABLE a (id int);\nCREATE TABLE b (id int);\n-- migrate:down transaction:false\nDROP TABLE a;\nDROP TABLE b;\n"
      ])
      _ = try await migrator.up(on: connection).report
      try await connection.run("CREATE VIEW v AS SELECT * FROM b")
      await #expect(throws: MigrationError.self) { try await migrator.down(on: connection).report }
      #expect(try await migrator.status(on: connection).migrations[0].state == .reverting)
      try await connection.run("DROP VIEW v")
      #expect(try await migrator.down(on: connection).report.migrations.map(\.statements) == [1])
      #expect(try await connection.column("SELECT count(*) FROM adbvec_migrations") == ["0"])
    }
  }

  @Test func `A statement that no transaction takes is refused before anything is sent`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator(["1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n\nVACUUM a;\n"])
      let errors = await #expect(throws: MigrationErrors.self) {
        try await migrator.up(on: connection).report
      }
      #expect(
        errors?.description
          == "1_a.sql:4:1: VACUUM cannot run inside a transaction; put transaction:false behind the section's mark"
      )
      #expect(try await connection.column("SELECT to_regclass('adbvec_migrations')") == ["NULL"])
    }
  }
}
