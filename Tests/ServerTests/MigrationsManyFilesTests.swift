import SQLLexer
import Foundation
import PostgresClient
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
    let manifest = "[table]\ntype = \"identifier\"\ndefault = \"p\"\n"
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let first = try await lazy(files, manifest: manifest).up(on: connection).report
      #expect(first.migrations.count == 62)
      #expect(try await lazy(files, manifest: manifest).up(on: connection).report.migrations == [])
      let records = try await session(connection).readState().records
      let rendered = try await lazy(files, manifest: manifest).rendered(for: connection, knowing: records)
      #expect(rendered?.migrations.filter(\.isUnread).count == 60)
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

  private func session(_ connection: PostgresConnection) throws -> MigrationSession {
    try lazy(files(60)).session(connection)
  }

  @Test func `A COPY of 40 MB is sent from the disk`() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "large-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let row = String(repeating: "x", count: 990)
    var text = "-- migrate:up\nCREATE TABLE large (id int, note text);\nCOPY large FROM stdin;\n"
    for id in 1...40_000 { text += "\(id)\t\(row)\n" }
    text += "\\.\nINSERT INTO large VALUES (0, 'last');\n"
    try Data(text.utf8).write(to: URL(filePath: folder + "/1_large.sql"))
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let migrator = try Migrator(source: .folder(folder), dialect: .pgvector)
      #expect(migrator.source.files[0].data.count == 1 && migrator.source.files[0].text.utf8.count < 1000)
      _ = try await migrator.up(on: connection).report
      #expect(
        try await connection.column("SELECT count(*) || ' ' || sum(length(note)) FROM large") == [
          "40001 39600004"
        ]
      )
      #expect(try await migrator.up(on: connection).report.migrations == [])
      #expect(try await migrator.validate(on: connection) == [])
    }
  }
}
