import Foundation
import PostgresClient
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
      #expect(refused.error.contains("Fix: fill another such table"))
      // That works: the table has the new type behind it, and a search finds its rows.
      _ = try await bench.rows(
        """
        INSERT INTO parted SELECT i, 'a', (SELECT array_agg(i * k % 13 + 1) FROM generate_series(1, 8) k)::vector
          FROM generate_series(1, 50) i;
        CREATE TABLE parted_next (id integer PRIMARY KEY, class text, image_vector halfvec(8), source text) PARTITION BY RANGE (id);
        CREATE TABLE parted_next_1 PARTITION OF parted_next FOR VALUES FROM (0) TO (100);
        INSERT INTO parted_next SELECT id, class, image_vector::halfvec(8), source FROM parted;
        ALTER TABLE parted RENAME TO parted_old; ALTER TABLE parted_next RENAME TO parted
        """
      )
      let search = try await bench.succeed(
        "search",
        "--table",
        "parted",
        "--id",
        "7",
        "--top-k",
        "3",
        "--format",
        "csv"
      )
      #expect(search.output.split(separator: "\n").count == 4)
    }
  }

  /// What the table of docs/change-model.md says of the column and its table: each is as it was, before, behind and on the way.
  @Test func whatTheColumnAndItsTableHaveIsKept() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      _ = try await bench.rows(
        """
        DROP ROLE IF EXISTS adbvec_clerk; CREATE ROLE adbvec_clerk;
        CREATE SCHEMA "Shop";
        CREATE UNLOGGED TABLE "Shop"."Order" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, class text,
          "Vector" vector(8) NOT NULL, source text);
        ALTER TABLE "Shop"."Order" ALTER COLUMN "Vector" SET STATISTICS 7, ALTER COLUMN "Vector" SET STORAGE MAIN;
        COMMENT ON COLUMN "Shop"."Order"."Vector" IS 'it''s "ours"';
        ALTER TABLE "Shop"."Order" REPLICA IDENTITY FULL;
        GRANT SELECT ("Vector") ON "Shop"."Order" TO adbvec_clerk WITH GRANT OPTION;
        INSERT INTO "Shop"."Order" (class, "Vector") SELECT 'a', (SELECT array_agg(i * k % 13 + 1) FROM generate_series(1, 8) k)::vector
          FROM generate_series(1, 200) i;
        CREATE INDEX "Near" ON "Shop"."Order" USING hnsw ("Vector" vector_l2_ops);
        CREATE UNLOGGED TABLE "Shop".sold (item bigint REFERENCES "Shop"."Order");
        INSERT INTO "Shop".sold VALUES (1), (200);
        CREATE FUNCTION "Shop".look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER asleep AFTER UPDATE OF "Vector" ON "Shop"."Order" FOR EACH ROW EXECUTE FUNCTION "Shop".look();
        ALTER TABLE "Shop"."Order" DISABLE TRIGGER asleep
        """
      )
      // The files name their table; the shipped migrations are about another.
      var shop = bench
      shop.settings["ADBVEC_TABLE"] = "\"Shop\".\"Order\""
      shop.settings["ADBVEC_VECTOR_COLUMN"] = "Vector"
      let traits = """
        SELECT coalesce(a.attstattarget, -1)::text, a.attstorage::text, col_description(a.attrelid, a.attnum), a.attnotnull::text,
          (SELECT count(*) FROM pg_constraint WHERE conrelid = a.attrelid AND contype = 'c')::text,
          (SELECT relreplident::text || relpersistence::text FROM pg_class WHERE oid = a.attrelid),
          (SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'asleep' AND tgattr::text = a.attnum::text),
          has_column_privilege('adbvec_clerk', a.attrelid, a.attnum, 'SELECT WITH GRANT OPTION')::text
        FROM pg_attribute a WHERE attrelid = '"Shop"."Order"'::regclass AND attname = 'Vector'
        """
      let before = try await bench.rows(traits)
      #expect(before == [["7", "m", "it's \"ours\"", "true", "0", "fu", "D", "true"]])
      try await shop.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      #expect(try await bench.succeed("migrate", "lint").error.contains("nothing found"))
      try await bench.succeed("migrate", "up")
      // NOT NULL is a check until the old vectors are gone.
      #expect(try await bench.rows(traits) == [["7", "m", "it's \"ours\"", "false", "1", "fu", "D", "true"]])
      #expect(
        try await bench.value(
          #"SELECT count(*) FROM "Shop"."Order" WHERE "Vector" IS DISTINCT FROM "Vector_previous"::halfvec(8)"#
        ) == "0"
      )
      await #expect(throws: PostgresError.self) {
        try await bench.rows(#"INSERT INTO "Shop"."Order" (class) VALUES ('no vector')"#)
      }
      _ = try await bench.rows(
        #"INSERT INTO "Shop"."Order" (class, "Vector") VALUES ('new', '[1,2,3,4,5,6,7,8]')"#
      )
      // All the way back, and up again for good.
      try await bench.succeed("migrate", "down", "--to", try bench.version(nil), "--yes")
      #expect(try await bench.rows(traits) == before)
      #expect(try await bench.value(#"SELECT count("Vector") FROM "Shop"."Order""#) == "201")
      try await bench.succeed("migrate", "up")
      let contract = try await shop.succeed("migrate", "new", "--contract", "half")
      #expect(contract.output.split(separator: "\n").count == 2)
      #expect(try await bench.succeed("migrate", "lint").error.contains("nothing found"))
      try await bench.succeed("migrate", "up")
      #expect(try await bench.rows(traits) == before)
      #expect(
        try await bench.value(
          #"SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '"Shop"."Order"'::regclass AND attname = 'Vector'"#
        ) == "halfvec(8)"
      )
      #expect(
        try await bench.value(#"SELECT count(*) FROM "Shop".sold JOIN "Shop"."Order" ON id = item"#) == "2"
      )
      _ = try await bench.rows(
        #"REVOKE ALL ("Vector") ON "Shop"."Order" FROM adbvec_clerk; DROP ROLE adbvec_clerk"#
      )
    }
  }

  /// Each in a table of its own state: what is there, what the refusal says, and what takes it away again.
  private static let obstacles: [(there: String, says: [String], gone: String)] = [
    (
      "CREATE RULE quiet AS ON DELETE TO image_search DO INSTEAD NOTHING", ["rules quiet", "Fix: DROP RULE"],
      "DROP RULE quiet ON image_search"
    ),
    (
      "CREATE PUBLICATION feed FOR TABLE image_search",
      ["published by feed", "image_vector_next", "Fix: ALTER PUBLICATION"],
      "ALTER PUBLICATION feed DROP TABLE image_search; DROP PUBLICATION feed"
    ),
    ("CREATE PUBLICATION whole FOR ALL TABLES", ["published by whole"], "DROP PUBLICATION whole"),
    (
      "CREATE PUBLICATION part FOR TABLE image_search (id, image_vector)", ["published by part"],
      "DROP PUBLICATION part"
    ),
    (
      """
      CREATE FUNCTION last() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER zzz BEFORE INSERT ON image_search FOR EACH ROW EXECUTE FUNCTION last()
      """, ["triggers zzz", "Fix: ALTER TRIGGER"], "ALTER TRIGGER zzz ON image_search RENAME TO earlier"
    ),
    (
      "CREATE STATISTICS pairs ON class, image_vector FROM image_search",
      ["statistics object pairs", "Fix: drop them"],
      "DROP STATISTICS pairs"
    ),
    (
      "ALTER TABLE image_search ALTER COLUMN image_vector SET DEFAULT '[0,0,0,0,0,0,0,0]'",
      ["default value for column image_vector", "Fix: drop them"],
      "ALTER TABLE image_search ALTER COLUMN image_vector DROP DEFAULT"
    ),
    (
      "CREATE FUNCTION bound() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(image_vector) FROM image_search; END",
      ["function bound()", "Fix: drop them"], "DROP FUNCTION bound()"
    ),
    (
      "CREATE INDEX partly ON image_search USING hnsw (image_vector vector_l2_ops) WHERE class = 'class 1'",
      ["index partly", "Fix: drop them"], "DROP INDEX partly"
    ),
    (
      "CREATE TABLE above (class text); ALTER TABLE image_search INHERIT above",
      ["partition or child of above", "NO INHERIT above"],
      "ALTER TABLE image_search NO INHERIT above; DROP TABLE above"
    ),
    (
      """
      CREATE DOMAIN eight AS vector(8) CHECK (vector_dims(VALUE) = 8); ALTER TABLE image_search RENAME COLUMN image_vector TO kept;
      ALTER TABLE image_search ADD COLUMN image_vector eight
      """, ["has the domain eight", "Fix: ALTER TABLE"],
      "ALTER TABLE image_search DROP COLUMN image_vector; ALTER TABLE image_search RENAME COLUMN kept TO image_vector"
    ),
    (
      """
      ALTER TABLE image_search RENAME COLUMN image_vector TO kept;
      ALTER TABLE image_search ADD COLUMN image_vector vector(8) GENERATED ALWAYS AS (l2_normalize(kept)) STORED
      """, ["is a generated column", "DROP EXPRESSION"],
      "ALTER TABLE image_search DROP COLUMN image_vector; ALTER TABLE image_search RENAME COLUMN kept TO image_vector"
    ),
  ]

  @Test func whatCannotBeKeptIsRefusedByNameBeforeAnythingIsWritten() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(20)
      let new = ["migrate", "new", "--re-embed", "half", "--to-type", "halfvec"]
      for obstacle in Self.obstacles {
        _ = try await bench.rows(obstacle.there)
        let refused = try await bench.run(new)
        #expect(refused.exitCode == 1, "\(obstacle.there)")
        for words in obstacle.says + ["Fix: "] {
          #expect(refused.error.contains(words), "\(words): \(refused.error)")
        }
        _ = try await bench.rows(obstacle.gone)
      }
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: bench.folder + "/migrations/pgvector").filter {
          $0.contains("half")
        } == []
      )
      // With all of it gone the way is free.
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
    }
  }

  /// A user who owns the table alone, or whom its policies keep from rows, learns it before anything is written.
  @Test func rightsAndPoliciesAreLookedAtFirst() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(10)
      _ = try await bench.rows(
        """
        DROP ROLE IF EXISTS adbvec_owner; CREATE ROLE adbvec_owner LOGIN;
        GRANT adbvec_owner TO CURRENT_USER; GRANT CREATE ON SCHEMA public TO adbvec_owner;
        ALTER TABLE image_search OWNER TO adbvec_owner; REVOKE CREATE ON SCHEMA public FROM adbvec_owner
        """
      )
      var owner = bench
      owner.settings["DATABASE_URL"] =
        bench.database.url + (bench.database.url.contains("?") ? "&" : "?")
        + "options=-c%20role%3Dadbvec_owner"
      let new = ["migrate", "new", "--re-embed", "half", "--to-type", "halfvec"]
      let schema = try await owner.run(new)
      #expect(
        schema.error.contains("may not create a function")
          && schema.error.contains("Fix: GRANT CREATE ON SCHEMA public")
      )
      _ = try await bench.rows(
        "GRANT CREATE ON SCHEMA public TO adbvec_owner; REVOKE TRIGGER ON image_search FROM adbvec_owner"
      )
      #expect(try await owner.run(new).error.contains("Fix: GRANT TRIGGER ON"))
      _ = try await bench.rows(
        """
        GRANT TRIGGER ON image_search TO adbvec_owner; ALTER TABLE image_search ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY few ON image_search USING (id < 5)
        """
      )
      let hidden = try await owner.run(new)
      #expect(
        hidden.error.contains("hide rows") && hidden.error.contains("Fix: run as a role with BYPASSRLS"),
        "\(hidden.error)"
      )
      // A superuser sees all rows, and the policy stays.
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.value("SELECT count(image_vector) FROM image_search") == "10")
      #expect(
        try await bench.value("SELECT polname::text FROM pg_policy WHERE polrelid = 'image_search'::regclass")
          == "few"
      )
      _ = try await bench.rows(
        "DROP OWNED BY adbvec_owner; DROP ROLE adbvec_owner"
      )
    }
  }
}
