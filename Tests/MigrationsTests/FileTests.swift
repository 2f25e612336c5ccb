import Migrations
import Testing

/// What a file may look like.
@Suite struct FileTests {
  private func migration(_ text: String, name: String = "1_a.sql") throws -> Migration {
    try #require(try migrator([name: text]).migrations.first)
  }

  @Test func `A dbmate file reads as it is`() throws {
    let text = """
      -- a comment before
      -- migrate:up transaction:false
      CREATE TABLE users (id int);

      -- migrate:down
      DROP TABLE users;

      """
    let file = try #require(try migrator(["20260101120000_create_users.sql": text]).render().first)
    #expect(file.version == "20260101120000")
    #expect(file.name == "create_users")
    #expect(file.up == "CREATE TABLE users (id int);\n\n")
    #expect(file.down == "DROP TABLE users;\n")
    #expect(try !migration(text).up.options.transaction)
  }

  @Test func `Options behind a mark are read`() throws {
    let file = try migration(
      """
      -- migrate:up transaction:false lock-timeout:500ms statement-timeout:2min out-of-order:true
      SELECT 1;
      -- migrate:down irreversible:"the rows are gone"
      """
    )
    #expect(file.up.options.lockTimeout == 500)
    #expect(file.up.options.statementTimeout == 120_000)
    #expect(file.up.options.outOfOrder)
    #expect(file.down?.options.irreversible == "the rows are gone")
  }

  @Test(arguments: [
    ("-- migrate:up transactoin:false\nSELECT 1;\n", "1_a.sql:1:15: unknown option \"transactoin\""),
    ("-- migrate:up transaction:no\n", "1_a.sql:1:15: the option transaction has no value \"no\""),
    ("-- migrate:up lock-timeout:fast\n", "1_a.sql:1:15: lock-timeout is a duration"),
    ("-- migrate:up irreversible\n", "1_a.sql:1:15: unknown option \"irreversible\""),
    ("SELECT 1;\n", "1_a.sql:1:1: there is no line \"-- migrate:up\""),
    ("", "1_a.sql:1:1: there is no line \"-- migrate:up\""),
    ("SELECT 1;\n-- migrate:up\n", "1_a.sql:1:1: this stands before the first mark"),
    (
      "-- migrate:up lock-timeout:1s\n-- migrate:up\n",
      "1_a.sql:2:1: the options differ from those of the section before"
    ),
    ("-- migrate:sideways\n", "1_a.sql:1:4: unknown mark \"migrate:sideways\""),
    (
      "-- migrate:up CREATE TABLE a (x int);\n",
      "1_a.sql:1:15: what stands behind the mark is a comment, and a statement there would never run"
    ),
  ])
  func `A broken file is refused with its place`(text: String, expected: String) {
    let error = problem { _ = try migrator(["1_a.sql": text]) }
    #expect(error?.description.hasPrefix(expected) == true)
  }

  /// What follows would drop the table right behind its creation.
  @Test(arguments: [
    "-- migrate :down", "-- Migrate: Down", "/* migrate:down */", "  -- migrate:down", "---migrate:down;",
  ])
  func `A comment that reads like a mark is refused`(mark: String) {
    let text = "-- migrate:up\nCREATE TABLE a ();\n\(mark)\nDROP TABLE a;\n"
    let error = problem { _ = try migrator(["1_a.sql": text]) }
    #expect(error?.description.hasPrefix("1_a.sql:3:") == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    "-- migrate: uploads are moved", "-- how to migrate: down is below", "-- Migrate: upload", "--",
  ])
  func `A comment that is not a mark is a comment`(text: String) throws {
    let isRefused = text.hasPrefix("-- migrate:")
    let file = "-- migrate:up adds tables; drops none\nSELECT 1;\n\(text)\n"
    let error = problem { _ = try migrator(["1_a.sql": file]) }
    // The word of the mark alone is a mark without a direction.
    #expect((error != nil) == isRefused)
  }

  @Test func `Two files of one version are refused, however the number is written`() {
    let error = problem { _ = try migrator(["1_a.sql": "-- migrate:up\n", "0001_b.sql": "-- migrate:up\n"]) }
    #expect(error?.code == .duplicateVersion)
  }

  @Test func `All broken files are reported together`() {
    let errors = #expect(throws: MigrationErrors.self) {
      try migrator(["1_a.sql": "SELECT 1;", "2_b.sql": "-- migrate:up\n", "3_c.sql": "oops"])
    }
    #expect(errors?.errors.map { $0.location?.file } == ["1_a.sql", "3_c.sql"])
  }

  @Test func `Files run in the order of their numbers, repeatable ones behind them`() throws {
    let names = ["10_c.sql", "9_b.sql", "R__views.sql", "20260101000000_d.sql", "008_a.sql"]
    let files = Dictionary(uniqueKeysWithValues: names.map { ($0, "-- migrate:up\n") })
    #expect(try migrator(files).migrations.map(\.id.key) == ["008", "9", "10", "20260101000000", "R__views"])
  }

  @Test func `A byte order mark and CRLF change nothing`() throws {
    let plain = "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n"
    let windows = "\u{FEFF}" + plain.split(separator: "\n").map { $0 + "\r\n" }.joined()
    #expect(try migration(plain).templateHash == migration(windows).templateHash)
    #expect(try migrator(["1_a.sql": plain]).render() == migrator(["1_a.sql": windows]).render())
  }

  @Test func `Bytes that are not UTF-8 are refused with their place`() {
    let error = problem {
      _ = try SourceFile(path: "1_a.sql", bytes: Array("-- migrate:up\nSELECT '".utf8) + [0xE4, 0x27])
    }
    #expect(error?.code == .unreadableFile)
    #expect(error?.location?.description == "1_a.sql:2:9")
  }

  @Test(arguments: [
    ("V2__b.sql", "rename it to 2_b.sql"), ("v1__b.sql", "rename it to 0002_v1_b.sql"),
    ("create_users.sql", "rename it to 0002_create_users.sql"), ("R_views.sql", "rename it to R__views.sql"),
    ("0005_x.SQL", "rename it to 0005_x.sql"), ("V1.2__b.sql", "rename it to 0002_V1_2_b.sql"),
    (".sql", "rename it to 0002_migration.sql"), ("R__.sql", "rename it to 0002_R.sql"),
  ])
  func `A SQL file that is not named like a migration is refused with a name that works`(
    name: String,
    hint: String
  ) throws {
    let found = problem { _ = try migrator([name: "-- migrate:up\n", "0001_a.sql": "-- migrate:up\n"]) }
    let error = try #require(found)
    #expect(error.code == .invalidFile)
    #expect(error.message.hasPrefix("\(name) is not named like a migration"))
    #expect(error.hint == hint)
    let better = String(hint.dropFirst("rename it to ".count))
    #expect(
      problem { _ = try migrator([better: "-- migrate:up\n", "0001_a.sql": "-- migrate:up\n"]) } == nil
    )
  }

  /// The forms in dbmate's README, and what its parser takes beyond them.
  @Test(
    arguments: [
      (
        """
        -- migrate:up
        CREATE TABLE users (id SERIAL PRIMARY KEY);

        -- migrate:down
        DROP TABLE users;

        -- migrate:up
        ALTER TABLE users ADD COLUMN email VARCHAR;

        -- migrate:down
        ALTER TABLE users DROP COLUMN email;
        """,
        ["CREATE TABLE users (id SERIAL PRIMARY KEY)", "ALTER TABLE users ADD COLUMN email VARCHAR"],
        "ALTER TABLE users DROP COLUMN email;\n;\nDROP TABLE users;\n\n"
      ),
      ("-- migrate:up\n\n-- migrate:down\n", [], ""),
      (
        "-- migrate:up creates the users table\nSELECT 1\n-- migrate:up\nSELECT 2", ["SELECT 1", "SELECT 2"],
        nil
      ),
      (
        "--migrate:up transaction:false owner:alice at 12:30\nSELECT 1 -- no end\n-- migrate:down\n",
        ["SELECT 1"], ""
      ),
      (
        "-- migrate:up transaction:true\nSELECT 1;\n-- migrate:up transaction:false\nSELECT 2;\n",
        ["SELECT 1", "SELECT 2"], nil
      ),
    ] as [(String, [String], String?)]
  )
  func `dbmate's files run as they are`(text: String, statements: [String], down: String?) throws {
    let migrator = try migrator(["20151127184807_create_users.sql": text])
    let file = try #require(try migrator.render().first)
    #expect(file.statements == statements)
    #expect(file.down == down)
    #expect(migrator.problems() == [])
  }

  @Test(arguments: [
    "-- migrate:up\nSELECT 'a\n-- migrate:up\nb';\n", "-- migrate:up\n/* a\n-- migrate:up\n*/ SELECT 1;\n",
    "-- migrate:up\nCOPY t FROM stdin;\n1\n-- migrate:up\nSELECT 1;\n",
  ])
  func `A part of a section that is not closed does not take the next one in`(text: String) throws {
    #expect(try migrator(["1_a.sql": text]).problems().first?.code == .invalidSQL)
  }
}
