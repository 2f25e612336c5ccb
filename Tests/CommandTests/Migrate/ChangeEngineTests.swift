import Foundation
import TestSupport
import Testing

/// Changes on other engines than PostgreSQL with pgvector.
struct ChangeEngineTests {
  /// On the sandbox of AnalyticDB: arrays of real, and an index that is told its dimension.
  @Test(arguments: [["--to-normalise"], ["--to-projection", "short.safetensors"]])
  func analyticDBGoesThereAndBackAndIsContracted(kind: [String]) async throws {
    try await ChangeBench.with(dimension: 8, dialect: "analyticdb") { bench in
      try await bench.fill(200)
      try await bench.fitShortProjection()
      let isShorter = kind[0] == "--to-projection"
      let before = try await bench.checksum(where: "id NOT IN (5, 6)")
      let files = try await bench.run(["migrate", "new", "--re-embed", "next"] + kind)
      #expect(files.exitCode == 0, "\(files.error)")
      let plan = try await bench.succeed("migrate", "plan").output
      #expect(plan.contains("200 rows wait for a vector"))
      #expect(plan.contains("memory: "))
      try await bench.succeed("migrate", "up", "--to", try bench.version("backfill"))
      // What writers change meanwhile is caught.
      _ = try await bench.rows(
        """
        UPDATE image_search SET image_vector = ARRAY[3,4,0,0,0,0,0,0] WHERE id = 5;
        INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'new', ARRAY[0,0,6,8,0,0,0,0]);
        DELETE FROM image_search WHERE id = 6
        """
      )
      try await bench.succeed("migrate", "up")
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE array_length(image_vector, 1) = \(isShorter ? 4 : 8)"
        )
          == "200"
      )
      if !isShorter {
        #expect(
          try await bench.rows(
            "SELECT image_vector::text FROM image_search WHERE id IN (5, 1000) ORDER BY id"
          )
            == [["{0.6,0.8,0,0,0,0,0,0}"], ["{0,0,0.6,0.8,0,0,0,0}"]]
        )
      }
      #expect(
        try await bench.value(
          "SELECT reloptions::text FROM pg_class WHERE relname = 'image_search_image_vector_idx'"
        )?
        .contains("dim=\(isShorter ? 4 : 8)") ?? false
      )
      let search = try await bench.succeed("search", "--id", "5", "--top-k", "3", "--format", "json")
      #expect(search.output.contains("\"hits\""))
      try await bench.succeed("migrate", "down")
      #expect(try await bench.checksum(where: "id NOT IN (5, 6, 1000)") == before)
      #expect(
        try await bench.value("SELECT image_vector::text FROM image_search WHERE id = 1000")
          == "{0,0,6,8,0,0,0,0}"
      )
      try await bench.succeed("migrate", "up")
      try await bench.succeed("migrate", "new", "--contract", "next")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.leftovers() == [])
    }
  }

  private static let citus = Environment.variables["ADBVEC_CITUS_URL"] ?? ""

  /// On a distributed table, with a writer on the coordinator from the first file to the last.
  @Test(.enabled(if: !citus.isEmpty, "ADBVEC_CITUS_URL names no cluster"))
  func aDistributedTableGoesThereAndBackAndIsContracted() async throws {
    let schema = "change_" + String(ProcessInfo.processInfo.processIdentifier)
    try await CitusChange.with(schema) { change in
      try await change.migrate("new", "--re-embed", "half", "--to-type", "halfvec")
      let plan = try await change.migrate("plan")
      #expect(plan.output.contains("1000 rows wait for a vector"))
      let writing = Task { try await change.write() }
      for _ in 0..<2 {
        try await change.migrate("up")
        try await change.migrate("down")
      }
      try await change.migrate("up")
      writing.cancel()
      #expect(try await writing.value > 0)
      let stale = """
        SELECT count(*) FROM image_search
        WHERE image_vector IS DISTINCT FROM image_vector_previous::halfvec(8) OR image_vector IS NULL
        """
      #expect(try await change.value(stale) == "0")
      #expect(
        try await change.value(
          "SELECT count(*) FROM image_search i FULL JOIN shadow s USING (id) WHERE i.image_vector IS DISTINCT FROM s.v::halfvec(8)"
        )
          == "0"
      )
      try await change.migrate("new", "--contract", "half")
      try await change.migrate("up")
      // On every node, shards included.
      for sql in [
        "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%image_vector%'",
        """
        SELECT count(*) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE relkind = 'r' AND NOT attisdropped AND attname ~ '^image_vector_(next|previous|state)$'
        """,
      ] {
        let counts = try await change.rows("SELECT result FROM run_command_on_all_nodes($$\(sql)$$)")
        #expect(Set(counts.map { $0[0] }) == ["0"], "\(sql)")
      }
    }
  }

  /// Each copy of a row would run the triggers.
  @Test(.enabled(if: !citus.isEmpty, "ADBVEC_CITUS_URL names no cluster"))
  func aReferenceTableIsRefusedBeforeAnythingIsWritten() async throws {
    let schema = "reference_" + String(ProcessInfo.processInfo.processIdentifier)
    try await CitusChange.with(schema, placement: "replicated") { change in
      let refused = try await change.run("new", "--re-embed", "half", "--to-type", "halfvec")
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("each node has a copy"))
      #expect(refused.error.contains("Fix: SELECT undistribute_table"))
    }
  }
}
