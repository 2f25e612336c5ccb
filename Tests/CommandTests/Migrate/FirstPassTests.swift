import Foundation
import TestSupport
import Testing

/// An index on the vectors' signs in the place of the one on the vectors.
struct FirstPassTests {
  /// Twenty classes whose vectors differ by their signs: the nearest of a row are of its class.
  private static func fill(_ bench: ChangeBench, _ count: Int = 1500) async throws {
    _ = try await bench.rows(
      """
      INSERT INTO image_search (id, class, image_vector)
      SELECT i, 'class ' || i % 20, (
        SELECT array_agg(
          CASE WHEN ascii(substr(md5((i % 20) || '-' || k), 1, 1)) % 2 = 0 THEN 1 ELSE -1 END
            + (('x' || substr(md5(i || '/' || k), 1, 4))::bit(16)::int / 65536.0 - 0.5) * 1.8)
        FROM generate_series(1, 64) k)::real[]::vector
      FROM generate_series(1, \(count)) i;
      ANALYZE image_search
      """
    )
  }

  private static let indexes =
    "SELECT string_agg(indexdef, '; ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'image_search'"

  private static func ids(_ bench: ChangeBench, _ more: String...) async throws -> [String] {
    let finished = try await bench.run(["search", "--id", "7", "--top-k", "10", "--format", "csv"] + more)
    try #require(finished.exitCode == 0, "\(finished.error)")
    return finished.output.split(separator: "\n").map { String($0.prefix { $0 != "," }) }
  }

  @Test func searchesGoByBitsAndBackAndNoRowIsWritten() async throws {
    try await ChangeBench.with(dimension: 64) { bench in
      try await Self.fill(bench)
      let before = try await bench.value(Self.indexes)
      let rows = "SELECT md5(string_agg(ctid::text || xmin, ',' ORDER BY id)) FROM image_search"
      let written = try await bench.value(rows)
      let files = try await bench.succeed("migrate", "new", "--re-embed", "small", "--to-type", "bit")
      #expect(files.output.split(separator: "\n").count == 3)
      #expect(try await bench.succeed("migrate", "lint").error.contains("nothing found"))
      let plan = try await bench.succeed("migrate", "plan").output
      for line in [
        "1500 rows keep their vectors", " h at most to build", "index: ", "WAL: ", "memory: ", "locks: none",
      ] {
        #expect(plan.contains(line), "\(line)\n\(plan)")
      }
      try await bench.succeed("migrate", "up", "--to", try bench.version("gate"))
      // The index on the vectors serves searches until the switch.
      #expect(!(try await bench.succeed("sql", "query", "--id", "7").output.contains("binary_quantize")))
      let stem = "\(bench.folder)/migrations/pgvector/\(try bench.version("gate"))_small_gate.report"
      let report = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: stem + ".json")))
      let found = try #require(report as? [String: Any])
      #expect(try #require(found["index_recall"] as? Double) >= 0.9)
      #expect(found["old_index_recall"] is Double)
      #expect(FileManager.default.fileExists(atPath: stem + ".png"))
      try await bench.succeed("migrate", "up")
      let definitions = try await bench.value(Self.indexes)
      #expect(
        definitions?.contains("vector_l2_ops") == false && definitions?.contains("bit_hamming_ops") == true
      )
      #expect(try await bench.succeed("sql", "query", "--id", "7").output.contains("binary_quantize"))
      // As an exact search orders them, with the distances of the vectors.
      #expect(try await Self.ids(bench) == (try await Self.ids(bench, "--exact")))
      #expect(try await bench.value(rows) == written)
      let doctor = try await bench.run(["doctor"]).output
      #expect(!doctor.contains("no vector index") && !doctor.contains("cannot use it"), "\(doctor)")
      // The server keeps the bits true to the rows.
      _ = try await bench.rows(
        "UPDATE image_search SET image_vector = (SELECT image_vector FROM image_search WHERE id = 7) WHERE id = 8"
      )
      #expect(try await Self.ids(bench)[1] == "8")
      try await bench.succeed("migrate", "down")
      #expect(!(try await bench.succeed("sql", "query", "--id", "7").output.contains("binary_quantize")))
      try await bench.succeed("migrate", "down", "--to", try bench.version("index"))
      try await bench.succeed("migrate", "down")
      #expect(try await bench.value(Self.indexes) == before)
    }
  }

  @Test func theMetricOfTheOldIndexStays() async throws {
    try await ChangeBench.with(dimension: 64) { bench in
      try await Self.fill(bench, 300)
      _ = try await bench.rows(
        """
        DROP INDEX image_search_image_vector_idx;
        CREATE INDEX by_angle ON image_search USING hnsw (image_vector vector_cosine_ops) WITH (m = 8, ef_construction = 40)
        """
      )
      try await bench.succeed("migrate", "new", "--re-embed", "small", "--to-type", "bit")
      try await bench.succeed("migrate", "up")
      let sql = try await bench.succeed("sql", "query", "--id", "7").output
      #expect(sql.contains("binary_quantize") && sql.contains("cosine_distance"), "\(sql)")
      #expect(try await bench.value(Self.indexes)?.contains("(ef_construction='40', m='8')") == true)
      // Another metric has no index: every row is compared, by the true distance.
      let other = try await bench.succeed("sql", "query", "--id", "7", "--metric", "l2").output
      #expect(!other.contains("binary_quantize"), "\(other)")
      #expect(
        try await bench.succeed("search", "--id", "7", "--class", "class 3", "--top-k", "5").exitCode == 0
      )
    }
  }

  @Test func theGateRefusesBitsThatTellNothing() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      // All numbers are positive, and all bits equal.
      try await bench.fill(3000)
      try await bench.succeed("migrate", "new", "--re-embed", "small", "--to-type", "bit")
      let refused = try await bench.run(["migrate", "up"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("of the true neighbours"), "\(refused.error)")
      #expect(try await bench.value(Self.indexes)?.contains("vector_l2_ops") == true)
      #expect(!(try await bench.succeed("sql", "query", "--id", "7").output.contains("binary_quantize")))
    }
  }

  @Test func anIndexOnBitsFollowsTheTableToItsNextModel() async throws {
    try await ChangeBench.with(dimension: 64) { bench in
      try await Self.fill(bench, 600)
      try await bench.succeed("migrate", "new", "--re-embed", "small", "--to-type", "bit")
      try await bench.succeed("migrate", "up")
      let refused = try await bench.run(["migrate", "new", "--re-embed", "small again", "--to-type", "bit"])
      #expect(refused.error.contains("image_search_image_vector_bits"))
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
      let sql = try await bench.succeed("sql", "query", "--id", "7").output
      #expect(sql.contains("binary_quantize"), "\(sql)")
      #expect(try await Self.ids(bench) == (try await Self.ids(bench, "--exact")))
      try await bench.succeed("migrate", "down")
      #expect(try await bench.succeed("sql", "query", "--id", "7").output.contains("binary_quantize"))
    }
  }

  @Test func thePageGoesOnByBitsWithoutARestart() async throws {
    try await ChangeBench.with(dimension: 64) { bench in
      try await Self.fill(bench, 600)
      try await bench.succeed("migrate", "new", "--re-embed", "small", "--to-type", "bit")
      try await ServedPage.with([], environment: bench.settings) { page in
        func sql() async throws -> String {
          let answer = try await page.ask("/api/v1/search?id=7&k=5")
          #expect(answer.status == 200, "\(answer.text)")
          return answer.text
        }
        #expect(!(try await sql().contains("binary_quantize")))
        try await bench.succeed("migrate", "up")
        for _ in 0..<300 where try await !sql().contains("binary_quantize") {
          try await Task.sleep(for: .milliseconds(100))
        }
        #expect(try await sql().contains("binary_quantize"))
      }
    }
  }

  @Test func bitsAreRefusedBesideOtherVectorsAndWhereTheServerHasNone() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      let both = try await bench.run([
        "migrate", "new", "--re-embed", "x", "--to-type", "bit", "--to-normalise",
      ])
      #expect(both.exitCode == 64)
      #expect(both.error.contains("--to-normalise"))
      _ = try await bench.rows(
        "DROP INDEX image_search_image_vector_idx; ALTER TABLE image_search ALTER COLUMN image_vector TYPE vector"
      )
      try await bench.fill(10)
      let open = try await bench.run(["migrate", "new", "--re-embed", "x", "--to-type", "bit"])
      #expect(open.error.contains("TYPE vector(8)"), "\(open.error)")
    }
    try await ChangeBench.with(dimension: 8, dialect: "analyticdb") { bench in
      try await bench.fill(10)
      let refused = try await bench.run(["migrate", "new", "--re-embed", "x", "--to-type", "bit"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("pq_enable"), "\(refused.error)")
    }
  }
}
