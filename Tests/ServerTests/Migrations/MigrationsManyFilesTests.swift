import Basics
import Foundation
import PostgresClient
import SQLLexer
import TestSupport
import Testing

@testable import Migrations

/// Many files, and large ones.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsManyFilesTests {
  private func lazy(_ files: [String: String], manifest: String? = nil, _ given: [String: String] = [:])
    throws -> Migrator
  {
    try Migrator(
      source: .embedded(files, manifest: manifest),
      parameters: given,
      dialect: .pgvector,
      options: MigratorOptions(),
      readsAppliedFiles: false
    )
  }

  private func files(_ count: Int) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: (1...count).map {
        ("\($0)_t.sql", "-- migrate:up\nCREATE TABLE t\($0) (id int);\n-- migrate:down\nDROP TABLE t\($0);\n")
      }
    )
  }

  @Test func `Files that ran unchanged are not read again, and everything else is found as before`()
    async throws
  {
    var files = files(60)
    files["61_p.sql"] = "-- migrate:up\nCREATE TABLE {{table}} (id int);\n"
    files["62_q.sql"] = "-- migrate:up\nCREATE TABLE q (id int); -- {{table}}\n"
    let manifest = "table:\n  type: identifier\n  default: p\n"
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let first = try await lazy(files, manifest: manifest).up(on: connection).report
      #expect(first.migrations.count == 62)
      #expect(try await lazy(files, manifest: manifest).up(on: connection).report.migrations == [])
      let records = try await session(connection).readState().records
      let rendered = try await lazy(files, manifest: manifest).rendered(for: connection, knowing: records)
      #expect(rendered?.migrations.filter(\.isUnread).count == 62)
      #expect(rendered?.migrations.map(\.id.key) == (1...62).map(String.init))

      // Another value, an edit, a missing file, a new file.
      let changed = try lazy(files, manifest: manifest, ["table": "other"])
      #expect(try await changed.status(on: connection).hasDrift)
      await #expect(throws: MigrationErrors.self) { _ = try await changed.up(on: connection).report }
      var edited = files
      edited["7_t.sql"] = "-- migrate:up\nCREATE TABLE t7 (id bigint);\n-- migrate:down\nDROP TABLE t7;\n"
      let eager = try Migrator(source: .embedded(edited, manifest: manifest), dialect: .pgvector)
      let one = try await lazy(edited, manifest: manifest).status(on: connection)
      #expect(try await one.migrations == eager.status(on: connection).migrations)
      #expect(one.hasDrift)
      var missing = files
      missing["9_t.sql"] = nil
      #expect(try await lazy(missing, manifest: manifest).status(on: connection).hasDrift)
      files["63_new.sql"] = "-- migrate:up\nCREATE TABLE new (id int);\n"
      #expect(
        try await lazy(files, manifest: manifest).up(on: connection).report.migrations.map(\.version) == [
          "63"
        ]
      )
      files["64_broken.sql"] = "CREATE TABLE broken (id int);\n"
      await #expect(throws: MigrationErrors.self) {
        _ = try await lazy(files, manifest: manifest).up(on: connection).report
      }
    }
  }

  @Test func `A run without anything to do asks for a line each, and any difference makes it look closer`()
    async throws
  {
    var files = files(60)
    files["61_p.sql"] = "-- migrate:up\nCREATE TABLE {{table}} (id int);\n"
    files["R__view.sql"] = "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT 1 AS one;\n"
    files["63_array.sql"] = "-- migrate:up\nCREATE TABLE pairs (v int[] DEFAULT '{{1,2},{3,4}}');\n"
    let manifest = "table:\n  type: identifier\n  default: p\n"
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      func isUpToDate(_ files: [String: String], _ given: [String: String] = [:]) async throws -> Bool {
        let migrator = try lazy(files, manifest: manifest, given)
        return try await migrator.isUpToDate(migrator.session(connection))
      }
      #expect(try await isUpToDate(files) == false)
      #expect(try await lazy(files, manifest: manifest).up(on: connection).report.migrations.count == 63)
      #expect(try await isUpToDate(files))
      #expect(try await isUpToDate(files, ["table": "q"]) == false)
      let view = "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT 2 AS one;\n"
      let edits: [(inout [String: String]) -> Void] = [
        { $0["7_t.sql"] = "-- migrate:up\nCREATE TABLE t7 (id bigint);\n" }, { $0["7_t.sql"] = nil },
        { $0["61_p.sql"] = nil }, { $0["61_p.sql"]? += "-- more\n" }, { $0["R__view.sql"] = view },
        { $0["62_new.sql"] = $0["7_t.sql"] }, { $0["62_new.sql"] = $0["61_p.sql"] },
        { $0["63_array.sql"]? += "-- more\n" }, { $0["63_array.sql"] = nil },
        { $0["7_other.sql"] = $0.removeValue(forKey: "7_t.sql") },
        { $0["61_q.sql"] = $0.removeValue(forKey: "61_p.sql") },
        { $0["007_t.sql"] = $0.removeValue(forKey: "7_t.sql") },
      ]
      for (number, edit) in edits.enumerated() {
        var edited = files
        edit(&edited)
        #expect(try await isUpToDate(edited) == false, "\(number)")
      }
      for (change, back) in [
        ("state = 'failed'", "state = 'applied'"), ("state = NULL", "state = 'applied'"),
        ("format = NULL", "format = 2"), ("format = 3", "format = 2"), ("name = NULL", "name = 't'"),
        ("parameters = '{\"table\":\"p\"}'", "parameters = '{}'"), ("version = '70'", "version = '7'"),
      ] {
        for (set, expected) in [(change, false), (back, true)] {
          _ = try await connection.run(
            trusted: "UPDATE adbvec_migrations SET \(set) WHERE version IN ('7', '70')"
          )
          #expect(await (try? isUpToDate(files)) ?? false == expected, "\(set)")
        }
      }
      // A history of an earlier version, and none.
      _ = try await connection.run("ALTER TABLE adbvec_migrations DROP COLUMN format")
      #expect(try await isUpToDate(files) == false)
      #expect(try await lazy(files, manifest: manifest).up(on: connection).report.migrations == [])
      _ = try await connection.run("DROP TABLE adbvec_migrations")
      #expect(try await isUpToDate(files) == false)
    }
  }

  @Test func `A history without its primary key is up to date with the same rows alone`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try lazy(files(60))
      #expect(try await migrator.up(on: connection).report.migrations.count == 60)
      #expect(try await migrator.isUpToDate(migrator.session(connection)))
      let copy = "INSERT INTO adbvec_migrations SELECT * FROM adbvec_migrations WHERE version = '6'"
      for change in ["DROP CONSTRAINT adbvec_migrations_pkey", "ADD COLUMN note text"] {
        _ = try await connection.run(trusted: "ALTER TABLE adbvec_migrations \(change)")
        #expect(try await migrator.isUpToDate(migrator.session(connection)), "\(change)")
      }
      _ = try await connection.run(trusted: "DELETE FROM adbvec_migrations WHERE version = '7'; \(copy)")
      #expect(try await migrator.isUpToDate(migrator.session(connection)) == false)
      _ = try await connection.run(
        "UPDATE adbvec_migrations SET version = '61' WHERE ctid = (SELECT max(ctid) FROM adbvec_migrations)"
      )
      #expect(try await migrator.isUpToDate(migrator.session(connection)) == false)
    }
  }

  @Test func `A template that ran is rendered again when anything that it depends on has changed`()
    async throws
  {
    var files = files(60)
    files["61_p.sql"] =
      "-- migrate:up\nCREATE TABLE {{table}} (id int{{#if extra}}, extra {{extra}}{{/if}});\n"
    files["62_c.sql"] = "-- migrate:up\nSELECT {{#capability on_conflict}}1{{else}}2{{/capability}};\n"
    let manifest = { (type: String) in
      "table:\n  type: identifier\n  default: p\nextra:\n  type: \(type)\n  optional: true\n"
        + "unused:\n  type: int\n  default: 1\n"
    }
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      _ = try await lazy(files, manifest: manifest("identifier")).up(on: connection).report
      let records = try await session(connection).readState().records
      func unread(_ manifest: String, _ given: [String: String] = [:]) async throws -> [String] {
        try await lazy(files, manifest: manifest, given).rendered(for: connection, knowing: records)?
          .migrations.filter(\.isUnread).map(\.id.key).filter { ["61", "62"].contains($0) } ?? []
      }
      // What the server can do may change, so that file is always rendered.
      #expect(try await unread(manifest("identifier")) == ["61"])
      #expect(try await unread(manifest("identifier"), ["unused": "2"]) == ["61"])
      #expect(try await unread(manifest("identifier"), ["extra": "int"]) == [])
      #expect(try await unread(manifest("identifier"), ["table": "q"]) == [])
      #expect(try await unread(manifest("literal")) == [])
      let drifted = try lazy(files, manifest: manifest("identifier"), ["extra": "int"])
      #expect(
        try await drifted.status(on: connection).migrations.flatMap(\.drift).map(\.description) == [
          "parameter drift: extra was unset, is int"
        ]
      )
      _ = try await drifted.bless(on: connection)
      #expect(try await drifted.status(on: connection).hasDrift == false)
      // A history without the column is read as before.
      _ = try await connection.run("ALTER TABLE adbvec_migrations DROP COLUMN inputs")
      #expect(try await drifted.status(on: connection).hasDrift == false)
      #expect(try await drifted.up(on: connection).report.migrations == [])
    }
  }

  private func session(_ connection: PostgresConnection) throws -> MigrationSession {
    try lazy(files(60)).session(connection)
  }

  @Test func `A COPY of 40 MB is sent from the disk`() async throws {
    let temporary = try TemporaryFolder()
    let row = String(repeating: "x", count: 990)
    var text = "-- migrate:up\nCREATE TABLE large (id int, note text);\nCOPY large FROM stdin;\n"
    for id in 1...40_000 { text += "\(id)\t\(row)\n" }
    text += "\\.\nINSERT INTO large VALUES (0, 'last');\n"
    let file = try temporary.file("1_large.sql", text)
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try Migrator(source: .folder(temporary.path), dialect: .pgvector)
      #expect(migrator.source.files[0].data.count == 1 && migrator.source.files[0].text.utf8.count < 1000)
      _ = try await migrator.up(on: connection).report
      #expect(
        try await connection.column("SELECT count(*) || ' ' || sum(length(note)) FROM large") == [
          "40001 39600004"
        ]
      )
      #expect(try await migrator.up(on: connection).report.migrations == [])
      #expect(try await migrator.validate(on: connection) == [])
      // The same data stands in the plan and in the rendered file; JSON names its place.
      var plan = SHA256()
      var largest = 0
      try migrator.planFromNothing().write { part in
        largest = max(largest, part.utf8.count)
        plan.update(Array(part.utf8))
      }
      #expect(largest < 1_000_000)
      let embedded = try Migrator(source: .embedded(["1_large.sql": text]), dialect: .pgvector)
      let whole = try embedded.planFromNothing().psql.replacing(
        "(1_large.sql)",
        with: "(\(file))"
      )
      .replacing(embedded.assumed[0].renderedHash, with: migrator.assumed[0].renderedHash)
      // Nobody looks whether data on the disk is ASCII.
      .replacing("\\set ON_ERROR_STOP on\n", with: "\\set ON_ERROR_STOP on\n\\encoding UTF8\n")
      #expect(plan.hexadecimal() == SHA256.hexadecimal(of: whole))
      let migration = try #require(try migrator.render().first)
      var rendered = ""
      try migration.write(.up) { rendered += $0 }
      #expect("-- migrate:up\n" + rendered == text)
      let json = try String(decoding: JSONEncoder().encode(migration), as: UTF8.self)
      #expect(json.utf8.count < 10_000 && json.contains("\"data_files\":[{"))
      #expect(migration.dataFiles?.map(\.bytes) == [rendered.utf8.count - migration.up.utf8.count])
    }
  }
}
