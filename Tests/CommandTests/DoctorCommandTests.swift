import Foundation
import TestSupport
import Testing
import VectorSQL

/// What `adbvec doctor` says of tables, rights, vectors and statements of others, and how its fixes work.
@Suite(.serialized) struct DoctorCommandTests: DoctorBench {
  @Test func aDatabaseWithoutExtensionAndTable() async throws {
    try await TestServer.withDatabase(extensions: []) { database in
      for (dialect, fix) in [
        ("pgvector", "CREATE EXTENSION vector;"), ("analyticdb", "CREATE EXTENSION fastann CASCADE;"),
      ] {
        let found = try await doctor(database, dialect).report.findings.filter { $0.severity == "wrong" }
        #expect(found.map(\.check).prefix(2) == ["extension", "table"])
        #expect(found.first?.fix == fix)
        try await sql(fix, database)
        let fixed = try await doctor(database, dialect).report.findings.first { $0.check == "extension" }
        #expect(["ok", "warning"].contains(fixed?.severity))
      }
    }
  }

  @Test func anOperatorClassThatIsNotThere() async throws {
    try await TestServer.withDatabase { database in
      let opclass = "OPERATOR CLASS vector_l2_ops USING hnsw"
      try await sql("ALTER EXTENSION vector DROP \(opclass); DROP \(opclass);", database)
      let finding = try await doctor(database, "pgvector").report.findings.first {
        $0.check == "operator class"
      }
      #expect(finding?.message.hasPrefix("hnsw has no operator class vector_l2_ops in this database") == true)
    }
  }

  @Test func aTableOfTheOtherDialect() async throws {
    try await TestServer.withDatabase { database in
      try await sql(
        "CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector real[])",
        database
      )
      let finding = try await doctor(database, "pgvector").report.findings.first { $0.check == "dialect" }
      #expect(finding?.severity == "wrong")
      #expect(finding?.fix == "adbvec doctor --dialect analyticdb, and dialect: analyticdb in adbvec.yaml")
    }
  }

  /// Each fix, run as it is printed, is taken by the server, and the doctor is content with what it made.
  @Test(arguments: [
    ("bit(8)", "(i % 256)::bit(8)"), ("halfvec(3)", "format('[%s,1,2]', i)::halfvec"),
    ("sparsevec(9)", "format('{1:%s,3:1}/9', i)::sparsevec"), ("vector", "format('[%s,1,2]', i)::vector"),
    ("three", "format('[%s,1,2]', i)::vector"),
    ("vector(2100)", "ARRAY(SELECT sin(i * k) FROM generate_series(1, 2100) k)::vector"),
    ("vector(4100)", "ARRAY(SELECT sin(i * k) FROM generate_series(1, 4100) k)::vector"),
  ])
  func theIndexOfAnyTypeIsMadeAsPrinted(type: String, value: String) async throws {
    try await TestServer.withDatabase { database in
      try await sql(
        """
        CREATE DOMAIN three AS vector(3);
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector \(type));
        INSERT INTO image_search SELECT i, 'c', \(value) FROM generate_series(1, 40) AS i;
        ANALYZE image_search;
        """,
        database
      )
      let look = { @Sendable in try await findings(database, ["--min-recall", "0.1"]) }
      let index = try #require(try await look().first { $0.check == "index" })
      #expect(index.severity == "wrong")
      try await sql(try #require(index.fix), database)
      let wrong = try await look().filter { $0.severity == "wrong" && $0.check != "extension" }
      #expect(wrong.isEmpty, "\(wrong)")
      let found = try await searchResult(database)
      #expect(found.exitCode == 0 && found.output.split(separator: "\n").count == 4, "\(found)")
    }
  }

  /// A role that may not read the classes gets a report, and the statement that it lacks.
  @Test func aMissingRightIsAFinding() async throws {
    try await TestServer.withDatabase { database in
      try await sql(
        """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(2));
        INSERT INTO image_search SELECT i, 'c', format('[1,%s]', i)::vector FROM generate_series(1, 9) AS i;
        DO $$ BEGIN CREATE ROLE adbvec_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT SELECT (id, image_vector) ON image_search TO adbvec_reader;
        """,
        database
      )
      let reader = ["PGOPTIONS": "-c role=adbvec_reader"]
      let plan = try #require(try await findings(database, environment: reader).first { $0.check == "plan" })
      #expect(plan.message.hasPrefix("a search fails: permission denied"))
      let fix = try #require(plan.fix?.split(separator: ": ", maxSplits: 1).last)
      try await sql(String(fix), database)
      let found = try await searchResult(database, environment: reader)
      #expect(found.exitCode == 0, "\(found.error)")
      try await sql("DROP OWNED BY adbvec_reader", database)
    }
  }

  @Test func vectorsTooLongForAPage() async throws {
    try await TestServer.withDatabase(extensions: ["fastann"]) { database in
      try await sql(
        """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector real[]);
        ALTER TABLE image_search ALTER COLUMN image_vector SET STORAGE EXTERNAL;
        INSERT INTO image_search SELECT i, 'c', array_fill(i::real, ARRAY[3000]) FROM generate_series(1, 3) AS i;
        ALTER TABLE image_search ALTER COLUMN image_vector SET STORAGE PLAIN;
        """,
        database
      )
      let storage = { @Sendable in
        try await doctor(database, "analyticdb").report.findings.first { $0.check == "storage" }
      }
      let faulty = try #require(try await storage())
      #expect(faulty.severity == "wrong" && faulty.message.hasSuffix("PLAIN storage refuses such rows"))
      try await sql(try #require(faulty.fix), database)
      #expect(try await storage()?.severity == "ok")
    }
  }

  /// A session reports inserts after the ANALYZE that has counted them.
  @Test func insertsBeforeAnalyzeAreNotChanges() async throws {
    try await TestServer.withDatabase { database in
      try await sql(
        """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(2));
        INSERT INTO image_search SELECT i, 'c', '[1,2]' FROM generate_series(1, 300) AS i;
        ANALYZE image_search;
        """,
        database
      )
      let found = try await doctor(database, "pgvector").report.findings.first { $0.check == "statistics" }
      #expect(found?.message == "0 rows changed since the last ANALYZE")
    }
  }

  /// Values of less than a quarter of a page stay in the row for every storage of the column.
  @Test func longVectorsOutsideOfTheRow() async throws {
    try await TestServer.withDatabase(extensions: ["fastann"]) { database in
      try await sql(
        """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector real[]);
        INSERT INTO image_search SELECT i, 'c', array_fill(i::real, ARRAY[1000]) FROM generate_series(1, 3) AS i;
        """,
        database
      )
      let storage = { @Sendable in
        try await doctor(database, "analyticdb").report.findings.first { $0.check == "storage" }
      }
      let found = try #require(try await storage())
      #expect(found.message.hasPrefix("the vectors are not kept in the row (storage EXTENDED)"))
      try await sql(try #require(found.fix), database)
      #expect(try await storage()?.severity == "ok")
      try await sql(
        "UPDATE image_search SET image_vector = array_fill(1::real, ARRAY[100]); "
          + "ALTER TABLE image_search ALTER COLUMN image_vector SET STORAGE EXTENDED;",
        database
      )
      #expect(try await storage()?.message == "EXTENDED: rows of about 468 bytes keep their vectors")
    }
  }

  @Test func theSandboxIsNamed() async throws {
    try await TestServer.withDatabase(extensions: ["fastann"]) { database in
      let finding = try await doctor(database, "analyticdb").report.findings.first { $0.check == "engine" }
      #expect(finding?.message.contains("adbvec's sandbox of AnalyticDB") == true)
    }
  }

  @Test func aStatementOfOnesOwn() async throws {
    try await withHealthyTable("pgvector") { database in
      let start = "SELECT id FROM public.image_search ORDER BY "
      let probe = "image_vector <-> (SELECT image_vector FROM public.image_search WHERE id = 7)"
      let cases: [(sql: String, severity: String, message: String)] = [
        ("\(start)\(probe) LIMIT 10", "ok", "the server would use image_search_image_vector_idx"),
        ("\(start)\(probe) DESC LIMIT 10", "wrong", "asks for the farthest rows"),
        ("\(start)image_vector <=> $1 LIMIT 10", "wrong", "would not use a vector index"),
        ("\(start)no_such <-> $1 LIMIT 10", "wrong", #"column "no_such" does not exist"#),
        ("DELETE FROM public.image_search", "wrong", "only SELECT can be explained"),
      ]
      for (text, severity, message) in cases {
        let finding = try await withTemporaryFolder { folder in
          try text.write(toFile: folder + "/q.sql", atomically: true, encoding: .utf8)
          return try await doctor(database, "pgvector", ["--query", folder + "/q.sql", "--sample", "1"])
            .report.findings.first { $0.check == "statement" }
        }
        #expect(finding?.severity == severity, "\(text): \(finding?.message ?? "")")
        #expect(finding?.message.contains(message) == true, "\(text): \(finding?.message ?? "")")
      }
    }
  }

  @Test func sqlQueryExplainsItself() async throws {
    try await withHealthyTable("pgvector") { database in
      for (flags, comment) in [
        ([], "-- The vector index image_search_image_vector_idx is used."),
        (["--exact"], "-- No vector index is used: the search is exact, which compares every row."),
        (
          ["--metric", "cosine"],
          "-- No vector index is used: the index image_search_image_vector_idx is built for vector_l2_ops, "
            + "the search needs vector_cosine_ops."
        ),
      ] {
        let printed = try await Program.run(
          Program.adbvec,
          ["sql", "query", "--id", "7", "--top-k", "5", "--explain"] + flags,
          environment: ["DATABASE_URL": database.url]
        )
        #expect(printed.exitCode == 0, "\(printed.error)")
        #expect(printed.output.hasSuffix(comment + "\n"), "\(printed.output)")
        // What is printed still runs.
        let rows = try await Program.psql(printed.output, on: database)
        #expect(rows.exitCode == 0 && rows.output.split(separator: "\n").count == 5, "\(rows)")
      }
    }
  }

  @Test func theReportForPeople() async throws {
    try await TestServer.withDatabase { database in
      let finished = try await Program.adbvec("doctor", database: database)
      #expect(finished.exitCode == 1)
      #expect(finished.output.contains("WRONG    table"))
      #expect(finished.output.contains("→ adbvec migrate up"))
      #expect(finished.output.hasSuffix("checks found something wrong.\n"))
    }
  }

  /// 200 rows of one network, ten of them replaced by another's vectors of the same dimension and length.
  @Test(.enabled(if: Environment.hasData, "../shared/data is not there"))
  func aTwentiethOfRowsOfAnotherNetworkIsFound() async throws {
    try await TestServer.withDatabase { database in
      let weights = Environment.data + "/weights/"
      let environment = [
        "DATABASE_URL": database.url, "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
        "ADBVEC_DIALECT": "pgvector", "ADBVEC_WEIGHTS": weights + "squeezenet1_1-onnxzoo.safetensors",
      ]
      func run(_ words: [String], exitCode: Int32 = 0) async throws -> Finished {
        let finished = try await Program.run(Program.adbvec, words, environment: environment)
        #expect(finished.exitCode == exitCode, "\(words): \(finished.error)\(finished.output)")
        return finished
      }
      func embeddings() async throws -> DoctorReport.Finding {
        let found = try await findings(database, ["--sample", "0"], environment: environment)
        return try #require(found.first { $0.check == "embeddings" })
      }
      _ = try await run(["migrate", "up"])
      let source = [Environment.data + "/cifar-100-binary/test.bin", "--limit", "200"]
      _ = try await run(["embed-load"] + source + ["--normalise"])
      let right = try await embeddings()
      #expect(right.message == "150 images embedded again give the vectors of their rows", "\(right)")
      _ = try await Program.psql("CREATE TABLE other (LIKE image_search INCLUDING ALL)", on: database)
      _ = try await run(
        ["embed-load"] + source
          + ["--weights", weights + "efficientnet-lite0-57934424.pth", "--table", "other", "--normalise"]
      )
      let mixing = """
        UPDATE image_search i SET image_vector = o.image_vector FROM other o WHERE o.id = i.id AND i.id % 20 = 7
        """
      _ = try await Program.psql(mixing, on: database)
      let found = try await embeddings()
      #expect(found.severity == "wrong", "\(found)")
      #expect(
        found.message.contains(" of 150 images embedded again give another vector than their rows have")
      )
      let fix = try #require(found.fix).split(separator: " ").dropFirst().map(String.init)
      #expect(fix.first == "embed-load" && fix[1].hasSuffix("/cifar-100-binary/test.bin'"), "\(fix)")
      _ = try await run(fix.map { $0.replacing("'", with: "") } + source[1...2])
      #expect(try await embeddings().severity == "ok")
    }
  }
}
