import Foundation
import ImageCodecs
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

  @Test func theTableNamesTheImages() async throws {
    try await TestServer.withDatabase { database in
      let rows = """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(3), source text);
        INSERT INTO image_search VALUES (1, 'a', '[1,2,3]', '/images/1.jpg'), (2, 'b', '[1,2,4]', NULL), (3, 'b', '[9,9,9]', '/images/3.jpg');
        """
      _ = try await Program.psql(rows, on: database)
      let table = try await search("", on: database, terminal: false)
      let lines = table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      #expect(lines.first == ["id", "class", "image", "distance"], "\(table)")
      #expect(
        Array(lines.dropFirst(2)) == [["2", "b", "-", "1"], ["3", "b", "/images/3.jpg", "12.2066"]],
        "\(table)"
      )
      let none = try await Program.run(
        Program.adbvec,
        ["search", "--id", "1", "--class", "c"],
        environment: ["DATABASE_URL": database.url]
      )
      #expect(none.exitCode == 0, "\(none.error)")
      #expect(none.error == "no row was found: no row has the class \"c\"; did you mean a?\n")
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

  /// Runs a program in a terminal of 50 columns; prints what it wrote. With `ctrl-c` the program is given a server that
  /// accepts and never answers, and Ctrl-C is typed then.
  private static let narrow = """
    import fcntl,os,pty,socket,struct,sys,termios,threading,time
    listener=socket.socket(); listener.bind(('127.0.0.1',0)); listener.listen(8)
    if sys.argv[1]=='ctrl-c': os.environ['DATABASE_URL']='postgresql://me@127.0.0.1:%d/x' % listener.getsockname()[1]
    pid,fd=pty.fork()
    if pid==0:
        fcntl.ioctl(0,termios.TIOCSWINSZ,struct.pack('HHHH',24,50,0,0)); os.execv(sys.argv[2],sys.argv[2:])
    def type():
        connection=listener.accept(); time.sleep(0.3); os.write(fd,b'\\x03'); time.sleep(60)
    if sys.argv[1]=='ctrl-c': threading.Thread(target=type,daemon=True).start()
    while True:
        try: data=os.read(fd,4096)
        except OSError: break
        if not data: break
        sys.stdout.buffer.write(data)
    """

  private func inNarrowTerminal(_ mode: String, _ words: String, _ url: String = "") async throws -> String {
    let finished = try await Program.run(
      "/usr/bin/env",
      ["python3", "-c", Self.narrow, mode, Program.adbvec] + words.split(separator: " ").map(String.init),
      environment: ["DATABASE_URL": url]
    )
    #expect(finished.exitCode == 0, "\(finished.error)")
    return finished.output
  }

  @Test func imagesAreCountedAsTheyAreEmbedded() async throws {
    try await TestServer.withDatabase { database in
      _ = try await Program.psql(
        "CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(1000))",
        on: database
      )
      let shown = try await withTemporaryFolder { folder in
        // CIFAR-100's records: two classes and 32 × 32 pixels.
        let records = (0..<12).flatMap { number -> [UInt8] in
          [0, UInt8(number)] + [UInt8](repeating: UInt8(number * 20), count: 3072)
        }
        try Data(records).write(to: URL(fileURLWithPath: folder + "/train.bin"))
        return try await inNarrowTerminal("", "embed-load \(folder)/train.bin --workers 1", database.url)
      }
      // What is drawn over what was there before.
      let drawn = shown.components(separatedBy: "\r\u{1B}[2K").filter { $0.contains(" images/s") }
      // All of them are in one batch, which is written last.
      let counts = drawn.compactMap { $0.firstMatch(of: #/(\d+)/12 /#).flatMap { Int($0.1) } }
      #expect(counts == Array(1...12), "\(shown)")
      #expect(drawn.dropLast().allSatisfy { $0.contains(" left") && $0.contains("━") }, "\(shown)")
      #expect(drawn.allSatisfy { $0.prefix { !$0.isNewline }.count < 50 }, "\(shown)")
      #expect(shown.contains("12 rows loaded"))
    }
  }

  @Test func theTimeLeftIsToldWhileAnIndexIsBuilt() async throws {
    try await TestServer.withDatabase { database in
      let rows = """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(400));
        INSERT INTO image_search SELECT i, 'c', (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 400) j)
        FROM generate_series(1, 3000) i
        """
      _ = try await Program.psql(rows, on: database)
      let shown = try await withTemporaryFolder { folder in
        // Thorough enough to take some seconds.
        let index = """
          -- migrate:up
          CREATE INDEX a_rather_long_name_of_an_index ON image_search USING hnsw (image_vector vector_l2_ops)
            WITH (m = 48, ef_construction = 800);
          """
        try index.write(toFile: folder + "/0001_index.sql", atomically: true, encoding: .utf8)
        return try await inNarrowTerminal("", "migrate up --migrations \(folder)", database.url)
      }
      let drawn = shown.components(separatedBy: "\r\u{1B}[2K").filter { $0.contains(" %") }
      #expect(drawn.contains { $0.contains(#/ \d+ %  \d+:\d\d left/#) }, "\(shown)")
      #expect(drawn.allSatisfy { $0.prefix { !$0.isNewline }.count < 50 }, "\(shown)")
      let shares = drawn.compactMap { $0.firstMatch(of: #/ (\d+) %/#).flatMap { Int($0.1) } }
      #expect(shares == shares.sorted() && Set(shares).count > 2, "\(shown)")
    }
  }

  /// The terminal shows ^C where it is typed; what the command says begins a line of its own.
  @Test func theMessageOfAnInterruptHasALineOfItsOwn() async throws {
    let shown = try await inNarrowTerminal("ctrl-c", "search --id 1")
    // With NO_COLOR in the environment there is no colour.
    let plain = shown.replacing(#/\u{1B}\[[0-9;]*m/#, with: "")
    #expect(plain.contains("\r\u{1B}[2Kerror: interrupted\r\n"), "\(shown.debugDescription)")
  }

  /// A font of coloured emoji that fontconfig knows is used for classes that no other font can write.
  @Test func anEmojiIsDrawnInAGrid() async throws {
    try await withTemporaryFolder { folder in
      let pixels = (0..<3).flatMap { _ in [UInt8](repeating: 255, count: 9) + [0, 0, 0] }
      let header: [UInt32] = [54 + 36, 0, 54, 40, 3, 3, 1 | 24 << 16, 0, 36, 0, 0, 0, 0]
      let bitmap =
        Array("BM".utf8)
        + header.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
      try FileManager.default.createDirectory(
        atPath: folder + "/\u{1F98A}",
        withIntermediateDirectories: false
      )
      try Data(bitmap + pixels).write(to: URL(filePath: folder + "/\u{1F98A}/a.bmp"))
      func redPixels(_ fonts: [String]) async throws -> Int {
        let folders = fonts.map { "<dir>\($0)</dir>" }.joined()
        let settings =
          "<?xml version=\"1.0\"?><fontconfig>\(folders)<cachedir>\(folder)/cache</cachedir></fontconfig>"
        try settings.write(toFile: folder + "/fonts.conf", atomically: false, encoding: .utf8)
        let drawn = try await Program.adbvec(
          "images",
          "show",
          folder,
          "--output",
          folder + "/grid.png",
          "--quiet",
          environment: ["FONTCONFIG_FILE": folder + "/fonts.conf"]
        )
        #expect(drawn.exitCode == 0, "\(drawn.error)")
        let rgb = try Image(contentsOfFile: folder + "/grid.png").rgb
        return stride(from: 0, to: rgb.count, by: 3).count {
          rgb[$0] > 200 && rgb[$0 + 1] < 80 && rgb[$0 + 2] < 80
        }
      }
      let system = ["/usr/share/fonts/truetype/dejavu"]
      #expect(try await redPixels(system) == 0)
      #expect(try await redPixels(system + [Environment.package + "/Tests/Fixtures/fonts"]) > 20)
    }
  }
}
