import Migrations
import PostgresClient
import Testing

/// A way down that deletes rows says how many, and needs a confirmation.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsDataLossTests {
  @Test func `A way down that deletes rows says how many and needs a confirmation`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = [
        "1_a.sql":
          "-- migrate:up\nCREATE TABLE a (id int, note text);\nCREATE TABLE b (id int);\n-- migrate:down\nALTER TABLE a DROP COLUMN note;\nDROP TABLE IF EXISTS a, b CASCADE;\n"
      ]
      let careful = try migrator(files) { $0.deletesRows = false }
      _ = try await careful.up(on: connection).report
      try await connection.run("INSERT INTO a VALUES (1, 'x'), (2, NULL); INSERT INTO b VALUES (1)")
      for run in [careful.down(on: connection), careful.redo(on: connection)] {
        let error = await #expect(throws: MigrationError.self) { try await run.report }
        #expect(error?.code == .confirmationNeeded)
        #expect(
          error?.message.hasSuffix(
            "deletes data: 1 value of public.a.note, 2 rows of public.a, 1 row of public.b"
          ) == true,
          "\(error?.message ?? "")"
        )
      }
      #expect(try await connection.column("SELECT count(*) FROM a") == ["2"])
      try await connection.run("DELETE FROM a; DELETE FROM b")
      #expect(try await careful.down(on: connection).report.migrations.count == 1)
    }
  }

  /// Statements that take rows with them without naming their table as it is called today, or in a block.
  @Test(arguments: [
    (
      "CREATE TABLE a (x int)", "DO $$ BEGIN IF true THEN DROP TABLE IF EXISTS a; END IF; END $$;",
      "1 row of public.a"
    ),
    ("CREATE TABLE a (x int)", "DO $x$ BEGIN TRUNCATE a; END $x$;", "1 row of public.a"),
    ("CREATE TABLE a (x int)", "DO LANGUAGE 'plpgsql' 'BEGIN DROP TABLE a; END';", "1 row of public.a"),
    ("CREATE TABLE a (x int)", "DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$;", "1 row of public.a"),
    ("CREATE TABLE a (x int)", "DO $$ BEGIN EXECUTE format(E'TRUNCATE\\na'); END $$;", "1 row of public.a"),
    (
      "CREATE TABLE a (x int)", "DO $$ BEGIN EXECUTE $q$DELETE FROM a WHERE true$q$; END $$;",
      "1 row of public.a"
    ),
    ("CREATE TABLE a (x int)", "DO $$ BEGIN EXECUTE ('DROP TABLE a'); END $$;", "1 row of public.a"),
    ("CREATE TABLE a (x int)", "DELETE FROM a WHERE true;", "1 row of public.a"),
    ("CREATE TABLE a (x int)", "EXPLAIN ANALYZE DELETE FROM a;", "1 row of public.a"),
    ("CREATE TABLE a (x int)", "EXPLAIN (COSTS off, ANALYZE) DELETE FROM a;", "1 row of public.a"),
    (
      "CREATE TABLE a (x int)", "MERGE INTO a USING (SELECT 1) AS b ON true WHEN MATCHED THEN DELETE;",
      "1 row of public.a"
    ),
    (
      "CREATE TABLE a (x int)", "DELETE FROM a WHERE (NOT (false) AND 1 = 1) OR x = 7 RETURNING x;",
      "1 row of public.a"
    ),
    (
      "CREATE TABLE a (x int)",
      "WITH d AS (DELETE FROM ONLY a WHERE (true) RETURNING x) SELECT count(*) FROM d;",
      "1 row of public.a"
    ),
    (
      "CREATE TABLE old (x int); ALTER TABLE old RENAME TO a",
      "ALTER TABLE a RENAME TO old;\nDROP TABLE old;",
      "1 row of public.a"
    ),
    (
      "CREATE TABLE a (x int, y int DEFAULT 1)",
      "ALTER TABLE public.a RENAME TO \"B\";\nALTER TABLE \"B\" RENAME TO c;\nALTER TABLE c DROP y;",
      "1 value of public.a.y"
    ),
    ("CREATE DOMAIN d AS int; CREATE TABLE a (x d)", "DROP DOMAIN d CASCADE;", "1 value of public.a.x"),
    (
      "CREATE TYPE e AS ENUM ('1'); CREATE TABLE a (x int, y e[] DEFAULT '{1}')",
      "DROP TYPE IF EXISTS e CASCADE;",
      "1 value of public.a.y"
    ),
    (
      "CREATE EXTENSION citext; CREATE TABLE a (x citext)", "DROP EXTENSION citext CASCADE;",
      "1 value of public.a.x"
    ),
  ])
  func `Rows that go with something else are counted too`(made: String, down: String, loss: String)
    async throws
  {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = ["1_a.sql": "-- migrate:up\n\(made);\n-- migrate:down\n\(down)\n"]
      let careful = try migrator(files) { $0.deletesRows = false }
      _ = try await careful.up(on: connection).report
      try await connection.run("INSERT INTO a (x) VALUES (1)")
      let error = await #expect(throws: MigrationError.self) { try await careful.down(on: connection).report }
      #expect(error?.message.hasSuffix("deletes data: \(loss)") == true, "\(error?.message ?? "")")
      try await connection.run("DELETE FROM a")
      #expect(try await careful.down(on: connection).report.migrations.count == 1)
    }
  }

  /// Rows that a condition chooses are what the way up put there.
  @Test(arguments: [
    "DELETE FROM a WHERE x = 1;", "DELETE FROM a WHERE true AND x > 5;", "DELETE FROM a WHERE NOT true;",
    "WITH d AS (DELETE FROM a WHERE x = 1 RETURNING x) SELECT count(*) FROM d;",
    "DO $$ BEGIN EXECUTE 'DELETE FROM a WHERE x = 1'; DELETE FROM a WHERE x = 1; END $$;",
    "DO $$ BEGIN EXECUTE format('CREATE INDEX %I ON a (x)', 'i'); EXECUTE 'DROP INDEX ' || 'i'; END $$;",
    "DO $$ DECLARE t text = 'a'; BEGIN EXECUTE 'DELETE FROM ' || t || ' WHERE x = 1'; END $$;",
    "DO $$ BEGIN EXECUTE format('DELETE FROM %I WHERE x = %L', 'a', 1); EXECUTE 'SELECT $1' USING 'DROP TABLE a'; END $$;",
    "EXPLAIN DELETE FROM a;",
  ])
  func `A way down that chooses its rows needs no confirmation`(down: String) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = ["1_a.sql": "-- migrate:up\nCREATE TABLE a (x int);\n-- migrate:down\n\(down)\n"]
      let careful = try migrator(files) { $0.deletesRows = false }
      _ = try await careful.up(on: connection).report
      try await connection.run("INSERT INTO a VALUES (1), (2)")
      #expect(try await careful.down(on: connection).report.migrations.count == 1)
    }
  }

  /// What is named when the block runs cannot be counted before.
  @Test(arguments: [
    ("EXECUTE format('DROP TABLE %I', 'a');", "DROP"), ("EXECUTE 'DELETE FROM ' || 'a';", "DELETE"),
    ("EXECUTE format('ALTER TABLE %1$I DROP COLUMN %2$I', 'a', 'x');", "ALTER"),
    ("EXECUTE format('WITH d AS (DELETE FROM %I RETURNING 1) SELECT count(*) FROM d', 'a');", "WITH"),
    ("EXECUTE format('DELETE FROM %I WHERE true', 'a');", "DELETE"),
    ("EXECUTE concat('DROP TABLE ', 'a');", "DROP"),
    ("EXECUTE concat_ws(' ', 'DROP', 'TABLE', 'a');", "DROP"),
    ("EXECUTE 'DROP ' || 'TABLE a';", "DROP"), ("EXECUTE (format('DROP TABLE %I', 'a'));", "DROP"),
    ("EXECUTE pg_catalog.format('DROP TABLE %I', 'a');", "DROP"),
    ("EXECUTE format('%s %I', 'DROP TABLE', 'a');", "DROP"), ("EXECUTE 'DROP TABLE a'::text;", "DROP"),
    ("EXECUTE 'DROP TABLE ' || coalesce(NULL, 'a');", "DROP"),
    ("EXECUTE CASE WHEN 1 = 1 THEN 'DROP TABLE a' ELSE 'SELECT 1' END;", "DROP"),
    ("EXECUTE (SELECT string_agg('DROP TABLE ' || t, ';') FROM (VALUES ('a')) AS v (t));", "DROP"),
    ("EXECUTE 'DELETE FROM ' || quote_ident('a') || ' WHERE $1 = 1 OR true' USING 1;", "DELETE"),
  ])
  func `A block that deletes what it names when it runs needs a confirmation`(statement: String, verb: String)
    async throws
  {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let down = "DO $$ BEGIN \(statement) END $$;"
      let files = ["1_a.sql": "-- migrate:up\nCREATE TABLE a (x int);\n-- migrate:down\n\(down)\n"]
      let careful = try migrator(files) { $0.deletesRows = false }
      _ = try await careful.up(on: connection).report
      let error = await #expect(throws: MigrationError.self) { try await careful.down(on: connection).report }
      #expect(error?.code == .confirmationNeeded)
      #expect(
        error?.message.hasSuffix("deletes data: what a DO block names when it runs (\(verb) …)") == true,
        "\(error?.message ?? "")"
      )
      #expect(try await migrator(files).down(on: connection).report.migrations.count == 1)
    }
  }

  /// Who says --yes says it to all of them.
  @Test func `All that a run of several ways down deletes is named before it`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = [
        "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n",
        "2_b.sql":
          "-- migrate:up\nALTER TABLE a ADD note text;\n-- migrate:down\nALTER TABLE a DROP COLUMN note;\n",
      ]
      let careful = try migrator(files) { $0.deletesRows = false }
      _ = try await careful.up(on: connection).report
      try await connection.run("INSERT INTO a VALUES (1, 'x'), (2, 'y')")
      let error = await #expect(throws: MigrationError.self) {
        try await careful.down(MigrationTarget(count: 2), on: connection).report
      }
      #expect(
        error?.message.hasSuffix("deletes data: 2 values of public.a.note, 2 rows of public.a") == true,
        "\(error?.message ?? "")"
      )
      #expect(try await connection.column("SELECT count(note) FROM a") == ["2"])
    }
  }
}
