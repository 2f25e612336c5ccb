import Migrations
import PostgresClient
import Testing

/// Files, parameters and history that disagree.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsDriftTests {
  private let manifest = "dim:\n  type: int\n  default: 1000\n"
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

  @Test func `CRLF and a byte order mark are not an edit`() async throws {
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
      let manifest = "name:\n  type: identifier\n"
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

  private let half = "-- migrate:up transaction:false\nCREATE TABLE h (id int);\nSELECT 1/0;\nSELECT 2;\n"
  private let whole = "-- migrate:up\nSELECT 1;\n"

  private func errors(_ migrator: Migrator, _ connection: PostgresConnection) async -> [MigrationError] {
    do {
      _ = try await migrator.up(on: connection).report
      return []
    } catch let errors as MigrationErrors {
      return errors.errors
    } catch {
      return (error as? MigrationError).map { [$0] } ?? []
    }
  }

  @Test(
    arguments: [
      ([:], "bring the file back and finish it"),
      (["3_half.sql": "half"], "give 3_half.sql the version 2 again and finish it"),
      (["3_other.sql": "half"], "give 3_other.sql the version 2 again and finish it"),
      (["3_half.sql": "corrected"], "give 3_half.sql the version 2 again and finish it"),
    ] as [([String: String], String)]
  )
  func `A half-done file that is gone stops a run, however high its version`(
    others: [String: String],
    advice: String
  ) async throws {
    let others = others.mapValues { $0 == "half" ? half : "-- migrate:up\nCREATE TABLE h (id int);\n" }
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      #expect(await errors(try migrator(["1_a.sql": whole, "2_half.sql": half]), connection).count == 1)
      let without = try migrator(["1_a.sql": whole].merging(others) { $1 })
      let status = try await without.status(on: connection)
      #expect(status.hasDrift)
      let found = await errors(without, connection)
      #expect(found.map(\.code) == [.drift])
      #expect(
        found.first?.message.contains(
          "the file is missing, and its way up stopped behind statement 1 of 3 (2_half.sql:3:1"
        )
          == true,
        "\(found)"
      )
      #expect(found.first?.hint?.hasPrefix(advice) == true, "\(found)")
      #expect(found.first?.hint?.contains("'adbvec migrate repair --mark-pending 2'") == true)
      let down = await #expect(throws: MigrationErrors.self) { try await without.down(on: connection).report }
      #expect(down?.errors.first?.hint?.hasPrefix(advice) == true)
      _ = try await connection.run("DROP TABLE h")
      #expect(try await without.markPending("2", on: connection).versions == ["2"])
      if others.values.contains(half) { return }
      #expect(await errors(without, connection) == [])
    }
  }

  @Test func `A half-done way down that lost its file stops a run`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let file = "-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false\nSELECT 2;\nSELECT 1/0;\n"
      let both = try migrator(["1_a.sql": whole, "2_b.sql": file])
      _ = try await both.up(on: connection).report
      await #expect(throws: MigrationError.self) { try await both.down(on: connection).report }
      let found = await errors(try migrator(["1_a.sql": whole]), connection)
      #expect(
        found.first?.message.contains("its way down stopped behind statement 1 of 2") == true,
        "\(found)"
      )
      #expect(found.first?.hint?.contains("'adbvec migrate down 1'") == true)
    }
  }

  @Test func `A transactional file that failed and is gone left nothing behind and stops nothing`()
    async throws
  {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let broken = "-- migrate:up\nCREATE TABLE x (id int);\nSELECT 1/0;\n"
      #expect(await errors(try migrator(["1_a.sql": whole, "2_b.sql": broken]), connection).count == 1)
      let renumbered = try migrator([
        "1_a.sql": whole, "3_b.sql": "-- migrate:up\nCREATE TABLE x (id int);\n",
      ])
      #expect(await errors(renumbered, connection) == [])
      #expect(try await renumbered.status(on: connection).hasDrift == false)
      // Also where it was the only one, and below those that ran.
      let other = try await database.connect()
      _ = try await other.run("DROP TABLE x, adbvec_migrations")
      #expect(await errors(try migrator(["1_b.sql": broken]), connection).count == 1)
      #expect(await errors(try migrator(["2_b.sql": whole]), connection) == [])
    }
  }

  @Test func `What a newer release is running is waited for and not taken for half done`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let blocker = try await database.connect()
      _ = try await blocker.run("CREATE TABLE busy (id int)")
      _ = try await blocker.run("BEGIN; LOCK TABLE busy")
      let slow = "-- migrate:up transaction:false lock-timeout:0\nSELECT 1;\nINSERT INTO busy VALUES (1);\n"
      let newer = try migrator(["1_a.sql": whole, "2_slow.sql": slow]).up(on: try await database.connect())
      try await waitUntil {
        let done = "SELECT statements_done FROM adbvec_migrations WHERE version = '2'"
        return (try? await connection.column(done)) == ["1"]
      }
      let older = try migrator(["1_a.sql": whole]).up(on: connection)
      var waited = false
      for await event in older {
        guard case .waitingForLock = event else { continue }
        waited = true
        _ = try await blocker.run("ROLLBACK")
      }
      #expect(waited)
      #expect(try await older.report.migrations == [])
      #expect(try await newer.report.migrations.map(\.version) == ["1", "2"])
    }
  }

  @Test func `A way down that stopped half-way goes on with a file whose rest was corrected`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let file = { (first: String, last: String) in
        [
          "1_a.sql":
            "-- migrate:up\nCREATE TABLE a (id int);\nCREATE TABLE b (id int);\n-- migrate:down transaction:false\n\(first);\n\(last);\n"
        ]
      }
      let broken = try migrator(file("DROP TABLE a", "DROP TABLE nope"))
      _ = try await broken.up(on: connection).report
      await #expect(throws: MigrationError.self) { try await broken.down(on: connection).report }
      let changed = try migrator(file("DROP TABLE IF EXISTS a", "DROP TABLE b"))
      let errors = await #expect(throws: MigrationErrors.self) {
        try await changed.down(on: connection).report
      }
      #expect(errors?.errors.first?.message.contains("were changed since they ran") == true)
      let corrected = try migrator(file("DROP TABLE a", "DROP TABLE b"))
      #expect(try await corrected.down(on: connection).report.migrations.map(\.statements) == [1])
      #expect(try await connection.column("SELECT count(*) FROM adbvec_migrations") == ["0"])
      #expect(try await connection.column("SELECT to_regclass('b')") == ["NULL"])
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
