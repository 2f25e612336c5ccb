import Foundation
import TestSupport
import Testing

/// Text from the database is harmless on a terminal, keeps its row in a table, and is exact in CSV and JSON.
@Suite struct TerminalOutputTests {
  private static let hostile = "E'\\x1b]0;owned\\x07\\x1b[31mred\\nsecond line'"
  private static let setUp = """
    CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(3));
    INSERT INTO image_search VALUES (1, 'a', '[1,2,3]'), (2, \(hostile), '[1,2,4]'), (3, 'c', '[9,9,9]');
    """

  private func search(_ words: String, on database: TestDatabase, terminal: Bool) async throws -> String {
    let command = "\"$0\" search --id 1 -k 2 \(words)"
    let script =
      terminal
      ? "script -qec \"\(command.replacing("\"$0\"", with: Program.adbvec))\" /dev/null </dev/null" : command
    let finished = try await Program.run(
      "/bin/sh",
      ["-c", script, Program.adbvec],
      environment: ["DATABASE_URL": database.url]
    )
    #expect(finished.exitCode == 0, "\(finished.error)")
    return finished.output
  }

  @Test func controlCharactersDoNotReachATerminal() async throws {
    try await TestServer.withDatabase { database in
      _ = try await Program.psql(Self.setUp, on: database)
      for format in ["--format table", "--format csv", "--format json"] {
        let shown = try await search(format, on: database, terminal: true)
        #expect(!shown.contains("\u{1B}]0;owned") && !shown.contains("\u{1B}[31m"), "\(format)")
        #expect(shown.contains("owned"), "\(format)")
      }
    }
  }

  @Test func aLineBreakStaysInItsRow() async throws {
    try await TestServer.withDatabase { database in
      _ = try await Program.psql(Self.setUp, on: database)
      let table = try await search("--format table", on: database, terminal: false)
      #expect(table.split(separator: "\n").count == 4, "\(table)")
      #expect(table.contains("\\x1B]0;owned\\x07\\x1B[31mred\\nsecond line"))
    }
  }

  @Test func textIDsAreQuotedInCSV() async throws {
    try await TestServer.withDatabase { database in
      let rows = """
        CREATE TABLE image_search (id text PRIMARY KEY, class text, image_vector vector(3));
        INSERT INTO image_search VALUES ('-7', 'a', '[1,2,3]'), ('a,"b"', 'b', '[1,2,4]');
        """
      _ = try await Program.psql(rows, on: database)
      let finished = try await Program.run(
        Program.adbvec,
        ["search", "--id", "-7", "--format", "csv"],
        environment: ["DATABASE_URL": database.url]
      )
      #expect(finished.output == "id,class,distance\n\"a,\"\"b\"\"\",b,1.0\n", "\(finished.error)")
    }
  }

  @Test func vectorsInFilesKeepTheirPlaces() async throws {
    try await TestServer.withDatabase { database in
      _ = try await Program.psql(Self.setUp, on: database)
      try await withTemporaryFolder { folder in
        func search(_ bytes: [UInt8]) async throws -> Finished {
          let file = folder + "/vector"
          try Data(bytes).write(to: URL(fileURLWithPath: file))
          return try await Program.run(
            Program.adbvec,
            ["search", "--vector-file", file, "-k", "1", "--format", "csv"],
            environment: ["DATABASE_URL": database.url]
          )
        }
        let marked = try await search([0xEF, 0xBB, 0xBF] + Array("[1,2,3]\r\n".utf8))
        #expect(marked.output.hasSuffix("\n1,a,0.0\n"), "\(marked.error)")
        let gap = try await search(Array("[1,,2,3]".utf8))
        #expect(gap.exitCode == 64 && gap.error.contains("element 1"), "\(gap.error)")
      }
    }
  }

  @Test func csvAndJSONAreExact() async throws {
    try await TestServer.withDatabase { database in
      _ = try await Program.psql(Self.setUp, on: database)
      let csv = try await search("--format csv", on: database, terminal: false)
      #expect(csv.contains("2,\"\u{1B}]0;owned\u{7}\u{1B}[31mred\nsecond line\",1.0\n"), "\(csv)")
      #expect(!csv.contains("\r"))
      struct Report: Decodable {
        struct Hit: Decodable { let id: Int }
        struct Result: Decodable { let hits: [Hit] }
        let result: Result
      }
      let json = try await search("--format json", on: database, terminal: false)
      #expect(
        try JSONDecoder.ofReports.decode(Report.self, from: Data(json.utf8)).result.hits.map(\.id) == [2, 3]
      )
      #expect(json.contains("\\u001b]0;owned\\u0007") || json.contains("\\u001B]0;owned\\u0007"))
    }
  }
}
