import Foundation
import TestSupport
import Testing
import VectorSQL

/// `adbvec doctor` on real tables: each fault is made, found, mended with what the doctor printed, and gone.
@Suite(.serialized) struct DoctorCommandTests {
  struct Report: Decodable {
    struct Finding: Decodable {
      let check: String
      let severity: String
      let message: String
      let fix: String?
    }
    struct Result: Decodable {
      let healthy: Bool
      let findings: [Finding]
    }
    let schema: Int
    let result: Result
  }

  /// A fault, what it looks like, and what it takes to be healthy again.
  struct Fault {
    /// The check that finds it.
    let check: String
    /// SQL that makes it.
    var make = ""
    /// Flags that make it.
    var flags: [String] = []
    /// Part of the message.
    let message: String
    /// Whether the fix is SQL that mends it when it is run as printed.
    var isMended = true
    /// SQL that takes back what the fix did.
    var undo = ""
  }

  /// 256 dimensions of which 8 differ, so that a small graph finds nearly all neighbours.
  private static func rows(_ count: Int, cast: String) -> String {
    """
    SELECT setseed(0.5);
    INSERT INTO public.image_search (id, class, image_vector)
      SELECT i, 'c' || i % 10,
             (ARRAY(SELECT random()::real FROM generate_series(1, 8) WHERE i = i) || array_fill(0.5::real, ARRAY[248]))\(cast)
      FROM generate_series(0, \(count - 1)) AS i;
    ALTER TABLE public.image_search SET (autovacuum_enabled = off);
    ANALYZE public.image_search;
    """
  }

  private func doctor(
    _ database: TestDatabase,
    _ dialect: String,
    _ flags: [String] = []
  ) async throws -> (report: Report.Result, exitCode: Int32) {
    let finished = try await Program.run(
      Program.adbvec,
      ["doctor", "--format", "json", "--dialect", dialect] + flags,
      environment: [
        "DATABASE_URL": database.url, "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
        "ADBVEC_PARAM_DIM": "256", "ADBVEC_PARAM_HNSW_M": "16",
      ]
    )
    #expect(finished.error.isEmpty, "\(finished.error)")
    let report = try JSONDecoder.ofReports.decode(Report.self, from: Data(finished.output.utf8))
    #expect(report.schema == 1)
    return (report.result, finished.exitCode)
  }

  private func withHealthyTable(
    _ dialect: String,
    _ body: @Sendable (TestDatabase) async throws -> Void
  ) async throws {
    let isAnn = dialect == "analyticdb"
    // The faults are made in the catalogue of the node with the rows.
    try await TestServer.withDatabase(extensions: isAnn ? ["fastann"] : ["vector"], isOnOneNode: true) {
      database in
      let up = try await Program.adbvec(
        "migrate",
        "up",
        "--dialect",
        dialect,
        "--set",
        "dim=256",
        "--set",
        "hnsw_m=16",
        database: database,
        environment: ["ADBVEC_MIGRATIONS": Environment.package + "/migrations"]
      )
      #expect(up.exitCode == 0, "\(up.error)")
      try await sql(Self.rows(isAnn ? 3000 : 6000, cast: isAnn ? "" : "::vector"), database)
      try await body(database)
    }
  }

  private func sql(_ script: String, _ database: TestDatabase) async throws {
    let finished = try await Program.psql(script, on: database)
    #expect(finished.exitCode == 0, "\(script): \(finished.error)")
  }

  /// Checks that need a recipe, and that of the server's pgvector, which may be older than its last fixes.
  private static let unrecorded = ["recipe", "embeddings", "extension"]

  private func check(_ faults: [Fault], _ dialect: String) async throws {
    try await withHealthyTable(dialect) { database in
      let healthy = try await doctor(database, dialect)
      #expect(healthy.exitCode == 0)
      #expect(
        healthy.report.findings.allSatisfy { finding in
          finding.severity == "ok" && finding.fix == nil
            || Self.unrecorded.contains(finding.check)
        },
        "\(healthy.report.findings)"
      )
      for fault in faults {
        try await sql(fault.make, database)
        let sick = try await doctor(database, dialect, fault.flags)
        let finding = try #require(sick.report.findings.first { $0.check == fault.check })
        #expect(sick.exitCode == 1 && !sick.report.healthy)
        #expect(finding.severity == "wrong", "\(fault.check): \(finding.message)")
        #expect(finding.message.contains(fault.message), "\(finding.message)")
        let fix = try #require(finding.fix)
        if fault.isMended {
          try await sql(fix, database)
          let mended = try await doctor(database, dialect, fault.flags)
          #expect(mended.report.healthy, "\(fix)\n\(mended.report.findings)")
        }
        try await sql(fault.undo, database)
      }
      let end = try await doctor(database, dialect)
      #expect(end.report.healthy, "\(end.report.findings)")
    }
  }

  private static func index(_ name: String, _ rest: String) -> String {
    "DROP INDEX IF EXISTS public.\(name); CREATE INDEX \(name) ON public.image_search USING \(rest); "
      + "ANALYZE public.image_search;"
  }

  private static let hnsw = index(
    "image_search_image_vector_idx",
    "hnsw (image_vector vector_l2_ops) WITH (m = 16, ef_construction = 64)"
  )
  private static let ann = index(
    "image_search_image_vector_idx",
    "ann (image_vector) WITH (dim = 256, hnsw_m = 16, pq_enable = 0)"
  )
  private static let thisDatabase =
    "SELECT format('ALTER DATABASE %I ', current_database()) AS alter \\gset\n:alter"

  @Test func faultsOfAPgvectorTable() async throws {
    try await check(
      [
        Fault(
          check: "index",
          make: "DROP INDEX public.image_search_image_vector_idx;",
          message: "no vector index",
          undo: "DROP INDEX public.image_search_image_vector_hnsw;" + Self.hnsw
        ),
        Fault(
          check: "index",
          make: "UPDATE pg_index SET indisvalid = false "
            + "WHERE indexrelid = 'public.image_search_image_vector_idx'::regclass;",
          message: "invalid after a build that failed"
        ),
        Fault(
          check: "index metric",
          flags: ["--metric", "cosine"],
          message: "serves l2, and the configuration asks for cosine",
          undo: Self.hnsw
        ),
        Fault(
          check: "index options",
          flags: ["--set", "hnsw_m=8"],
          message: "m is 16 and should be 8",
          undo: Self.hnsw
        ),
        Fault(
          check: "statistics",
          make: "UPDATE public.image_search SET class = class WHERE id < 3000;",
          message: "rows have changed since the last ANALYZE",
          undo: "VACUUM public.image_search;"
        ),
        Fault(
          check: "plan",
          make: "\(Self.thisDatabase) SET enable_indexscan = off;",
          message: "a search uses no vector index, and comparing all rows took",
          isMended: false,
          undo: "\(Self.thisDatabase) RESET enable_indexscan;"
        ),
        Fault(
          check: "settings",
          make: "\(Self.thisDatabase) SET hnsw.ef_search = 5;",
          message: "hnsw.ef_search is 5",
          undo: "\(Self.thisDatabase) RESET hnsw.ef_search;"
        ),
        Fault(
          check: "recall",
          make:
            "\(Self.thisDatabase) SET hnsw.ef_search = 1; DROP INDEX public.image_search_image_vector_idx;"
            + "CREATE INDEX image_search_image_vector_idx ON public.image_search "
            + "USING hnsw (image_vector vector_l2_ops) WITH (m = 2, ef_construction = 4);",
          flags: ["--min-recall", "0.99"],
          message: "fewer than 99.0 %",
          isMended: false,
          undo: "\(Self.thisDatabase) RESET hnsw.ef_search;\n" + Self.hnsw
        ),
        Fault(
          check: "dimension",
          flags: ["--set", "dim=64"],
          message: "the rows have 256 dimensions and the configuration says dim = 64",
          isMended: false
        ),
        Fault(
          check: "table",
          flags: ["--table", "public.nothing"],
          message: #"the table "public"."nothing" does not exist"#,
          isMended: false
        ),
      ],
      "pgvector"
    )
  }

  @Test func faultsOfAnAnalyticDBTable() async throws {
    try await check(
      [
        Fault(
          check: "index",
          make: "DROP INDEX public.image_search_image_vector_idx;",
          message: "no vector index",
          undo: "DROP INDEX public.image_search_image_vector_ann;" + Self.ann
        ),
        Fault(
          check: "dimension",
          make: "DROP INDEX public.image_search_image_vector_idx;"
            + "INSERT INTO public.image_search (id, class, image_vector) VALUES (-1, 'short', '{1,2}');"
            // The first rows are looked at, and the new one lies behind them.
            + "CLUSTER public.image_search USING image_search_pkey;",
          message: "vectors of 2 to 256 dimensions",
          isMended: false,
          // A deleted row would still meet the new index while another session's snapshot keeps it.
          undo: "TRUNCATE public.image_search;" + Self.rows(3000, cast: "") + ";" + Self.ann
        ),
        Fault(
          check: "index metric",
          flags: ["--metric", "ip"],
          message: "serves l2, and the configuration asks for ip",
          undo: Self.ann
        ),
        Fault(
          check: "settings",
          make: "\(Self.thisDatabase) SET fastann.hnsw_ef_search = 10;",
          message: "fastann.hnsw_ef_search is 10",
          undo: "\(Self.thisDatabase) RESET fastann.hnsw_ef_search;"
        ),
      ],
      "analyticdb"
    )
  }

  @Test func aDatabaseWithoutExtensionAndTable() async throws {
    try await TestServer.withDatabase(extensions: []) { database in
      for (dialect, fix) in [
        ("pgvector", "CREATE EXTENSION vector;"), ("analyticdb", "CREATE EXTENSION fastann CASCADE;"),
      ] {
        let found = try await doctor(database, dialect).report.findings.filter { $0.severity == "wrong" }
        #expect(found.map(\.check).prefix(2) == ["extension", "table"])
        #expect(found.first?.fix == fix)
        try await sql(fix, database)
        let mended = try await doctor(database, dialect).report.findings.first { $0.check == "extension" }
        #expect(["ok", "warning"].contains(mended?.severity))
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
      let look = { @Sendable in
        let finished = try await Program.adbvec(
          "doctor",
          "--format",
          "json",
          "--min-recall",
          "0.1",
          database: database,
          folder: "/"
        )
        return try JSONDecoder.ofReports.decode(Report.self, from: Data(finished.output.utf8)).result.findings
      }
      let index = try #require(try await look().first { $0.check == "index" })
      #expect(index.severity == "wrong")
      try await sql(try #require(index.fix), database)
      let wrong = try await look().filter { $0.severity == "wrong" && $0.check != "extension" }
      #expect(wrong.isEmpty, "\(wrong)")
      let found = try await Program.adbvec(
        "search",
        "--id",
        "7",
        "-k",
        "3",
        "--format",
        "csv",
        database: database
      )
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
      let finished = try await Program.adbvec(
        "doctor",
        "--format",
        "json",
        database: database,
        environment: ["PGOPTIONS": "-c role=adbvec_reader"]
      )
      let report = try JSONDecoder.ofReports.decode(Report.self, from: Data(finished.output.utf8))
      let plan = try #require(report.result.findings.first { $0.check == "plan" })
      #expect(plan.message.hasPrefix("a search fails: permission denied"))
      let fix = try #require(plan.fix?.split(separator: ": ", maxSplits: 1).last)
      try await sql(String(fix), database)
      let found = try await Program.adbvec(
        "search",
        "--id",
        "7",
        "-k",
        "3",
        "--format",
        "csv",
        database: database,
        environment: ["PGOPTIONS": "-c role=adbvec_reader"]
      )
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
      let sick = try #require(try await storage())
      #expect(sick.severity == "wrong" && sick.message.hasSuffix("PLAIN storage refuses such rows"))
      try await sql(try #require(sick.fix), database)
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

  /// Values of less than a quarter of a page stay in the row whatever the column's storage is.
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
      let cases: [(sql: String, verdict: String, message: String)] = [
        ("\(start)\(probe) LIMIT 10", "ok", "the server would use image_search_image_vector_idx"),
        ("\(start)\(probe) DESC LIMIT 10", "wrong", "asks for the farthest rows"),
        ("\(start)image_vector <=> $1 LIMIT 10", "wrong", "would not use a vector index"),
        ("\(start)no_such <-> $1 LIMIT 10", "wrong", #"column "no_such" does not exist"#),
        ("DELETE FROM public.image_search", "wrong", "only SELECT can be explained"),
      ]
      for (text, verdict, message) in cases {
        let finding = try await withTemporaryFolder { folder in
          try text.write(toFile: folder + "/q.sql", atomically: true, encoding: .utf8)
          return try await doctor(database, "pgvector", ["--query", folder + "/q.sql", "--sample", "1"])
            .report.findings.first { $0.check == "statement" }
        }
        #expect(finding?.severity == verdict, "\(text): \(finding?.message ?? "")")
        #expect(finding?.message.contains(message) == true, "\(text): \(finding?.message ?? "")")
      }
    }
  }

  @Test func sqlQueryExplainsItself() async throws {
    try await withHealthyTable("pgvector") { database in
      for (flags, verdict) in [
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
        #expect(printed.output.hasSuffix(verdict + "\n"), "\(printed.output)")
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
      func embeddings() async throws -> Report.Finding {
        let words = ["doctor", "--format", "json", "--sample", "0"]
        let finished = try await Program.run(Program.adbvec, words, environment: environment)
        let report = try JSONDecoder.ofReports.decode(Report.self, from: Data(finished.output.utf8))
        return try #require(report.result.findings.first { $0.check == "embeddings" })
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
