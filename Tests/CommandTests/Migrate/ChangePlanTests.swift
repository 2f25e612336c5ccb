import Foundation
import TestSupport
import Testing

/// What a plan of a change says before anything begins.
struct ChangePlanTests {
  /// What a plan must leave as it is: everything of the catalogue and the history.
  private static let everything = """
    SELECT md5(string_agg(t, ',' ORDER BY t)) FROM (
      SELECT 'c' || c.oid || c.relname || c.relfilenode AS t FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname = 'public'
      UNION ALL SELECT 'a' || attrelid || attname FROM pg_attribute WHERE attrelid = 'image_search'::regclass
      UNION ALL SELECT 't' || tgname FROM pg_trigger
      UNION ALL SELECT 'p' || oid FROM pg_proc
      UNION ALL SELECT 'h' || h::text FROM adbvec_migrations h
      UNION ALL SELECT 'r' || xmin || id FROM image_search) x
    """

  @Test(arguments: [["--to-type", "halfvec"], ["--to-normalise"], ["--to-projection", "short.safetensors"]])
  func saysRowsHoursBytesMemoryAndLocksAndWritesNothing(kind: [String]) async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(300)
      try await bench.fitShortProjection()
      let files = try await bench.run(["migrate", "new", "--re-embed", "next"] + kind)
      #expect(files.exitCode == 0, "\(files.error)")
      let before = try await bench.value(Self.everything)
      var reading = bench
      // The server itself refuses a plan that writes.
      reading.settings["DATABASE_URL"] =
        bench.database.url
        + (bench.database.url.contains("?") ? "&" : "?") + "options=-c%20default_transaction_read_only%3Don"
      #expect(try await reading.run(["migrate", "up"]).exitCode == 1)
      let plan = try await reading.succeed("migrate", "plan").output
      for line in [
        "--   300 rows wait for a vector in image_vector_next",
        " h to write the rows and as much to build the index",
        "--   table: ", "--   index: ", "--   WAL: about ", "--   memory: ", "--   locks: ACCESS EXCLUSIVE ",
      ] { #expect(plan.contains(line), "\(line)\n\(plan)") }
      #expect(try await bench.value(Self.everything) == before)
    }
  }

  /// A figure that follows from the rows is right: 20,000 vectors of 8 halves with their heads.
  @Test func theBytesAreThoseOfTheRows() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      _ = try await bench.rows("DROP INDEX image_search_image_vector_idx")
      try await bench.fill(20_000)
      let plan = try await bench.succeed("migrate", "plan").output
      #expect(plan.contains("20000 rows wait"))
      #expect(plan.contains("table: 0.5 MB of new vectors"), "\(plan)")
      #expect(!plan.contains("h to write the rows"))
      #expect(!plan.contains("memory:"))
    }
  }

  /// The indexes that are built have the size that the plan said, within a fifth.
  @Test(arguments: [["half", "--to-type", "halfvec"], ["small", "--to-type", "bit", "--min-recall", "0"]])
  func theIndexHasTheSizeThatThePlanSaid(words: [String]) async throws {
    try await ChangeBench.with(dimension: 64) { bench in
      _ = try await bench.rows(
        """
        INSERT INTO image_search (id, class, image_vector)
        SELECT i, 'a', (SELECT array_agg(random() - 0.5) FROM generate_series(1, 64) k WHERE i > 0)::real[]::vector
        FROM generate_series(1, 4000) i;
        ANALYZE image_search
        """
      )
      let files = try await bench.run(["migrate", "new", "--re-embed"] + words)
      #expect(files.exitCode == 0, "\(files.error)")
      let plan = try await bench.succeed("migrate", "plan").output
      let line = try #require(plan.split(separator: "\n").first { $0.contains("  index: ") })
      let said = try #require(line.split(separator: " ").compactMap { Double($0) }.first)
      try await bench.succeed("migrate", "up", "--to", try bench.version("index"))
      let size = try await bench.value(
        "SELECT pg_relation_size(oid) / 1e6 FROM pg_class WHERE relname ~ '^image_search_image_vector_(idx_next|bits)$'"
      )
      let built = try #require(size.flatMap { Double($0) })
      #expect(abs(built - said) < built / 5 + 0.05, "\(said) \(built)")
    }
  }

  @Test func whatMakesTheVectorsIsLookedForBeforeAnythingBegins() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(30)
      let file = "short.safetensors"
      try await bench.fitShortProjection()
      try await bench.succeed("migrate", "new", "--re-embed", "short", "--to-projection", file)
      try FileManager.default.removeItem(atPath: bench.folder + "/" + file)
      for words in [["migrate", "plan"], ["migrate", "up"]] {
        let refused = try await bench.run(words)
        #expect(refused.exitCode == 1, "\(words)")
        #expect(refused.error.contains(file), "\(refused.error)")
      }
      #expect(try await bench.leftovers() == [])
    }
  }
}
