import Foundation
import MetricLearning
import PostgresClient
import TestSupport
import Testing

/// Changes that need no model: another type, done by the server.
struct StorageChangeTests {
  @Test func halfPrecisionGoesThereAndBackAndIsContracted() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(300)
      let before = try await bench.value(
        "SELECT md5(string_agg(image_vector::text, ',' ORDER BY id)) FROM image_search"
      )
      let written = try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      #expect(written.output.split(separator: "\n").count == 5)
      #expect(try await bench.succeed("migrate", "lint").error.contains("nothing found"))
      try await bench.succeed("migrate", "up")
      #expect(
        try await bench.value(
          "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'image_search'::regclass AND attname = 'image_vector'"
        )
          == "halfvec(8)"
      )
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE image_vector IS DISTINCT FROM image_vector_previous::halfvec(8)"
        )
          == "0"
      )
      // A row that is written after the switch keeps its vector on the way back.
      _ = try await bench.rows(
        "INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'late', '[1,2,3,4,5,6,7,8]')"
      )
      // Without names the vector would go where the old ones are now.
      await #expect(throws: PostgresError.self) {
        try await bench.rows("INSERT INTO image_search VALUES (1001, 'lost', '[1,2,3,4,5,6,7,8]')")
      }
      try await bench.succeed("migrate", "down")
      #expect(
        try await bench.value("SELECT image_vector::text FROM image_search WHERE id = 1000")
          == "[1,2,3,4,5,6,7,8]"
      )
      let back = try await bench.value(
        "SELECT md5(string_agg(image_vector::text, ',' ORDER BY id)) FROM image_search WHERE id < 1000"
      )
      #expect(back == before)
      try await bench.succeed("migrate", "up")
      try await bench.succeed("migrate", "new", "--contract", "half")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.leftovers() == [])
      let search = try await bench.succeed("search", "--id", "1000", "--top-k", "3", "--format", "json")
      #expect(search.output.contains("\"hits\""))
    }
  }

  @Test func everyStepGoesDownUntilNothingIsLeft() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(100)
      let before = try await bench.value(
        "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM image_search t"
      )
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
      for _ in 0..<4 { try await bench.succeed("migrate", "down") }
      // The column with the new vectors is data, and goes only when that is allowed.
      let refused = try await bench.run(["migrate", "down"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("100 values"))
      try await bench.succeed("migrate", "down", "--yes")
      #expect(try await bench.leftovers() == [])
      #expect(
        try await bench.value("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM image_search t")
          == before
      )
    }
  }

  @Test func vectorsOfLengthOneAreMadeByTheServer() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(200)
      _ = try await bench.rows("UPDATE image_search SET image_vector = '[0,0,0,0,0,0,0,0]' WHERE id = 7")
      let before = try await bench.checksum()
      try await bench.succeed("migrate", "new", "--re-embed", "unit", "--to-normalise")
      try await bench.succeed("migrate", "up")
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE image_vector IS DISTINCT FROM l2_normalize(image_vector_previous)"
        ) == "0"
      )
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE abs(vector_norm(image_vector) - 1) > 1e-5"
        ) == "1"
      )
      // Lengths are gone for good: nothing makes an old vector of a new one.
      _ = try await bench.rows(
        "INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'late', '[1,0,0,0,0,0,0,0]')"
      )
      let refused = try await bench.run(["migrate", "down"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("nothing makes old vectors of them"))
      #expect(
        try await bench.value("SELECT count(*) FROM image_search WHERE image_vector_previous IS NULL") == "1"
      )
      _ = try await bench.rows("DELETE FROM image_search WHERE id = 1000")
      try await bench.succeed("migrate", "down")
      #expect(try await bench.checksum() == before)
    }
  }

  @Test func aProjectionMakesShorterVectorsOfTheOldOnes() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(200)
      let before = try await bench.checksum()
      try await bench.fitShortProjection()
      try await bench.succeed("migrate", "new", "--re-embed", "short", "--to-projection", "short.safetensors")
      try await bench.succeed("migrate", "up")
      let projection = try Projection(contentsOfFile: bench.folder + "/short.safetensors")
      for row in try await bench.rows(
        "SELECT image_vector_previous::real[]::text, image_vector::real[]::text FROM image_search"
      ) {
        let (old, new) = (Self.numbers(row[0]), Self.numbers(row[1]))
        #expect(new.count == 4)
        let made = try projection.apply(to: old)
        #expect(zip(made, new).allSatisfy { abs($0 - $1) < 1e-3 }, "\(made) \(new)")
      }
      // Writers must write the new vectors: the server refuses the old length.
      await #expect(throws: PostgresError.self) {
        try await bench.rows(
          "INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'late', '[1,2,3,4,5,6,7,8]')"
        )
      }
      _ = try await bench.rows("UPDATE image_search SET class = 'same' WHERE id = 4")
      try await bench.succeed("migrate", "down")
      #expect(try await bench.checksum() == before)
    }
  }

  private static func numbers(_ array: String?) -> [Float] {
    (array ?? "").trimmingCharacters(in: ["{", "}"]).split(separator: ",").compactMap { Float($0) }
  }

  /// A halfvec ends at 65504; a writer of the old column need not know.
  @Test func aVectorThatTheNewTypeCannotHoldRefusesNoWriterAndEndsTheBackfill() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(50)
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up", "--to", try bench.version("gate"))
      _ = try await bench.rows(
        """
        INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'far', '[70000,2,3,4,5,6,7,8]');
        UPDATE image_search SET image_vector = '[65000,0,0,0,0,0,0,0]' WHERE id = 7
        """
      )
      let ended = try await bench.run(["migrate", "up"])
      #expect(ended.exitCode == 1)
      #expect(ended.error.contains("cannot be converted"), "\(ended.error)")
      #expect(ended.error.contains("1000"))
      _ = try await bench.rows("UPDATE image_search SET image_vector = '[7,2,3,4,5,6,7,8]' WHERE id = 1000")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.value("SELECT count(image_vector) FROM image_search") == "51")
      #expect(
        try await bench.value("SELECT image_vector::text FROM image_search WHERE id = 7")
          == "[64992,0,0,0,0,0,0,0]"
      )
    }
  }

  @Test func theHistoryNamesTheStepOfAFile() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(20)
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
      let kinds = try await bench.rows(
        "SELECT regexp_replace(name, '.*_', ''), kind FROM adbvec_migrations WHERE name LIKE 'half%' ORDER BY version"
      )
      #expect(
        kinds == [
          ["expand", "versioned"], ["backfill", "backfill"], ["index", "versioned"], ["gate", "gate"],
          ["switch", "versioned"],
        ]
      )
      let status = try await bench.succeed("migrate", "status").output.split(separator: "\n")
      #expect(status.contains { $0.contains("half_backfill") && $0.hasSuffix("backfill") })
      #expect(status.contains { $0.contains("half_gate") && $0.hasSuffix("gate") })
      let json = try await bench.succeed("migrate", "status", "--format", "json").output
      #expect(json.filter { !$0.isWhitespace }.contains("\"kind\":\"backfill\""))
    }
  }

  /// Once in the order of the keys, for any statistics: ids in the order of their texts would be met out of turn.
  @Test func aBackfillGoesThroughTheKeysOnceByTheirIndex() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      _ = try await bench.rows("DROP INDEX image_search_image_vector_idx")
      try await bench.fill(12_000)
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up", "--to", try bench.version("expand"))
      _ = try await bench.rows("ALTER TABLE image_search SET (autovacuum_enabled = off)")
      let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'image_search'"
      let before = Int(try await bench.value(scans) ?? "") ?? 0
      try await bench.succeed("migrate", "up", "--to", try bench.version("backfill"))
      let after = Int(try await bench.value(scans) ?? "") ?? 0
      // 188 portions: a count and a look or two read the table, and no portion does.
      #expect(after - before < 20, "\(after - before)")
      #expect(
        try await bench.value(
          "SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'image_search'"
        ) == "0"
      )
      // New rows lie in the order in which they were written: 10009 is not followed by 1001.
      let back = try await bench.value(
        "SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY ctid) AS last FROM image_search) x WHERE last > id + 2000"
      )
      #expect((0..<20).contains(Int(back ?? "") ?? -1), "\(back ?? "")")
    }
  }
}
