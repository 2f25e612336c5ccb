import Foundation
import Testing
import VectorSQL

/// `sql/<dialect>/<name>.sql` is what the builder writes; `ADBVEC_WRITE_SQL=1 swift test --filter LibraryFileTests`
/// writes the files anew.
@Suite("The files in sql/ are what the builder writes", .serialized)
struct LibraryFileTests {
  static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("sql")

  @Test("each file", arguments: LibraryStatement.all.map { $0.name }, Dialect.all.map { $0.name })
  func file(_ name: String, _ dialectName: String) throws {
    let dialect = try #require(Dialect(name: dialectName))
    let statement = try #require(LibraryStatement(name: name))
    let text = try statement.script(dialect: dialect).text
    let file = Self.folder.appendingPathComponent("\(dialectName)/\(name).sql")
    if ProcessInfo.processInfo.environment["ADBVEC_WRITE_SQL"] == "1" {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
  }

  @Test("no file without a statement", arguments: Dialect.all.map { $0.name })
  func nothingElse(_ dialectName: String) throws {
    let files = try FileManager.default.contentsOfDirectory(
      atPath: Self.folder.appendingPathComponent(dialectName).path
    )
    #expect(Set(files) == Set(LibraryStatement.all.map { $0.name + ".sql" }))
  }
}
