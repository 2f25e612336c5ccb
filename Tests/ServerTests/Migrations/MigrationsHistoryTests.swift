import Migrations
import PostgresClient
import Testing

/// The history table, its first format, and the folder it belongs to.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsHistoryTests {
  private let file = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n"

  @Test func `A history of the first format is read as it is and upgraded by the next run`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let one = try migrator(["1_a.sql": file])
      _ = try await one.up(on: connection).report
      try await connection.run(
        "ALTER TABLE adbvec_migrations DROP COLUMN format, DROP COLUMN underway, DROP COLUMN session"
      )
      #expect(try await one.status(on: connection).migrations.map(\.state) == [.applied])
      let two = try migrator(["1_a.sql": file, "2_b.sql": "-- migrate:up\nCREATE TABLE b (id int);\n"])
      #expect(try await two.plan(on: connection).opening.contains { $0.contains("ADD COLUMN format") })
      #expect(try await two.up(on: connection).report.migrations.map(\.version) == ["2"])
      #expect(
        try await connection.column("SELECT coalesce(format, 1) FROM adbvec_migrations ORDER BY version") == [
          "1", "2",
        ]
      )
      #expect(try await two.status(on: connection).hasDrift == false)
    }
  }

  @Test func `A history of a newer format is refused`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let one = try migrator(["1_a.sql": file])
      _ = try await one.up(on: connection).report
      try await connection.run("UPDATE adbvec_migrations SET format = 99")
      let error = await #expect(throws: MigrationError.self) { try await one.status(on: connection) }
      #expect(error?.message.contains("newer version") == true)
    }
  }

  @Test func `A folder that knows none of the applied versions is not the database's`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      _ = try await migrator(["5_a.sql": file]).up(on: connection).report
      let other = try migrator(["1_x.sql": "-- migrate:up\nSELECT 1;\n"])
      let errors = await #expect(throws: MigrationErrors.self) { try await other.up(on: connection).report }
      #expect(errors?.errors.contains { $0.code == .drift && $0.message.contains("missing") } == true)
      let none = #expect(throws: MigrationError.self) { try migrator([:]) }
      #expect(none?.code == .noMigrations)
    }
  }

  @Test(.enabled(if: Psql.path != nil, "psql is missing"))
  func `A plan in psql stops where another run holds the lock`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let plan = try await migrator(["1_a.sql": file]).plan(on: connection)
      let key = try #require(plan.closing.first?.split(separator: "(").last?.split(separator: ")").first)
      try await connection.run(trusted: "SELECT pg_advisory_lock(\(key))")
      let output = try Psql.run([], on: database, input: try plan.psql)
      #expect(output.contains("another run holds the migration lock"))
      #expect(try await connection.column("SELECT to_regclass('a')") == ["NULL"])
    }
  }

  @Test func `A statement that no transaction takes goes alone although nobody knew`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      // Set through a routine, so that no list of statements can name it.
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up\nCREATE TABLE a (id int);\nCREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a VALUES (1); COMMIT; INSERT INTO a VALUES (2); END $$;\n",
        "2_b.sql": "-- migrate:up transaction:false\nCALL p();\n",
      ])
      _ = try await migrator.up(on: connection).report
      #expect(try await connection.column("SELECT id FROM a ORDER BY 1") == ["1", "2"])
    }
  }
}

/// What one file must not leave to the next, and what bookkeeping must survive.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsSessionTests {
  @Test func `Nothing of a session reaches the next file`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up\nCREATE SCHEMA other;\nCREATE TABLE public.users (id int);\nDO $$ BEGIN PERFORM set_config('search_path', 'other', false); END $$;\nCREATE TEMP TABLE users AS SELECT 1 AS id;\nPREPARE p AS SELECT 1;\nLISTEN c;\nDECLARE d CURSOR WITH HOLD FOR SELECT 1;\nSET my.setting = 'x';\n",
        "2_b.sql":
          "-- migrate:up\nCREATE TABLE t (x int);\nINSERT INTO users VALUES (42);\nCREATE TABLE seen AS SELECT (SELECT count(*) FROM pg_prepared_statements) AS p, (SELECT count(*) FROM pg_listening_channels()) AS l, (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS c, coalesce(current_setting('my.setting', true), '') AS s;\n",
      ])
      _ = try await migrator.up(on: connection).report
      #expect(try await connection.column("SELECT to_regclass('public.t')") == ["t"])
      #expect(try await connection.column("SELECT id FROM public.users") == ["42"])
      #expect(try await connection.column("SELECT concat_ws(',', p, l, c, s) FROM seen") == ["0,0,0,"])
      #expect(try await connection.advisoryLocks() == ["0"])
    }
  }

  @Test(arguments: ["", " transaction:false"])
  func `A role that is not reset does not stop the bookkeeping`(mark: String) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let role = "adbvec_r_\(database.name)"
      try await connection.run(
        trusted: "CREATE ROLE \(role); GRANT CREATE, USAGE ON SCHEMA public TO \(role)"
      )
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up\(mark)\nSET ROLE \(role);\nCREATE TABLE a (id int);\nCREATE TABLE b (id int);\n",
        "2_b.sql": "-- migrate:up\nCREATE TABLE c (id int);\n",
      ])
      _ = try await migrator.up(on: connection).report
      let owners =
        "SELECT relname || ' ' || (relowner = '\(role)'::regrole) FROM pg_class WHERE relname IN ('a', 'b', 'c') ORDER BY 1"
      #expect(try await connection.column(owners) == ["a true", "b true", "c false"])
      try await connection.run(trusted: "DROP OWNED BY \(role); DROP ROLE \(role)")
    }
  }

  @Test func `A failure is recorded although the encoding lacks its characters`() async throws {
    try await MigrationsDatabase.with { database in
      let admin = try await database.connect()
      let latin = MigrationsDatabase(name: database.name + "_latin")
      try await admin.run(
        trusted:
          "CREATE DATABASE \(latin.name) ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
      )
      let connection = try await latin.connect()
      let migrator = try migrator(["1_a.sql": "-- migrate:up\nSELECT 1 AS \"日本\", 'x';\n"])
      await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      #expect(try await connection.column("SELECT state FROM adbvec_migrations") == ["failed"])
      await connection.close()
      try await admin.run(trusted: "DROP DATABASE \(latin.name) WITH (FORCE)")
    }
  }

  @Test func `The caller's connection is left usable and its notice handler in place`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let seen = Box<[String]>([])
      await connection.setNoticeHandler { notice in seen.change { $0.append(notice.message) } }
      try await connection.run(trusted: "CREATE ROLE \(database.name)_ro; SET ROLE \(database.name)_ro")
      let migrator = try migrator(["1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n"])
      let error = await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      #expect(error?.hint?.contains("--history-table") == true)
      await #expect(throws: MigrationError.self) { try await migrator.baseline("1", on: connection) }
      #expect(await connection.transactionStatus == .idle)
      try await connection.run("RESET ROLE; DO $$ BEGIN RAISE NOTICE 'still here'; END $$")
      #expect(seen.value.contains("still here"))
      try await connection.run(trusted: "DROP ROLE \(database.name)_ro")
    }
  }
}
