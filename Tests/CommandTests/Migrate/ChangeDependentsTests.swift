import Foundation
import TestSupport
import Testing

/// What else depends on the old column.
struct ChangeDependentsTests {
  @Test func viewsTriggersAndGrantsAreCarried() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(50)
      _ = try await bench.rows(
        """
        CREATE VIEW seen AS SELECT id, class FROM image_search WHERE vector_dims(image_vector) = 8;
        CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER counted AFTER UPDATE OF image_vector ON image_search FOR EACH ROW EXECUTE FUNCTION count_changes();
        DROP ROLE IF EXISTS adbvec_reader; CREATE ROLE adbvec_reader; GRANT SELECT (image_vector) ON image_search TO adbvec_reader
        """
      )
      let refused = try await bench.run(["migrate", "new", "--re-embed", "half", "--to-type", "halfvec"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("view seen"))
      _ = try await bench.rows("DROP VIEW seen")
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
      let column =
        "SELECT attnum::text FROM pg_attribute WHERE attrelid = 'image_search'::regclass AND attname = 'image_vector'"
      #expect(
        try await bench.value("SELECT tgattr::text FROM pg_trigger WHERE tgname = 'counted'")
          == (try await bench.value(column))
      )
      #expect(
        try await bench.value(
          "SELECT has_column_privilege('adbvec_reader', 'image_search', 'image_vector', 'SELECT')"
        ) == "t"
      )
      _ = try await bench.rows(
        "REVOKE ALL (image_vector, image_vector_previous) ON image_search FROM adbvec_reader; DROP ROLE adbvec_reader"
      )
    }
  }

  @Test func aGeneratedColumnIsRefusedByName() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(10)
      _ = try await bench.rows(
        "ALTER TABLE image_search ADD COLUMN norm float8 GENERATED ALWAYS AS (vector_norm(image_vector)) STORED"
      )
      let refused = try await bench.run(["migrate", "new", "--re-embed", "half", "--to-type", "halfvec"])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("norm"))
    }
  }
  /// A view stays as it is where the new vectors have the type of the old ones.
  @Test func aViewShowsTheNewVectorsAndOnTheWayBackTheOldOnes() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(50)
      _ = try await bench.rows(
        """
        CREATE VIEW seen WITH (security_barrier = true) AS
          SELECT id, image_vector, vector_norm(image_vector) AS norm FROM image_search WHERE vector_dims(image_vector) = 8;
        DROP ROLE IF EXISTS adbvec_viewer; CREATE ROLE adbvec_viewer; GRANT SELECT ON seen TO adbvec_viewer
        """
      )
      let longest = "SELECT round(max(norm)::numeric, 3)::text FROM seen"
      let before = try await bench.value(longest)
      try await bench.succeed("migrate", "new", "--re-embed", "unit", "--to-normalise", "--max-loss", "1")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.value(longest) == "1.000")
      #expect(try await bench.value("SELECT has_table_privilege('adbvec_viewer', 'seen', 'SELECT')") == "t")
      #expect(
        try await bench.value("SELECT reloptions::text FROM pg_class WHERE relname = 'seen'")
          == "{security_barrier=true}"
      )
      try await bench.succeed("migrate", "down")
      #expect(try await bench.value(longest) == before)
      _ = try await bench.rows("REVOKE ALL ON seen FROM adbvec_viewer; DROP ROLE adbvec_viewer")
    }
  }

  @Test func everythingThatCannotFollowIsRefusedByNameAndNothingIsWritten() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(10)
      _ = try await bench.rows(
        """
        CREATE MATERIALIZED VIEW stored_norms AS SELECT id, vector_norm(image_vector) AS norm FROM image_search;
        CREATE POLICY only_eight ON image_search USING (vector_dims(image_vector) = 8);
        ALTER TABLE image_search ADD CONSTRAINT not_zero CHECK (vector_norm(image_vector) > 0);
        CREATE INDEX halved ON image_search USING hnsw ((image_vector::halfvec(8)) halfvec_l2_ops);
        CREATE INDEX bits ON image_search USING hnsw ((binary_quantize(image_vector)::bit(8)) bit_hamming_ops)
        """
      )
      let refused = try await bench.run(["migrate", "new", "--re-embed", "unit", "--to-normalise"])
      #expect(refused.exitCode == 1)
      for name in ["stored_norms", "only_eight", "not_zero", "halved", "bits"] {
        #expect(refused.error.contains(name), "\(refused.error)")
      }
      #expect(refused.error.contains("Fix: "))
      #expect(try await bench.leftovers() == [])
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: bench.folder + "/migrations/pgvector").filter {
          $0.contains("unit")
        } == []
      )
    }
  }

  @Test func aTableWithPartitionsIsRefusedBeforeAnythingIsWritten() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      _ = try await bench.rows(
        """
        CREATE TABLE parted (id integer PRIMARY KEY, class text, image_vector vector(8), source text) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100)
        """
      )
      let refused = try await bench.run([
        "migrate", "new", "--re-embed", "half", "--to-type", "halfvec", "--table", "parted",
      ])
      #expect(refused.exitCode == 1)
      #expect(refused.error.contains("has partitions"))
      #expect(refused.error.contains("Fix: load the images into another table"))
    }
  }
}
