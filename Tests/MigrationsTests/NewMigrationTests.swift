import Foundation
import Migrations
import TestSupport
import Testing

/// `new`, and what it makes of the folder's names.
@Suite struct NewMigrationTests {
  private func folder(_ names: [String], _ body: (String) throws -> Void) throws {
    let folder = try TemporaryFolder()
    for name in names { _ = try folder.file(name, "-- migrate:up\n") }
    try body(folder.path)
  }

  @Test(arguments: [
    (["0001_a.sql", "0003_b.sql"], "0004_add_an_index.sql"), (["9_a.sql"], "10_add_an_index.sql"),
    (["999_a.sql", "readme.md"], "1000_add_an_index.sql"),
    (["99991231235959_a.sql"], "100000101000000_add_an_index.sql"),
    (["20261130235959_a.sql", "29991231235959_b.sql"], "30000101000000_add_an_index.sql"),
    (["9223372036854775807_a.sql"], "9223372036854775808_add_an_index.sql"),
  ])
  func `A new file goes on with the numbers`(names: [String], expected: String) throws {
    try folder(names) { folder in
      let path = try MigrationSource.createMigration(named: "Add an  index!", in: folder)
      #expect(path == "\(folder)/\(expected)")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "-- migrate:up\n\n\n-- migrate:down\n\n")
      #expect(
        try MigrationSource.folder(folder).files.count == names.filter { $0.hasSuffix(".sql") }.count + 1
      )
    }
  }

  @Test(arguments: [[], ["20260101120000_a.sql"]])
  func `Among times, or alone, it takes the time`(names: [String]) throws {
    try folder(names) { folder in
      let path = try MigrationSource.createMigration(named: "x", in: folder + "/made")
      let other = try MigrationSource.createMigration(named: "x", in: folder)
      for path in [path, other] {
        let name = path.split(separator: "/").last ?? ""
        #expect(name.count == 20 && name.hasSuffix("_x.sql"))
      }
    }
  }

  @Test func `Files made in the same second get versions of their own, by several processes at once too`()
    async throws
  {
    let folder = try TemporaryFolder()
    let path = folder.path + "/new"
    try await withThrowingTaskGroup { group in
      for number in 0..<40 {
        group.addTask { _ = try MigrationSource.createMigration(named: "file \(number)", in: path) }
      }
      try await group.waitForAll()
    }
    #expect(try Migrator(source: .folder(path), dialect: .pgvector).migrations.count == 40)
  }

  @Test func `A name without letters is refused`() throws {
    try folder([]) { folder in
      #expect(throws: MigrationError.self) { try MigrationSource.createMigration(named: "!?", in: folder) }
    }
  }

  @Test(arguments: [
    ["parameters.yml"], ["parameters.yaml", "parameters.toml"], ["parameters.toml", "parameters.yml"],
  ])
  func `Parameters in another file, or in two, are not passed over`(names: [String]) throws {
    try folder(["0001_a.sql"] + names) { folder in
      let error = #expect(throws: MigrationError.self) { try MigrationSource.folder(folder) }
      #expect(error?.code == .invalidManifest)
      #expect(error?.message.contains("\(folder)\(names.count == 1 ? "/" : " has both ")\(names[0])") == true)
    }
  }

  @Test func `A folder that is not there is an error with its name`() {
    let error = #expect(throws: MigrationError.self) { try MigrationSource.folder("/no/such/folder") }
    #expect(error?.message == "cannot open the folder /no/such/folder: No such file or directory")
  }
}
