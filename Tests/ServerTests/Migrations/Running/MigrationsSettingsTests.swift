import Migrations
import PostgresClient
import Testing

/// Settings of roles and databases that change what the text of a file means.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsSettingsTests {
  /// Makes a database with the extension in a schema of its own; where the server lacks it, does nothing.
  private func withVector(
    in schema: String,
    _ body: (MigrationsDatabase, PostgresConnection) async throws -> Void
  ) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let available = try await connection.column(
        "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
      )
      guard !available.isEmpty else { return }
      try await connection.run(trusted: "CREATE SCHEMA \(schema); CREATE EXTENSION vector SCHEMA \(schema)")
      try await body(database, connection)
    }
  }

  private let table = """
    CREATE TABLE items (id int, v vector(3));
    INSERT INTO items VALUES (1, '[1,2,3]'), (2, '[3,2,1]');
    CREATE INDEX ON items USING hnsw (v vector_l2_ops);
    CREATE TABLE nearest AS SELECT id FROM items ORDER BY v <-> '[3,2,1]' LIMIT 1;
    """

  @Test(
    arguments: ["extensions", "\"Ext '\"\"1\""],
    ["", " transaction:false", " transaction:false lock-timeout:2s"]
  )
  func `The extension is found in a schema off the search path`(schema: String, mark: String) async throws {
    try await withVector(in: schema) { database, connection in
      let files = [
        "1_a.sql": "-- migrate:up\(mark)\n\(table)\n-- migrate:down\(mark)\nDROP TABLE items, nearest;\n"
      ]
      let before = try await connection.column("SHOW search_path")
      _ = try await migrator(files).up(on: connection).report
      #expect(try await connection.column("SELECT id FROM public.nearest") == ["2"])
      #expect(try await connection.column("SHOW search_path") == before)
      #expect(try await connection.column("SHOW lock_timeout") == ["0"])
      #expect(try await migrator(files).down(on: connection).report.migrations.count == 1)
      // Nothing of a file that fails stays in the session either.
      let broken = ["1_a.sql": "-- migrate:up\(mark)\n\(table)\nSELECT 1/0;\n"]
      await #expect(throws: MigrationError.self) { try await migrator(broken).up(on: connection).report }
      #expect(try await connection.column("SHOW search_path") == before)
      #expect(try await connection.column("SHOW lock_timeout") == ["0"])
    }
  }

  @Test func `A resumed file finds the extension again`() async throws {
    try await withVector(in: "extensions") { database, connection in
      let text = { (last: String) in
        ["1_a.sql": "-- migrate:up transaction:false\nCREATE TABLE a (v vector(3));\n\(last);\n"]
      }
      await #expect(throws: MigrationError.self) {
        try await migrator(text("SELECT 1/0")).up(on: connection).report
      }
      let fresh = try await database.connect()
      _ = try await migrator(text("CREATE TABLE b (v halfvec(3))")).up(on: fresh).report
      #expect(try await fresh.column("SELECT to_regclass('b')") == ["b"])
    }
  }

  @Test(.enabled(if: Psql.path != nil, "psql is missing"))
  func `The plan finds the extension as up does`() async throws {
    try await withVector(in: "\"Ext\"") { database, connection in
      let plan = try await migrator(["1_a.sql": "-- migrate:up\n\(table)\n"]).plan(on: connection)
      let output = try Psql.run([], on: database, input: try plan.psql)
      #expect(!output.contains("ERROR"), "\(output)")
      #expect(try await connection.column("SELECT id FROM nearest") == ["2"])
    }
  }

  @Test func `A file that sets the search path itself is told which schema it lacks`() async throws {
    try await withVector(in: "extensions") { (_, connection) async throws in
      let error = await #expect(throws: MigrationError.self) {
        try await migrator(["1_a.sql": "-- migrate:up\nSET search_path = public;\n\(table)\n"])
          .up(on: connection).report
      }
      #expect(
        error?.hint?.contains("add extensions, the schema of the extension, to the search_path") == true
      )
      let named = "-- migrate:up\nSET search_path = public, extensions;\n\(table)\n"
      #expect(try await migrator(["1_a.sql": named]).up(on: connection).report.migrations.count == 1)
    }
  }

  @Test func `A role without a right to the extension's schema is told what to grant`() async throws {
    try await withVector(in: "extensions") { database, connection in
      let role = "adbvec_v_\(database.name)"
      try await connection.run(
        trusted: "CREATE ROLE \(role); GRANT ALL ON SCHEMA public TO \(role); SET ROLE \(role)"
      )
      let files = ["1_a.sql": "-- migrate:up\n\(table)\n"]
      let error = await #expect(throws: MigrationError.self) {
        try await migrator(files).up(on: connection).report
      }
      let fix = "GRANT USAGE ON SCHEMA extensions TO \(role)"
      #expect(error?.hint?.hasSuffix(fix) == true, "\(error?.hint ?? "")")
      try await connection.run(trusted: "RESET ROLE; \(fix); SET ROLE \(role)")
      #expect(try await migrator(files).up(on: connection).report.migrations.count == 1)
      try await connection.run(trusted: "RESET ROLE; DROP OWNED BY \(role); DROP ROLE \(role)")
    }
  }

  @Test func `A database that reads backslashes as escapes is asked for standard strings`() async throws {
    try await MigrationsDatabase.with { database in
      let first = try await database.connect()
      try await first.run(trusted: "ALTER DATABASE \(database.name) SET standard_conforming_strings = off")
      let connection = try await database.connect()
      let files = [
        "1_a.sql":
          "-- migrate:up\nCREATE TABLE a (x text);\nSET my.setting = 'x';\nINSERT INTO a VALUES ('C:\\');\n",
        "2_b.sql": "-- migrate:up transaction:false\nRESET ALL;\nINSERT INTO a VALUES ('D:\\n');\n",
      ]
      _ = try await migrator(files).up(on: connection).report
      #expect(try await connection.column("SELECT x FROM a ORDER BY 1") == ["C:\\", "D:\\n"])
      #expect(try await connection.column("SHOW standard_conforming_strings") == ["on"])
      // The caller's own options are kept.
      var settings = database.settings
      settings.overrides["options"] = "-c work_mem=1234kB"
      let other = try await PostgresConnection.connect(settings)
      let both = "SELECT current_setting('work_mem') || current_setting('standard_conforming_strings')"
      #expect(try await other.column(both) == ["1234kBon"])
      try await connection.run("SET standard_conforming_strings = off")
      let error = await #expect(throws: MigrationError.self) {
        try await migrator(files.merging(["3_c.sql": "-- migrate:up\nSELECT 1;\n"]) { $1 }).up(on: connection)
          .report
      }
      #expect(error?.code == .unsuitableConnection)
    }
  }
}
