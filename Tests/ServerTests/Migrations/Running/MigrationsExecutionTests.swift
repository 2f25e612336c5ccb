import Migrations
import PostgresClient
import Testing
import VectorSQL

/// How statements are run, tried again, cancelled.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsExecutionTests {
  @Test func `A lock that cannot be obtained in time is tried again`() async throws {
    try await MigrationsDatabase.with { database in
      let blocker = try await database.connect()
      try await blocker.run("CREATE TABLE a (id int); INSERT INTO a VALUES (1)")
      try await blocker.run("BEGIN; LOCK TABLE a")
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up lock-timeout:100ms\nALTER TABLE a ADD COLUMN b int;\n"
      ])
      let run = migrator.up(on: try await database.connect())
      var retries = 0
      for await event in run {
        guard case .retrying = event else { continue }
        retries += 1
        if retries == 2 { try await blocker.run("ROLLBACK") }
      }
      #expect(try await run.report.migrations.count == 1)
      #expect(retries >= 2)
    }
  }

  @Test func `A deadlock's victim is tried again`() async throws {
    try await MigrationsDatabase.with { database in
      let other = try await database.connect()
      try await other.run("CREATE TABLE a (id int); CREATE TABLE b (id int)")
      try await other.run("BEGIN; SET LOCAL deadlock_timeout = '10min'; LOCK TABLE b")
      // The file holds a and waits for b; the other session holds b and then waits for a.
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up lock-timeout:60s\nSET LOCAL deadlock_timeout = '1s';\nLOCK TABLE a;\nALTER TABLE b ADD COLUMN n int;\n"
      ])
      let run = migrator.up(on: try await database.connect())
      let observer = try await database.connect()
      try await waitUntil {
        try await observer.column(
          "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'b'::regclass"
        ) == ["1"]
      }
      async let freed: Void = { _ = try await other.run("LOCK TABLE a; COMMIT") }()
      let events = await run.allEvents()
      try await freed
      #expect(try await run.report.migrations.count == 1)
      #expect(events.contains { if case .retrying = $0 { true } else { false } })
    }
  }

  @Test func `It gives up after the last attempt and says what to do`() async throws {
    try await MigrationsDatabase.with { database in
      let blocker = try await database.connect()
      try await blocker.run("CREATE TABLE a (id int)")
      try await blocker.run("BEGIN; LOCK TABLE a")
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up lock-timeout:50ms\nALTER TABLE a ADD COLUMN b int;\n"
      ]) {
        $0.attempts = 2
      }
      let run = migrator.up(on: try await database.connect())
      let error = await #expect(throws: MigrationError.self) { try await run.report }
      #expect(error?.sqlState == "55P03")
      #expect(error?.hint?.contains("lock-timeout") == true)
    }
  }

  @Test func `Cancelling ends the statement on the server and keeps the history in order`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = ["1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\nSELECT pg_sleep(60);\n"]
      let run = try migrator(files).up(on: connection)
      let observer = try await database.connect()
      try await waitUntil {
        try await !observer.column(
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(60)'"
        ).isEmpty
      }
      run.cancel()
      await #expect(throws: CancellationError.self) { try await run.report }
      #expect(try await observer.column("SELECT to_regclass('a')") == ["NULL"])
      #expect(
        try await observer.column("SELECT state || ': ' || error FROM adbvec_migrations") == [
          "failed: cancelled"
        ]
      )
      #expect(try await observer.advisoryLocks() == ["0"])
    }
  }

  @Test func `What a file sets, the next does not inherit`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up\nCREATE SCHEMA s;\nSET search_path = s;\n",
        "2_b.sql": "-- migrate:up\nCREATE TABLE t (id int);\n",
        "3_c.sql": "-- migrate:up\nSELECT set_config('work_mem', '1234kB', false);\n",
        "4_d.sql": "-- migrate:up\nCREATE TABLE mem AS SELECT current_setting('work_mem') AS m;\n",
      ])
      _ = try await migrator.up(on: connection).report
      #expect(try await connection.column("SELECT to_regclass('public.t')") == ["t"])
      #expect(try await connection.column("SELECT m <> '1234kB' FROM mem") == ["t"])
    }
  }

  @Test func `What an earlier trigger sets, the next file does not inherit`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let body = "BEGIN PERFORM set_config('search_path', 'other', false); RETURN NEW; END"
      let migrator = try migrator([
        "1_a.sql": """
        -- migrate:up
        CREATE SCHEMA other;
        CREATE TABLE public.x (id int);
        CREATE FUNCTION leak() RETURNS trigger LANGUAGE plpgsql AS $$ \(body) $$;
        CREATE TRIGGER leaks BEFORE INSERT ON public.x FOR EACH ROW EXECUTE PROCEDURE leak();
        """,
        "2_b.sql": "-- migrate:up\nINSERT INTO public.x VALUES (1);\n",
        "3_c.sql": "-- migrate:up\nCREATE TABLE t3 (id int);\n",
        "4_d.sql": "-- migrate:up\nCOPY public.x FROM stdin;\n2\n\\.\n",
        "5_e.sql": "-- migrate:up\nCREATE TABLE t5 (id int);\n",
      ])
      _ = try await migrator.up(on: connection).report
      let schemas = "SELECT DISTINCT schemaname::text FROM pg_tables WHERE tablename IN ('t3', 't5')"
      #expect(try await connection.column(schemas) == ["public"])
    }
  }

  @Test func `A role that may not create schemas keeps its history in one that is there`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let role = database.name
      try await connection.run(trusted: "CREATE ROLE \(role); CREATE SCHEMA mine AUTHORIZATION \(role)")
      try await connection.run(trusted: "SET SESSION AUTHORIZATION \(role)")
      let migrator = try migrator(["1_a.sql": "-- migrate:up\nCREATE TABLE mine.a (id int);\n"]) { options in
        options.historyTable = QualifiedName(schema: "mine", name: "history")
      }
      _ = try await migrator.up(on: connection).report
      #expect(try await connection.column("SELECT state FROM mine.history") == ["applied"])
      try await connection.run(trusted: "RESET SESSION AUTHORIZATION")
      try await connection.run(trusted: "DROP SCHEMA mine CASCADE; DROP ROLE \(role)")
    }
  }

  @Test func `The history stays in its schema for every search_path`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      try await connection.run("CREATE SCHEMA other; SET search_path = other")
      let named = try Migrator(
        source: .embedded(["1_a.sql": "-- migrate:up\nCREATE TABLE t (id int);\n"]),
        dialect: .pgvector,
        options: {
          var options = MigratorOptions()
          options.historyTable = QualifiedName(schema: "ops", name: "my history")
          return options
        }()
      )
      _ = try await named.up(on: connection).report
      #expect(try await connection.column("SELECT version FROM ops.\"my history\"") == ["1"])
      #expect(try await connection.column("SELECT to_regclass('other.t') IS NOT NULL") == ["t"])
      #expect(try await named.up(on: connection).report.migrations == [])
    }
  }

  @Test func `A run-time error without a position points at its statement`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up\nSELECT 1;\n\n  SELECT 1 / (random() * 0)::int;\n"
      ])
      let error = await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      #expect(error?.location?.description == "1_a.sql:4:3")
      #expect(error?.sqlState == "22012")
    }
  }

  @Test func `An error inside a substituted value points at its tag`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator(
        ["1_a.sql": "-- migrate:up\n{{#if wide}}\nSELECT 1;\n{{/if}}\nSELECT 1 FROM {{table}};\n"],
        manifest: "table:\n  type: identifier\nwide:\n  type: bool\n  default: false\n",
        parameters: ["table": "nope"]
      )
      let error = await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      #expect(error?.location?.description == "1_a.sql:5:15")
      #expect(error?.location?.excerpt.hasSuffix("SELECT 1 FROM {{table}};\n   |               ^") == true)
    }
  }

  @Test(
    arguments: [
      (
        "CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE a (id int REFERENCES b DEFERRABLE INITIALLY DEFERRED); "
          + "INSERT INTO a VALUES (1);",
        "at the file's COMMIT: insert or update on table \"a\" violates", nil
      ),
      ("SET TRANSACTION READ ONLY;", "could not be written", "leave what makes the transaction read-only"),
    ] as [(String, String, String?)]
  )
  func `What fails behind a file's statements is said for what it is`(
    statements: String,
    message: String,
    hint: String?
  ) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator(["1_a.sql": "-- migrate:up\n\(statements)\n"])
      let error = await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      #expect(error?.message.contains(message) == true, "\(String(describing: error))")
      #expect(hint.map { error?.hint?.contains($0) == true } ?? true, "\(String(describing: error))")
      #expect(try await connection.column("SELECT count(*) FROM pg_class WHERE relname = 'a'") == ["0"])
    }
  }

  @Test func `A missing extension says what to install`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator(["1_a.sql": "-- migrate:up\nCREATE EXTENSION no_such_extension;\n"])
      let error = await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      #expect(error?.hint != nil)
    }
  }

  @Test func `A huge file is one migration like any other`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let rows = (0..<100_000).map { "(\($0), 'some text; with a semicolon')" }.joined(separator: ",\n")
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int, note text);\nINSERT INTO a VALUES\n\(rows);\n"
      ])
      _ = try await migrator.up(on: connection).report
      #expect(try await connection.column("SELECT count(*) FROM a") == ["100000"])
    }
  }

  @Test func `An index's progress is told from a second connection`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql": """
        -- migrate:up
        CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
          BEGIN IF $1 % 1000 = 0 THEN PERFORM pg_sleep(0.8); END IF; RETURN $1; END $$;
        CREATE TABLE a AS SELECT generate_series(1, 10000) AS id;
        CREATE INDEX a_slow ON a (slow(id));

        """
      ])
      let events = await migrator.up(on: connection, monitor: database.settings).allEvents()
      #expect(
        events.contains {
          if case .indexProgress(_, let progress) = $0 { !progress.phase.isEmpty } else { false }
        }
      )
    }
  }
}
