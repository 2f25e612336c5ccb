import Migrations
import PostgresClient
import Testing

/// `plan`, which prints what `up` sends.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsPlanTests {
  let files = [
    "1_tables.sql": """
    -- migrate:up
    CREATE TABLE a (id int PRIMARY KEY, note text DEFAULT 'x;y');
    COPY a FROM STDIN;
    1\tone
    2\ttwo; 'three'
    \\.
    INSERT INTO a VALUES (3, $$four; $$);
    -- migrate:down
    DROP TABLE a;

    """,
    "2_index.sql": """
    -- migrate:up transaction:false
    SET application_name = 'inside';
    CREATE INDEX CONCURRENTLY a_note ON a (note);
    ALTER TABLE a ADD COLUMN extra int;
    -- migrate:down transaction:false
    ALTER TABLE a DROP COLUMN extra;
    DROP INDEX CONCURRENTLY a_note;

    """,
    "R__views.sql": "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT id FROM a;\n",
  ]

  private let history = """
    SELECT concat_ws('|', version, name, kind, state, applied_order, template_sha256, parameters_sha256,
    rendered_sha256, parameters, statements_total, statements_done, done_sha256, error, dialect, tool, applied_by,
    finished_at IS NOT NULL) FROM adbvec_migrations ORDER BY version
    """
  private let schema = """
    SELECT concat_ws('|', table_name, column_name, data_type, column_default) FROM information_schema.columns
    WHERE table_schema = 'public' UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws('|', id, note) FROM a ORDER BY 1
    """

  @Test(.enabled(if: Psql.path != nil, "psql is missing"))
  func `plan piped into psql has the same effect as up`() async throws {
    let migrator = try migrator(files)
    var byUp: [String] = []
    var byPsql: [String] = []
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      _ = try await migrator.up(on: connection).report
      byUp = try await connection.column(history) + connection.column(schema)
    }
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let plan = try await migrator.plan(on: connection)
      let output = try Psql.run([], on: database, input: try plan.psql)
      #expect(!output.contains("ERROR"), "\(output)")
      byPsql = try await connection.column(history) + connection.column(schema)
      #expect(try await migrator.plan(on: connection).isEmpty)
      #expect(try await migrator.up(on: connection).report.migrations == [])
    }
    #expect(byUp.count > 10)
    #expect(byUp == byPsql)
  }

  @Test func `plan writes nothing`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let plan = try await migrator(files).plan(on: connection)
      #expect(plan.migrations.map(\.version) == ["1", "2", "R__views"])
      _ = try await migrator(files).status(on: connection)
      #expect(try await connection.column("SELECT to_regclass('adbvec_migrations')") == ["NULL"])
    }
  }

  @Test(.enabled(if: Psql.path != nil, "psql is missing"))
  func `A plan that fails in psql stops there`() async throws {
    let files = [
      "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n", "2_b.sql": "-- migrate:up\nSELECT nope;\n",
      "3_c.sql": "-- migrate:up\nCREATE TABLE c (id int);\n",
    ]
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let plan = try await migrator(files).plan(on: connection)
      _ = try Psql.run([], on: database, input: try plan.psql)
      #expect(try await connection.column("SELECT version FROM adbvec_migrations") == ["1"])
      #expect(try await connection.column("SELECT to_regclass('c')") == ["NULL"])
    }
  }
}
