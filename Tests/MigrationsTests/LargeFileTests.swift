import Foundation
import SQLLexer
import TestSupport
import Testing

@testable import Migrations

/// Files whose COPY data stays on the disk.
@Suite struct LargeFileTests {
  private func file(_ text: String, _ body: (String) throws -> Void) throws {
    let folder = try TemporaryFolder()
    try body(try folder.file("1_a.sql", text))
  }

  private func migration(_ file: SourceFile) throws -> RenderedMigration {
    let renderer = MigrationRenderer(
      parameters: try ParameterSet(manifest: nil, given: [:], dialect: .pgvector),
      dialect: .pgvector,
      capabilities: []
    )
    return try renderer.render(MigrationParser(file: file).parse(.version("1"), name: "a"))
  }

  private func bytes(_ data: CopyData?) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try data?.forEachPart { bytes += $0 }
    return bytes
  }

  private let rows = (1...3000).map { "\($0)\tsome text ä {\($0)} '; -- \n" }.joined()

  private func text(_ lineEnd: String = "\n") -> String {
    let text = """
      -- migrate:up
      CREATE TABLE t (id int, note text);
      copy t from stdin; -- rows
      \(rows)\\.
      COPY t (id) FROM STDOUT;
      1
      \\.
      INSERT INTO t VALUES (0, 'COPY t FROM stdin;');
      COPY t FROM stdin WITH (FORMAT text);
      \(rows)\\.
      SELECT 1;
      -- migrate:down
      DROP TABLE t;

      """
    return lineEnd == "\n"
      ? text : text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: lineEnd)
  }

  @Test(arguments: ["\n", "\r\n"])
  func `A file read in parts is the same migration, with the data on the disk`(lineEnd: String) throws {
    try file(text(lineEnd)) { path in
      let parts = try SourceFile(reading: path, inPartsFrom: 1, leavingOut: 1000)
      let whole = try SourceFile(reading: path)
      #expect(parts.data.count == 2 && parts.text.utf8.count < 1000)
      #expect(parts.hash == whole.hash)
      let (one, other) = (try migration(parts), try migration(whole))
      #expect(SectionCheck(section: one.upSection).errors() == [])
      #expect(one.upSection.statementTexts == other.upSection.statementTexts)
      for (left, right) in zip(one.upSection.script.statements, other.upSection.script.statements) {
        let places = (one.upSection.location(of: left), other.upSection.location(of: right))
        #expect(places.0.description == places.1.description && places.0.line == places.1.line)
        let data = (one.upSection.copyData(of: left), other.upSection.copyData(of: right))
        #expect(try bytes(data.0) == bytes(data.1))
      }
      #expect(one.downSection?.statementTexts == ["DROP TABLE t"])
      #expect(one.upSection.chainedHashes.count == other.upSection.chainedHashes.count)
    }
  }

  @Test(arguments: [
    "-- migrate:up\nSELECT $$\nCOPY t FROM stdin;\nROWS\\.\n$$;\n",
    "-- migrate:up\n/*\nCOPY t FROM stdin;\nROWS\\.\n*/\n",
    "-- migrate:up\nINSERT INTO t VALUES (0, '\nCOPY t FROM stdin;\n');\nCOPY t FROM stdin;\nROWS\\.\n",
    "-- migrate:up\nCOPY t FROM stdin;\n{{v}}\nROWS\\.\n", "-- migrate:up\nCOPY t\nFROM stdin;\nROWS\\.\n",
  ])
  func `Lines that are not data of a COPY, or may hold a parameter, stay in the text`(text: String) throws {
    let text = text.split(separator: "ROWS", maxSplits: 1).joined(separator: rows)
    try file(text) { path in
      let parts = try SourceFile(reading: path, inPartsFrom: 1, leavingOut: 1000)
      #expect(try parts == SourceFile(reading: path))
    }
  }

  @Test func `Data that changed since is not sent as if it were the same`() throws {
    try file(text()) { path in
      let parts = try SourceFile(reading: path, inPartsFrom: 1, leavingOut: 1000)
      try Data(text().replacing("some text", with: "SOME TEXT").utf8).write(to: URL(filePath: path))
      #expect(throws: MigrationError.self) { try parts.data[0].forEachPart { _ in } }
    }
  }

  @Test(arguments: [
    [0xE4, 0x0A], [0x00], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x98],
  ])
  func `Data that is not UTF-8 is refused with its line`(bad: [UInt8]) throws {
    let bytes = Array("-- migrate:up\nCOPY t FROM stdin;\n\(rows)".utf8) + bad + Array("\n\\.\n".utf8)
    try file("") { path in
      try Data(bytes).write(to: URL(filePath: path))
      for smallest in [1, Int.max] {
        let error = #expect(throws: MigrationError.self) {
          try SourceFile(reading: path, inPartsFrom: smallest, leavingOut: 1000)
        }
        #expect(error?.location?.lineNumber == 3003 && error?.location?.column == 1)
      }
    }
  }

  /// Small regular files are read without asking for their size.
  @Test func `Files of every size and kind are read whole, in their order`() throws {
    let temporary = try TemporaryFolder()
    let folder = URL(filePath: temporary.path)
    let sizes = [30, 8191, 8192, 8193, 20_000]
    @Sendable func text(_ size: Int) -> String {
      "-- migrate:up\n" + String(repeating: "-", count: size - 15) + "\n"
    }
    for (place, size) in sizes.enumerated() {
      // Behind each other by number, not by name.
      try text(size).write(
        to: folder.appending(path: "\(place + 8)_a.sql"),
        atomically: false,
        encoding: .utf8
      )
    }
    try FileManager.default.createSymbolicLink(
      at: folder.appending(path: "020_link.sql"),
      withDestinationURL: folder.appending(path: "8_a.sql")
    )
    let pipe = folder.appending(path: "21_pipe.sql").path
    #expect(mkfifo(pipe, 0o600) == 0)
    let writer = Thread { try? Data(text(9000).utf8).write(to: URL(filePath: pipe)) }
    writer.start()
    let files = try MigrationSource.folder(folder.path).files
    #expect(
      files.map(\.name) == [
        "8_a.sql", "9_a.sql", "10_a.sql", "11_a.sql", "12_a.sql", "020_link.sql", "21_pipe.sql",
      ]
    )
    #expect(files.map { String(decoding: $0.text.utf8, as: UTF8.self) } == (sizes + [30, 9000]).map(text))
  }
}
