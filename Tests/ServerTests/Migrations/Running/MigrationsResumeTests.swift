import Migrations
import PostgresClient
import Testing

/// What a run that stopped half-way leaves in the history, and what the next one makes of it.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsResumeTests {
  private let manifest = "log:\n  type: identifier\n  default: audit_log\n"
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

  @Test func `An edit of a statement that has yet to run is not drift`() async throws {
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
