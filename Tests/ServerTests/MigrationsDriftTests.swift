import Migrations
import PostgresClient
import Testing

/// Files, parameters and history that disagree.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsDriftTests {
  private let manifest = "[dim]\ntype = \"int\"\ndefault = 1000\n"
  private let template =
    "-- migrate:up\nCREATE TABLE a (v real[]{{#if dim > 5000}} NOT NULL{{/if}}); -- {{dim}}\n-- migrate:down\nDROP TABLE a;\n"

  private func applied(_ body: (PostgresConnection) async throws -> Void) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      _ = try await migrator(["1_a.sql": template], manifest: manifest).up(on: connection).report
      try await body(connection)
    }
  }

  private func drift(_ migrator: Migrator, _ connection: PostgresConnection) async throws -> [String] {
    try await migrator.status(on: connection).migrations.flatMap(\.drift).map(\.description)
  }

  @Test func `An edited file is told from a changed parameter`() async throws {
    try await applied { connection in
      let edited = try migrator(["1_a.sql": template + "-- more\n"], manifest: manifest)
      #expect(try await drift(edited, connection) == ["the file was edited after it ran"])
      let other = try migrator(["1_a.sql": template], manifest: manifest, parameters: ["dim": "512"])
      #expect(try await drift(other, connection) == ["parameter drift: dim was 1000, is 512"])
      for changed in [edited, other] {
        let errors = await #expect(throws: MigrationErrors.self) {
          try await changed.up(on: connection).report
        }
        #expect(errors?.errors.map(\.code) == [.drift])
        #expect(try await changed.validate(on: connection).map(\.code) == [.drift])
      }
    }
  }

  @Test func `CRLF and a byte order mark are no edit`() async throws {
    try await applied { connection in
      let windows = "\u{FEFF}" + template.split(separator: "\n").map { $0 + "\r\n" }.joined()
      let same = try migrator(["1_a.sql": windows], manifest: manifest)
      #expect(try await drift(same, connection) == [])
    }
  }

  @Test func `A way down that fails takes nothing back`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql":
          "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\nDROP TABLE no_such_table;\n"
      ])
      _ = try await migrator.up(on: connection).report
      let error = await #expect(throws: MigrationError.self) {
        try await migrator.down(on: connection).report
      }
      #expect(error?.location?.description == "1_a.sql:5:1")
      #expect(error?.sqlState == "42P01")
      #expect(try await connection.column("SELECT to_regclass('a')") == ["a"])
      let status = try #require(try await migrator.status(on: connection).migrations.first)
      #expect(status.state == .applied)
      #expect(status.record?.error?.contains("no_such_table") == true)
    }
  }

  @Test func `A rename is told of and stops nothing`() async throws {
    try await applied { connection in
      let renamed = try migrator(["1_b.sql": template], manifest: manifest)
      #expect(try await drift(renamed, connection) == ["the file was called a"])
      #expect(try await renamed.up(on: connection).report.migrations == [])
    }
  }

  @Test func `repair accepts what drifted`() async throws {
    try await applied { connection in
      let other = try migrator(["1_a.sql": template], manifest: manifest, parameters: ["dim": "512"])
      #expect(try await other.bless(on: connection).versions == ["1"])
      #expect(try await drift(other, connection) == [])
      #expect(try await other.bless(on: connection).versions == [])
    }
  }

  @Test func `redo takes the old value down and the new one up`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = [
        "1_a.sql": "-- migrate:up\nCREATE TABLE {{name}} (id int);\n-- migrate:down\nDROP TABLE {{name}};\n"
      ]
      let manifest = "[name]\ntype = \"identifier\"\n"
      _ = try await migrator(files, manifest: manifest, parameters: ["name": "old"]).up(on: connection).report
      let other = try migrator(files, manifest: manifest, parameters: ["name": "new"])
      #expect(try await other.redo(on: connection).report.migrations.map(\.direction) == [.down, .up])
      #expect(try await connection.column("SELECT to_regclass('old')") == ["NULL"])
      #expect(try await connection.column("SELECT to_regclass('new')") == ["new"])
      #expect(try await other.status(on: connection).hasDrift == false)
    }
  }

  @Test func `A missing file stops, unless its version is newer than all files`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let file = "-- migrate:up\nSELECT 1;\n"
      _ = try await migrator(["1_a.sql": file, "2_b.sql": file, "3_c.sql": file]).up(on: connection).report
      #expect(
        try await migrator(["1_a.sql": file, "2_b.sql": file]).up(on: connection).report.migrations == []
      )
      let gap = try migrator(["1_a.sql": file, "3_c.sql": file])
      #expect(try await drift(gap, connection) == ["the file is missing"])
      #expect(try await gap.markPending("2", on: connection).versions == ["2"])
      #expect(try await gap.up(on: connection).report.migrations == [])
    }
  }

  @Test func `A late lower version is refused, and runs when it is allowed`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let file = "-- migrate:up\nSELECT 1;\n"
      _ = try await migrator(["1_a.sql": file, "3_c.sql": file]).up(on: connection).report
      let late = ["1_a.sql": file, "2_b.sql": file, "3_c.sql": file]
      let errors = await #expect(throws: MigrationErrors.self) {
        try await migrator(late).up(on: connection).report
      }
      #expect(errors?.errors.map(\.code) == [.outOfOrder])
      #expect(try await migrator(late).status(on: connection).migrations[1].isOutOfOrder)
      let allowed = try migrator(late) { $0.allowOutOfOrder = true }
      #expect(try await allowed.up(on: connection).report.migrations.map(\.version) == ["2"])
    }
  }

  @Test func `baseline adopts a database that other means have made`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      try await connection.run("CREATE TABLE a (id int)")
      let files = [
        "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n",
        "2_b.sql": "-- migrate:up\nCREATE TABLE b (id int);\n",
      ]
      #expect(try await migrator(files).baseline("1", on: connection).versions == ["1"])
      #expect(try await migrator(files).up(on: connection).report.migrations.map(\.version) == ["2"])
      await #expect(throws: MigrationError.self) { try await migrator(files).baseline("2", on: connection) }
    }
  }

  @Test func `repair marks a version as applied`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let files = ["1_a.sql": "-- migrate:up\nSELECT nope;\n"]
      await #expect(throws: MigrationError.self) { try await migrator(files).up(on: connection).report }
      #expect(try await migrator(files).status(on: connection).migrations[0].state == .failed)
      #expect(try await migrator(files).markApplied("1", on: connection).versions == ["1"])
      #expect(try await migrator(files).up(on: connection).report.migrations == [])
    }
  }

  @Test func `A repeatable file runs again when its SQL changes`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let view = { (value: Int) in
        ["R__v.sql": "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT \(value) AS n;\n"]
      }
      #expect(try await migrator(view(1)).up(on: connection).report.migrations.map(\.version) == ["R__v"])
      #expect(try await migrator(view(1)).up(on: connection).report.migrations == [])
      #expect(try await migrator(view(2)).status(on: connection).migrations.map(\.state) == [.changed])
      #expect(try await migrator(view(2)).up(on: connection).report.migrations.count == 1)
      #expect(try await connection.column("SELECT n FROM v") == ["2"])
      let broken = ["R__v.sql": "-- migrate:up\nSELECT nope;\n"]
      await #expect(throws: MigrationError.self) { try await migrator(broken).up(on: connection).report }
      #expect(try await migrator(view(2)).up(on: connection).report.migrations == [])
    }
  }

  @Test func `What cannot go down says why`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up\nSELECT 1;\n",
        "2_b.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down irreversible:\"rows are gone\"\n",
      ])
      _ = try await migrator.up(on: connection).report
      let errors = await #expect(throws: MigrationErrors.self) {
        try await migrator.down(MigrationTarget(version: "0"), on: connection).report
      }
      #expect(
        errors?.errors.map(\.message) == [
          "2 b cannot go down: rows are gone", "1 a has no section \"-- migrate:down\"",
        ]
      )
    }
  }
}
