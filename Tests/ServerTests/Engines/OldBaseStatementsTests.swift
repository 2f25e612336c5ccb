import Foundation
import ImageSearch
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// What the commands send to a server that says it is Greenplum 6, AnalyticDB 6 or Greenplum 7 with pgvector: every
/// statement, as it is sent, is one that the server takes, by the facts that were recorded on Greenplum 6.24.3 and by the
/// documents of Greenplum 7. A PostgreSQL of today answers.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: Program.adbvec), "the command is not built"))
struct OldBaseStatementsTests {
  @Test(.enabled("fastann is not built for the private server") { try await Fastann.isInstalled })
  func analyticDBIsSentWhatItsBaseTakes() async throws {
    // AnalyticDB 6.0 has it back-ported.
    try await MaskedServer.with(["fastann"], except: ["on conflict"]) { masked, rows in
      try await masked.succeed("migrate", "up", "--set", "dim=4")
      try await masked.lookAtMigrations()
      try await masked.succeed("migrate", "redo", "--set", "dim=4", "--yes")
      try await masked.succeed("load", rows)
      try await masked.succeed("load", rows, "--restart", "--on-conflict", "skip")
      try await masked.succeed("load", rows, "--restart", "--on-conflict", "update", "--method", "copy")
      try await masked.loadWithDeferredIndexes(rows)
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
    try await MaskedServer.with([], except: []) { masked, rows in
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
    try await MaskedServer.with([], as: .greenplum7, except: []) { masked, rows in
      try await masked.succeed("migrate", "up", "--set", "dim=4")
      try await masked.lookAtMigrations()
      try await masked.succeed("load", rows)
      try await masked.succeed("migrate", "redo", "99", "--set", "dim=4", "--yes")
      for policy in ["skip", "update"] {
        for method in ["insert", "copy"] {
          try await masked.succeed("load", rows, "--restart", "--on-conflict", policy, "--method", method)
        }
      }
      try await masked.loadWithDeferredIndexes(rows)
      #expect(
        try await masked.succeed("search", "--id", "7", "--top-k", "5", "--format", "csv").contains("c")
      )
      try await masked.succeed("search", "--id", "7", "--class", "c1", "--top-k", "150")
      try await masked.succeed("search", "--id", "7", "--exact")
      let explained = try await masked.succeed("sql", "query", "--id", "7", "--explain")
      #expect(explained.contains("The server's plan"))
      try await masked.succeed("unload", rows + ".npy")
      var report = try await masked.run("doctor", "--images", "0")
      // Rows were updated before the index was built: sessions use it once the snapshots that tests beside this one hold are gone.
      for _ in 0..<60 where report.output.contains("no search can use the index") {
        try await Task.sleep(for: .milliseconds(500))
        report = try await masked.run("doctor", "--images", "0")
      }
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
    try await MaskedServer.with([], as: .greenplum7, except: []) { masked, rows in
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
    try await MaskedServer.with(isSeven ? [] : ["fastann"], as: base, except: ["on conflict"]) {
      masked,
      rows in
      try await withTemporaryFolder { folder in
        var environment = masked.environment
        environment["ADBVEC_MIGRATIONS"] = nil
        environment["ADBVEC_PARAM_DIM"] = "4"
        let bench = MaskedServer(mask: masked.mask, environment: environment, database: masked.database)
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
    try await MaskedServer.with(isSeven ? [] : ["fastann"], as: base, except: ["on conflict"]) { masked, _ in
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
        let bench = MaskedServer(mask: masked.mask, environment: environment, database: masked.database)
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
}
