import Migrations
import PostgresClient
import Synchronization
import Testing

/// What a run that stopped half-way leaves in the history, and what the next one makes of it.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsResumeTests {
  private let manifest = "[log]\ntype = \"identifier\"\ndefault = \"audit_log\"\n"
  private let logged = [
    "1_a.sql":
      "-- migrate:up transaction:false\nCREATE TABLE a (x int);\nCREATE TABLE {{log}} (x int);\n-- migrate:down\nDROP TABLE {{log}};\nDROP TABLE a;\n"
  ]

  @Test func `A resumed run records the parameters of its own statements, and down undoes those`()
    async throws
  {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      try await connection.run("CREATE TABLE audit_log (precious text)")
      let first = try migrator(logged, manifest: manifest)
      await #expect(throws: MigrationError.self) { try await first.up(on: connection).report }
      let second = try migrator(logged, manifest: manifest, parameters: ["log": "audit_log2"])
      #expect(try await second.up(on: connection).report.migrations.map(\.statements) == [1])
      #expect(try await second.status(on: connection).migrations.flatMap(\.drift) == [])
      _ = try await first.down(on: connection).report
      #expect(try await connection.column("SELECT to_regclass('audit_log')") == ["audit_log"])
      #expect(try await connection.column("SELECT to_regclass('audit_log2')") == ["NULL"])
    }
  }

  @Test func `An edit of a statement that has yet to run is no drift`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let text = { (last: String) in "-- migrate:up transaction:false\nCREATE TABLE a (x int);\n\(last);\n" }
      let broken = try migrator(["1_a.sql": text("SELECT 1/0")])
      await #expect(throws: MigrationError.self) { try await broken.up(on: connection).report }
      let fixed = try migrator(["1_a.sql": text("SELECT 1/1")])
      _ = try await fixed.up(on: connection).report
      #expect(try await fixed.up(on: connection).report.migrations == [])
      #expect(try await fixed.status(on: connection).hasDrift == false)
    }
  }

  @Test func `An edit of a statement that ran is drift`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let text = { (type: String) in
        "-- migrate:up transaction:false\nCREATE TABLE a (x \(type));\nSELECT nope;\n"
      }
      let broken = try migrator(["1_a.sql": text("int")])
      await #expect(throws: MigrationError.self) { try await broken.up(on: connection).report }
      let other = try migrator(["1_a.sql": text("bigint")])
      #expect(try await other.status(on: connection).hasDrift)
      let errors = await #expect(throws: MigrationErrors.self) { try await other.up(on: connection).report }
      #expect(errors?.errors.map(\.code) == [.drift])
    }
  }

  @Test func `A file that became one transaction runs only what is missing`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let text = { (mark: String, last: String) in
        "-- migrate:up\(mark)\nCREATE TABLE a (x int);\nINSERT INTO a VALUES (1);\n\(last);\n"
      }
      let broken = try migrator(["1_a.sql": text(" transaction:false", "SELECT nope")])
      await #expect(throws: MigrationError.self) { try await broken.up(on: connection).report }
      let fixed = try migrator(["1_a.sql": text("", "INSERT INTO a VALUES (2)")])
      _ = try await fixed.up(on: connection).report
      #expect(try await connection.column("SELECT x FROM a ORDER BY 1") == ["1", "2"])
    }
  }

  @Test func `A way down of a part is refused with the statements that ran`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up transaction:false\nCREATE TABLE a (x int);\nSELECT 1/0;\n-- migrate:down\nDROP TABLE IF EXISTS a;\n"
      ])
      await #expect(throws: MigrationError.self) { try await migrator.up(on: connection).report }
      let errors = await #expect(throws: MigrationErrors.self) {
        try await migrator.down(on: connection).report
      }
      #expect(errors?.errors.first?.hint?.contains("1_a.sql:2:1") == true)
      #expect(try await connection.column("SELECT to_regclass('a')") == ["a"])
    }
  }

  @Test func `A call that commits is sent once, and the next run asks`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = [
        "1_a.sql":
          "-- migrate:up\nCREATE TABLE log (x int); CREATE TABLE busy (x int);\nCREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); COMMIT; LOCK TABLE busy; END $$;\n",
        "2_b.sql":
          "-- migrate:up transaction:false lock-timeout:100ms\nCALL p();\nINSERT INTO log VALUES (2);\n",
      ]
      _ = try await migrator(files).up(MigrationTarget(version: "1"), on: connection).report
      let blocker = try await database.connect()
      try await blocker.run("BEGIN; LOCK TABLE busy")
      let error = await #expect(throws: MigrationError.self) {
        try await migrator(files).up(on: connection).report
      }
      #expect(error?.sqlState == "55P03")
      try await blocker.run("ROLLBACK")
      for _ in 0..<2 {
        let doubt = await #expect(throws: MigrationError.self) {
          try await migrator(files).up(on: try await database.connect()).report
        }
        #expect(doubt?.code == .outcomeUnknown)
        #expect(doubt?.message.contains("lock") == true)
      }
      #expect(try await connection.column("SELECT x FROM log") == ["1"])
      _ = try await migrator(files) { $0.inDoubt = .ran }.up(on: try await database.connect()).report
      #expect(try await connection.column("SELECT x FROM log ORDER BY 1") == ["1", "2"])
    }
  }

  @Test func `A call that does not commit is one transaction with its record`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = [
        "1_a.sql":
          "-- migrate:up transaction:false\nCREATE TABLE log (x int);\nCREATE PROCEDURE p() LANGUAGE sql AS 'INSERT INTO log VALUES (1)';\nCALL p();\nDO $$ BEGIN INSERT INTO log VALUES (2); END $$;\n"
      ]
      let plan = try await migrator(files).plan(on: connection).migrations[0].messages.map(\.sql)
      let call = try #require(plan.firstIndex(of: "CALL p()"))
      #expect(plan[call + 2] == "COMMIT")
      _ = try await migrator(files).up(on: connection).report
      #expect(try await connection.column("SELECT x FROM log ORDER BY 1") == ["1", "2"])
    }
  }

  @Test(arguments: [
    "CREATE INDEX CONCURRENTLY ON a (id)", "CREATE INDEX CONCURRENTLY U&\"\\0061b\" ON U&\"\\0061\" (id)",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id)",
  ])
  func `A concurrent build that fails leaves no invalid index`(build: String) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let other = try await database.connect()
      try await other.run("CREATE TABLE a (id int); INSERT INTO a VALUES (1), (2)")
      try await other.run("BEGIN; UPDATE a SET id = id")
      let files = ["1_b.sql": "-- migrate:up transaction:false lock-timeout:100ms\n\(build);\n"]
      let run = try migrator(files) { $0.attempts = 12 }.up(on: connection)
      var retries = 0
      for await event in run {
        guard case .retrying = event else { continue }
        retries += 1
        if retries == 2 { try await other.run("ROLLBACK") }
      }
      _ = try await run.report
      #expect(retries >= 2)
      let indexes = "SELECT indisvalid FROM pg_index WHERE indrelid = 'a'::regclass"
      #expect(try await other.column(indexes) == ["t"])
    }
  }

  @Test
  func `A build that a blocked run left is taken away by the next run, which waits for the blocker too`()
    async throws
  {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let other = try await database.connect()
      try await other.run("CREATE TABLE a (id int); INSERT INTO a VALUES (1), (2)")
      try await other.run("BEGIN; UPDATE a SET id = id")
      let files = [
        "1_b.sql":
          "-- migrate:up transaction:false lock-timeout:100ms\nCREATE INDEX CONCURRENTLY ON a (id);\n"
      ]
      let error = await #expect(throws: MigrationError.self) {
        try await migrator(files) { $0.attempts = 2 }.up(on: connection).report
      }
      #expect(error?.sqlState == "55P03")
      let indexes = "SELECT indisvalid FROM pg_index WHERE indrelid = 'a'::regclass"
      #expect(try await other.column(indexes) == ["f"])
      let still = await #expect(throws: MigrationError.self) {
        try await migrator(files) { $0.attempts = 1 }.up(on: try await database.connect()).report
      }
      #expect(still?.sqlState == "55P03")
      #expect(still?.location?.lineNumber == 2)
      let run = try migrator(files) { $0.attempts = 12 }.up(on: try await database.connect())
      var retries = 0
      for await event in run {
        guard case .retrying = event else { continue }
        retries += 1
        if retries == 1 { try await other.run("ROLLBACK") }
      }
      _ = try await run.report
      #expect(retries >= 1)
      #expect(try await other.column(indexes) == ["t"])
    }
  }

  @Test func `An unnamed build whose record was lost is not built again`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      try await connection.run("CREATE TABLE a (id int)")
      let files = [
        "1_b.sql": "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY ON a (id);\nSELECT 1;\n"
      ]
      let migrator = try migrator(files)
      let plan = try await migrator.plan(on: connection)
      let messages = plan.opening + plan.migrations[0].messages.map(\.sql)
      let build = try #require(messages.firstIndex { $0.hasPrefix("CREATE INDEX") })
      for message in messages[...build] { try await connection.run(trusted: message) }
      #expect(try await migrator.status(on: connection).migrations.map(\.state) == [.partial])
      await connection.close()
      let fresh = try await database.connect()
      _ = try await migrator.up(on: fresh).report
      #expect(try await fresh.column("SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass") == ["1"])
    }
  }

  @Test func `Settings that a routine made hold again after a resume`() async throws {
    try await MigrationsDatabase.with { database in
      let text = { (last: String) in
        "-- migrate:up transaction:false\nCREATE SCHEMA s;\nDO $$ BEGIN PERFORM set_config('search_path', 's', false); END $$;\nCREATE TABLE a (x int);\n\(last);\n"
      }
      await #expect(throws: MigrationError.self) {
        try await migrator(["1_a.sql": text("SELECT nope")]).up(on: try await database.connect()).report
      }
      let fresh = try await database.connect()
      _ = try await migrator(["1_a.sql": text("CREATE TABLE b (x int)")]).up(on: fresh).report
      #expect(try await fresh.column("SELECT to_regclass('s.b')") == ["s.b"])
    }
  }

  @Test(arguments: [
    "CREATE TEMP TABLE users AS SELECT 1 AS id",
    "DO $$ BEGIN EXECUTE 'CREATE TEMP TABLE users AS SELECT 1 AS id'; END $$",
    "DO $$ BEGIN PERFORM set_config('my.setting', 'x', false); END $$",
  ])
  func `A session that cannot be made again stops the rest`(statement: String) async throws {
    try await MigrationsDatabase.with { database in
      let text = { (last: String) in "-- migrate:up transaction:false\n\(statement);\nSELECT 1;\n\(last);\n" }
      await #expect(throws: MigrationError.self) {
        try await migrator(["1_a.sql": text("SELECT nope")]).up(on: try await database.connect()).report
      }
      let errors = await #expect(throws: MigrationErrors.self) {
        try await migrator(["1_a.sql": text("SELECT 2")]).up(on: try await database.connect()).report
      }
      #expect(errors?.errors.map(\.code) == [.cannotResume])
    }
  }

  @Test func `Statements with set_config that do more are not repeated`() async throws {
    try await MigrationsDatabase.with { database in
      let text = { (last: String) in
        "-- migrate:up transaction:false\nCREATE TABLE a (x text);\nINSERT INTO a SELECT set_config('work_mem', '1234kB', false);\n\(last);\n"
      }
      await #expect(throws: MigrationError.self) {
        try await migrator(["1_a.sql": text("SELECT nope")]).up(on: try await database.connect()).report
      }
      let fresh = try await database.connect()
      let last = "INSERT INTO a SELECT current_setting('work_mem')"
      _ = try await migrator(["1_a.sql": text(last)]).up(on: fresh).report
      #expect(try await fresh.column("SELECT x FROM a") == ["1234kB", "1234kB"])
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

/// A value that several threads may change.
final class Box<Value: Sendable>: Sendable {
  private let state: Mutex<Value>

  init(_ value: Value) { state = Mutex(value) }

  var value: Value { state.withLock { $0 } }

  func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}
