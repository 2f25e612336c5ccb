import Foundation
import ImageSearch
import LocalPostgres
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// What the commands send to a server that says it is Greenplum 6, AnalyticDB 6 or Greenplum 7 with pgvector: every
/// statement, as it is sent, is one that the server takes, by the facts that were recorded on Greenplum 6.24.3 and by the
/// documents of Greenplum 7. A PostgreSQL of today answers.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: Program.adbvec), "the command is not built"))
struct OldBaseStatementsTests {
  private struct Masked: Sendable {
    let mask: OldBaseMask
    let environment: [String: String]

    /// The database behind the mask.
    let database: TestDatabase

    func run(_ words: String..., folder: String? = nil) async throws -> Finished {
      try await run(words, folder: folder)
    }

    func run(_ words: [String], folder: String? = nil) async throws -> Finished {
      try await Program.run(Program.adbvec, words, environment: environment, folder: folder)
    }

    @discardableResult
    func succeed(_ words: String..., folder: String? = nil) async throws -> String {
      try await succeed(words, folder: folder)
    }

    @discardableResult
    func succeed(_ words: [String], folder: String? = nil) async throws -> String {
      let finished = try await run(words, folder: folder)
      #expect(finished.exitCode == 0, "\(words): \(finished.error)")
      return finished.output
    }
  }

  /// - Parameters:
  ///   - extensions: of the database; another list than pgvector alone, which may be another server's.
  ///   - exceptions: rules that the product breaks and its server takes.
  private static func with(
    _ extensions: [Identifier],
    as base: OldBaseMask.Base = .greenplum6,
    except exceptions: Set<String>,
    _ body: @Sendable (Masked, _ rows: String) async throws -> Void
  ) async throws {
    let isSeven = base.version.hasPrefix("12")
    try await TestServer.withDatabase(extensions: extensions) { database in
      let connection = try await database.connect()
      if isSeven { try await connection.run("CREATE EXTENSION vector") }
      try await connection.run(trusted: OldBaseMask.script(database: database.name, as: base))
      await connection.close()
      let server = try await TestServer.running()
      let mask = try OldBaseMask(socketPath: "\(server.socketFolder)/.s.PGSQL.\(server.port)", as: base)
      let rows = try TemporaryFile(
        (0..<300).map { "\($0)|c\($0 % 3)|{\($0),\($0 * $0 % 17),1,\($0 % 5)}\n" }.joined()
      )
      let environment = [
        "DATABASE_URL": mask.url(database: database.name),
        "ADBVEC_DIALECT": isSeven ? "pgvector" : "analyticdb",
        "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
      ]
      try await body(Masked(mask: mask, environment: environment, database: database), rows.path)
      let statements = mask.statements
      #expect(!statements.isEmpty)
      for statement in Set(statements).sorted() {
        let broken = isSeven ? OldBase.refusedBySeven(in: statement) : OldBase.refused(in: statement)
        let refused = broken.filter { !exceptions.contains($0) }
        #expect(refused.isEmpty, "\(refused): \(statement)")
        if !isSeven {
          let unknown = OldBase.unknownNames(in: statement)
          #expect(unknown.isEmpty, "\(unknown): \(statement)")
        }
      }
    }
  }

  @Test(.enabled("fastann is not built for the private server") { try await Fastann.isInstalled })
  func analyticDBIsSentWhatItsBaseTakes() async throws {
    // AnalyticDB 6.0 has it back-ported.
    try await Self.with(["fastann"], except: ["on conflict"]) { masked, rows in
      try await masked.succeed("migrate", "up", "--set", "dim=4")
      for command in ["status", "plan", "validate"] {
        try await masked.succeed("migrate", command, "--set", "dim=4")
      }
      try await masked.succeed("migrate", "redo", "--set", "dim=4", "--yes")
      try await masked.succeed("load", rows)
      try await masked.succeed("load", rows, "--restart", "--on-conflict", "skip")
      try await masked.succeed("load", rows, "--restart", "--on-conflict", "update", "--method", "copy")
      try await masked.succeed(
        "load",
        rows,
        "--restart",
        "--on-conflict",
        "update",
        "--indexes",
        "defer",
        "--connections",
        "3"
      )
      try await masked.succeed("search", "--id", "7", "--top-k", "5")
      try await masked.succeed("search", "--id", "7", "--class", "c1", "--top-k", "150")
      try await masked.succeed("search", "--id", "7", "--exact")
      try await masked.succeed("sql", "query", "--id", "7", "--explain")
      try await masked.succeed("search", "--vector", "[1,2,3,4]", "--where", "id > 5", "--format", "json")
      try await masked.succeed("search", "--vector", "[1,2,3,4]", "--ef-search", "80", "--metric", "l2")
      let written = "fastann.hnsw_ef_search"
      #expect(masked.mask.statements.contains { $0.contains(written) })
      try await masked.succeed("unload", rows + ".npy")
      try await masked.succeed("unload", rows + ".jsonl", "--output-format", "jsonl")
      try await masked.succeed(
        "projection",
        "fit",
        "--from-table",
        "--method",
        "pca",
        "--dimensions",
        "2",
        "--no-trial",
        "-o",
        rows + ".safetensors"
      )
      let query = try TemporaryFile(
        "SELECT id FROM image_search ORDER BY image_vector <-> ARRAY[1,2,3,4]::real[] LIMIT 5"
      )
      let report = try await masked.run("doctor", "--images", "0", "--query", query.path)
      #expect(report.output.contains("PostgreSQL 9 with adbvec's sandbox of AnalyticDB"), "\(report.output)")
      // Nothing is recorded of what made these vectors.
      #expect(try await masked.run("recipe", "show").exitCode == 1)
      try await masked.succeed("migrate", "wait")
      try await masked.succeed("migrate", "repair", "--bless", "--set", "dim=4")
      try await masked.succeed("migrate", "repair", "--mark-pending", "0006", "--set", "dim=4")
      try await masked.succeed("migrate", "repair", "--mark-applied", "0006", "--set", "dim=4")
      try await masked.succeed(
        "migrate",
        "baseline",
        "0002",
        "--set",
        "dim=4",
        "--history-table",
        "public.other_migrations"
      )
      try await masked.succeed("migrate", "down", "--to", "0", "--yes")
    }
  }

  @Test func greenplumIsSentWhatItsBaseTakes() async throws {
    try await Self.with([], except: []) { masked, rows in
      try await masked.succeed("migrate", "up", "--count", "2", "--set", "dim=4")
      try await masked.succeed("migrate", "status", "--set", "dim=4")
      try await masked.succeed("load", rows)
      for policy in ["skip", "update"] {
        try await masked.succeed("load", rows, "--restart", "--on-conflict", policy)
      }
      let refused = try await masked.run(
        "load",
        rows,
        "--restart",
        "--on-conflict",
        "skip",
        "--method",
        "insert"
      )
      #expect(refused.error.contains("Greenplum has no ON CONFLICT; use --method copy"), "\(refused.error)")
      try await masked.succeed("unload", rows + ".npy")
      // Distances of the ids from 7, whose vector is {7,15,1,2}; 300 rows.
      func nearest(_ words: String..., where keeps: (Int) -> Bool) async throws -> ([String], [String]) {
        let output = try await masked.succeed(["search", "--top-k", "5", "--format", "csv"] + words)
        let found = output.split(separator: "\n").dropFirst().compactMap {
          $0.split(separator: ",").first.map(String.init)
        }
        func squared(_ id: Int) -> Int {
          let parts = [id - 7, id * id % 17 - 15, id % 5 - 2]
          return parts.reduce(0) { $0 + $1 * $1 }
        }
        let expected = (0..<300).filter(keeps).sorted { (squared($0), $0) < (squared($1), $1) }
        return (found, expected.prefix(5).map(String.init))
      }
      for words in [[], ["--exact"]] {
        let (found, expected) = try await nearest("--id", "7", words.first ?? "--quiet") { $0 != 7 }
        #expect(found == expected)
      }
      let (found, expected) = try await nearest("--vector", "[7,15,1,2]", "--class", "c1") { $0 % 3 == 1 }
      #expect(found == expected)
      for metric in ["ip", "cosine"] {
        try await masked.succeed("search", "--id", "7", "--metric", metric, "--include-self")
      }
      _ = try await masked.run("sql", "query", "--id", "7", "--explain")
      let report = try await masked.run("doctor", "--images", "0")
      #expect(report.output.contains("searches compare all rows"), "\(report.output)")
      #expect(report.output.contains("Greenplum 6.24.3 on PostgreSQL 9"), "\(report.output) \(report.error)")
      #expect(report.output.contains(#/shards +2 on 2 nodes, /#), "\(report.output)")
      // The rows of analyticdb's tables lie where the clause says; there is no parameter for it.
      let placed = try await masked.run("migrate", "plan", "--set", "dim=4", "--set", "placement=replicated")
      #expect(placed.exitCode != 0 && placed.error.contains("placement"), "\(placed.error)")
      #expect(masked.mask.statements.count > 50)
    }
  }

  @Test func greenplumSevenWithPgvectorIsSentWhatItTakes() async throws {
    try await Self.with([], as: .greenplum7, except: []) { masked, rows in
      try await masked.succeed("migrate", "up", "--set", "dim=4")
      for command in ["status", "plan", "validate"] {
        try await masked.succeed("migrate", command, "--set", "dim=4")
      }
      try await masked.succeed("load", rows)
      try await masked.succeed("migrate", "redo", "99", "--set", "dim=4", "--yes")
      for policy in ["skip", "update"] {
        for method in ["insert", "copy"] {
          try await masked.succeed("load", rows, "--restart", "--on-conflict", policy, "--method", method)
        }
      }
      try await masked.succeed(
        "load",
        rows,
        "--restart",
        "--on-conflict",
        "update",
        "--indexes",
        "defer",
        "--connections",
        "3"
      )
      #expect(
        try await masked.succeed("search", "--id", "7", "--top-k", "5", "--format", "csv").contains("c")
      )
      try await masked.succeed("search", "--id", "7", "--class", "c1", "--top-k", "150")
      try await masked.succeed("search", "--id", "7", "--exact")
      let explained = try await masked.succeed("sql", "query", "--id", "7", "--explain")
      #expect(explained.contains("The server's plan"))
      try await masked.succeed("unload", rows + ".npy")
      let report = try await masked.run("doctor", "--images", "0")
      #expect(
        report.output.contains("Greenplum 7.1.0 on PostgreSQL 12"),
        "\(report.output) \(report.error)"
      )
      #expect(report.output.contains(#/shards +2 on 2 nodes, /#), "\(report.output)")
      #expect(report.output.contains(#/recall +the index finds /#), "\(report.output)")
      let sent = masked.mask.statements
      let placed = sent.count { $0.contains("CREATE TABLE") && $0.contains("DISTRIBUTED BY (id)") }
      #expect(placed == 2, "by up and by redo")
      #expect(sent.contains { $0.contains("SET LOCAL hnsw.ef_search") })
      try await masked.succeed("migrate", "down", "--to", "0", "--yes")
      try await masked.succeed("migrate", "up", "--set", "dim=4", "--set", "placement=replicated")
      #expect(masked.mask.statements.contains { $0.contains("SET DISTRIBUTED REPLICATED") })
    }
  }

  /// What `sql show` prints runs there.
  @Test func libraryStatementsRunOnGreenplumSeven() async throws {
    try await Self.with([], as: .greenplum7, except: []) { masked, rows in
      try await masked.succeed("migrate", "up", "--set", "dim=4")
      try await masked.succeed("load", rows)
      let connection = try await PostgresConnection.connect(
        ConnectionSettings(url: masked.environment["DATABASE_URL"] ?? "")
      )
      let dialect = try Dialect.pgvector.checked(against: try await connection.capabilities())
      var target = SearchTarget.imageSearch
      target.column = VectorColumn("image_vector", dim: 4)
      for statement in LibraryStatement.all where statement.name != "nearest_by_vector" {
        _ = try await connection.query(try statement.sql(for: target).rendered(for: dialect))
      }
      await connection.close()
    }
  }

  /// Other vectors for a table in use, there and back.
  @Test(
    .enabled("fastann is not built for the private server") { try await Fastann.isInstalled },
    arguments: [
      (OldBaseMask.Base.greenplum6, ["--to-normalise"]),
      (OldBaseMask.Base.greenplum7, ["--to-type", "halfvec"]),
    ]
  )
  func aChangeSendsWhatItsServerTakes(_ base: OldBaseMask.Base, _ kind: [String]) async throws {
    let isSeven = base.pgvector == OldBaseMask.Base.greenplum7.pgvector
    try await Self.with(isSeven ? [] : ["fastann"], as: base, except: ["on conflict"]) { masked, rows in
      try await withTemporaryFolder { folder in
        var environment = masked.environment
        environment["ADBVEC_MIGRATIONS"] = nil
        environment["ADBVEC_PARAM_DIM"] = "4"
        let bench = Masked(mask: masked.mask, environment: environment, database: masked.database)
        try await bench.succeed("migrate", "init", folder: folder)
        try await bench.succeed("migrate", "up", folder: folder)
        try await bench.succeed("load", rows, folder: folder)
        let files = try await bench.run(["migrate", "new", "--re-embed", "next"] + kind, folder: folder)
        #expect(files.exitCode == 0, "\(files.error)")
        try await bench.succeed("migrate", "plan", folder: folder)
        try await bench.succeed("migrate", "up", folder: folder)
        try await bench.succeed("search", "--id", "7", folder: folder)
        try await bench.succeed("migrate", "down", folder: folder)
        try await bench.succeed("migrate", "up", folder: folder)
        try await bench.succeed("migrate", "new", "--contract", "next", folder: folder)
        try await bench.succeed("migrate", "up", folder: folder)
      }
    }
  }

  /// A folder of images, one of which moves, one goes and one is copied.
  @Test(
    .enabled(if: Environment.hasData, "../shared/data is not there"),
    .enabled("fastann is not built for the private server") { try await Fastann.isInstalled },
    arguments: [OldBaseMask.Base.greenplum6, .greenplum7]
  )
  func aFolderIsFollowed(_ base: OldBaseMask.Base) async throws {
    let isSeven = base.pgvector == OldBaseMask.Base.greenplum7.pgvector
    try await Self.with(isSeven ? [] : ["fastann"], as: base, except: ["on conflict"]) { masked, _ in
      try await withTemporaryFolder { folder in
        let files = FileManager.default
        func path(_ name: String) -> String { "\(folder)/\(name)" }
        for name in ["0000_motorcycle", "0001_aquarium_fish", "0002_raccoon"] {
          try files.copyItem(
            atPath: Environment.data + "/reference/set1/cifar_test_\(name).png",
            toPath: path(name + ".png")
          )
        }
        var environment = masked.environment
        environment["ADBVEC_WEIGHTS"] = Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors"
        let bench = Masked(mask: masked.mask, environment: environment, database: masked.database)
        try await bench.succeed("migrate", "up")
        try await bench.succeed("sync", folder)
        try files.moveItem(atPath: path("0000_motorcycle.png"), toPath: path("moved.png"))
        try files.copyItem(atPath: path("0001_aquarium_fish.png"), toPath: path("copy.png"))
        try files.removeItem(atPath: path("0002_raccoon.png"))
        try await bench.succeed("sync", folder, "--deleted", "delete", "--yes")
        let connection = try await masked.database.connect()
        #expect(
          try await connection.column(
            "SELECT regexp_replace(source, '.*/', '') FROM public.image_search ORDER BY 1"
          )
            == ["0001_aquarium_fish.png", "copy.png", "moved.png"]
        )
        await connection.close()
      }
    }
  }

  @Test(arguments: [OldBaseMask.Base.greenplum6, .greenplum7])
  func aUtilitySessionIsRefused(_ base: OldBaseMask.Base) async throws {
    var base = base
    base.role = "utility"
    try await Self.with([], as: base, except: []) { masked, rows in
      let migration = try await masked.run("migrate", "up", "--set", "dim=4")
      let load = try await masked.run("load", rows)
      let search = try await masked.run("search", "--id", "7")
      let doctor = try await masked.run("doctor")
      for refused in [migration, load, search, doctor] {
        #expect(refused.exitCode != 0)
        let said = refused.output + refused.error
        #expect(
          said.contains("the session is in utility mode, which sees the rows of one node alone"),
          "\(said)"
        )
        #expect(said.contains("remove gp_session_role=utility"), "\(said)")
      }
    }
  }

  /// Greenplum's append-optimised tables are an access method from 7 on; partitions hold the rows of a partitioned table.
  @Test func appendOptimisedAndPartitionedTablesAreRead() async throws {
    try await Self.with([], as: .greenplum7, except: []) { masked, _ in
      let connection = try await masked.database.connect()
      try await connection.run(
        """
        CREATE ACCESS METHOD ao_row TYPE TABLE HANDLER heap_tableam_handler;
        CREATE TABLE public.compact (id int, class text, image_vector vector(1000)) USING ao_row;
        ALTER TABLE public.compact ALTER image_vector SET STORAGE EXTERNAL;
        CREATE TABLE public.parted (LIKE public.compact) PARTITION BY RANGE (id);
        CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES FROM (0) TO (1000);
        CREATE TABLE public.parted_2 PARTITION OF public.parted FOR VALUES FROM (1000) TO (4000);
        INSERT INTO public.compact SELECT g, 'c', array_fill(g::real, ARRAY[1000])::vector FROM generate_series(1, 2000) g;
        INSERT INTO public.parted SELECT * FROM public.compact
        """
      )
      await connection.close()
      let compact = try await masked.run("doctor", "--images", "0", "--table", "public.compact").output
      #expect(compact.contains(#/ok +storage /#), "\(compact)")
      // The function of this stand-in tells the whole table's size for each of two segments.
      let parted = try await masked.run("doctor", "--images", "0", "--table", "public.parted").output
      #expect(parted.contains(/shards +2 on 2 nodes, (\d\d) to \1 MB each/), "\(parted)")
      #expect(
        masked.mask.statements.contains { $0.contains("gp_dist_random('gp_id')") && $0.contains("parted_2") }
      )
    }
  }

  /// Greenplum 6 keeps partitions as tables that inherit.
  @Test func partitionsOfGreenplumSixAreRead() async throws {
    try await Self.with([], as: .greenplum6, except: []) { masked, rows in
      let connection = try await masked.database.connect()
      try await connection.run(
        """
        CREATE TABLE public.parted (id int, class text, image_vector real[]);
        CREATE TABLE public.parted_1 () INHERITS (public.parted);
        CREATE TABLE public.parted_2 () INHERITS (public.parted);
        INSERT INTO public.parted_1 SELECT g, 'c', array_fill(g::real, ARRAY[100]) FROM generate_series(1, 1000) g;
        INSERT INTO public.parted_2 SELECT id + 1000, class, image_vector FROM public.parted_1;
        ANALYZE public.parted_1;
        ANALYZE public.parted_2
        """
      )
      await connection.close()
      let report = try await masked.run("doctor", "--images", "0", "--table", "public.parted").output
      #expect(report.contains("all 2000 rows looked at have one"), "\(report)")
      #expect(report.contains(/shards +2 on 2 nodes, (\d+) to \1 MB each/), "\(report)")
      #expect(
        masked.mask.statements.contains { $0.contains("gp_dist_random('gp_id')") && $0.contains("parted_2") }
      )
      try await masked.succeed(
        "unload",
        rows + ".jsonl",
        "--output-format",
        "jsonl",
        "--table",
        "public.parted"
      )
      let lines = try String(contentsOfFile: rows + ".jsonl", encoding: .utf8)
      #expect(lines.count { $0 == "\n" } == 2000)
    }
  }

  /// What `sql show` prints, and what the page and the typed searches send.
  @Test(arguments: [
    (ServerCapabilities.Product.analyticDB, true), (ServerCapabilities.Product.greenplum, false),
  ])
  func libraryStatementsAreWhatTheBaseTakes(_ product: ServerCapabilities.Product, hasANN: Bool) throws {
    let server = ServerCapabilities(
      product: product,
      serverVersion: 90_426,
      versionText: "",
      hasAnnIndex: hasANN
    )
    let dialect = try Dialect.analyticDB.checked(against: server)
    for statement in LibraryStatement.all {
      let text = try statement.sql(for: .imageSearch).rendered(for: dialect).text
      #expect(OldBase.refused(in: text).isEmpty, "\(statement.name): \(text)")
      #expect(OldBase.unknownNames(in: text).isEmpty, "\(statement.name): \(text)")
      #expect(hasANN || !text.contains("<->"), "\(statement.name): \(text)")
    }
  }
}
