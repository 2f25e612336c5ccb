import Basics
import Testing
import VectorSQL

@testable import Ingestion

/// The SQL that a load sends, by policy and server.
struct LoadStatementsTests {
  private func statements(
    _ policy: LoadOptions.ConflictPolicy,
    onConflict: Bool = true,
    distributes: Bool = false,
    source: Bool = false
  ) -> LoadStatements {
    LoadStatements(
      target: LoadTarget(table: "public.image_search"),
      policy: policy,
      writesSource: source,
      tellsReplaced: !distributes,
      hasOnConflict: onConflict,
      distributes: distributes
    )
  }

  @Test func insertsBindEveryValue() throws {
    #expect(
      try statements(.fail).insert(rows: 2) == """
        INSERT INTO "public"."image_search" ("id", "class", "image_vector") VALUES ($1, $2, $3), ($4, $5, $6)
        """
    )
    #expect(
      try statements(.skip, source: true).insert(rows: 1) == """
        INSERT INTO "public"."image_search" ("id", "class", "image_vector", "source") VALUES ($1, $2, $3, $4) \
        ON CONFLICT ("id") DO NOTHING
        """
    )
    #expect(
      try statements(.update).insert(rows: 1) == """
        INSERT INTO "public"."image_search" ("id", "class", "image_vector") VALUES ($1, $2, $3) \
        ON CONFLICT ("id") DO UPDATE SET "class" = EXCLUDED."class", "image_vector" = EXCLUDED."image_vector" \
        RETURNING xmax = 0
        """
    )
  }

  /// Greenplum 6 has no ON CONFLICT: rows go through a temporary table there.
  @Test func greenplumMergesThroughATemporaryTable() throws {
    let greenplum = statements(.update, onConflict: false, distributes: true)
    #expect(
      try greenplum.createStage.rendered().text == """
        CREATE TEMP TABLE pg_temp.adbvec_stage ON COMMIT DROP AS \
        SELECT "id", "class", "image_vector" FROM "public"."image_search" WHERE false DISTRIBUTED BY ("id")
        """
    )
    #expect(
      try greenplum.merge.map { try $0.sql.rendered().text } == [
        """
        UPDATE "public"."image_search" t SET "class" = s."class", "image_vector" = s."image_vector" \
        FROM pg_temp.adbvec_stage s WHERE t."id" = s."id"
        """,
        """
        INSERT INTO "public"."image_search" ("id", "class", "image_vector") \
        SELECT "id", "class", "image_vector" FROM pg_temp.adbvec_stage s \
        WHERE NOT EXISTS (SELECT 1 FROM "public"."image_search" t WHERE t."id" = s."id")
        """,
      ]
    )
    let all = try [greenplum, statements(.skip, onConflict: false, distributes: true)]
      .flatMap { [$0.copyToStage, $0.storeStagePlain] + $0.merge.map(\.sql) }.map { try $0.rendered().text }
    #expect(all.allSatisfy { !$0.contains("ON CONFLICT") && !$0.contains("IF NOT EXISTS") })
  }

  /// The hash is an image's content, which a move does not change.
  @Test func whatAnImageIsKnownByIsWrittenWithItsRow() throws {
    let table = LoadStatements(
      target: LoadTarget(table: "t"),
      policy: .fail,
      writesSource: true,
      writesHash: true,
      tellsReplaced: true,
      hasOnConflict: true,
      distributes: false
    )
    #expect(
      try table.insert(rows: 1) == """
        INSERT INTO "t" ("id", "class", "image_vector", "source", "content_hash") VALUES ($1, $2, $3, $4, $5)
        """
    )
    #expect(
      try table.relocate?.rendered().text
        == #"UPDATE "t" SET "class" = $2, "source" = $3 WHERE "id" = $1"#
    )
    #expect(
      try table.identify?.rendered().text == """
        UPDATE "t" SET "source" = coalesce("source", $2), "content_hash" = coalesce("content_hash", $3) WHERE "id" = $1
        """
    )
    #expect(
      try table.insertFromOriginal.rendered().text == """
        INSERT INTO "t" ("id", "class", "image_vector", "source", "content_hash") \
        SELECT $1, $2, o."image_vector", $3, $4 FROM "t" o WHERE o."id" = $5
        """
    )
    #expect(
      try table.replaceFromOriginal.rendered().text == """
        UPDATE "t" SET "class" = $2, "image_vector" = (SELECT o."image_vector" FROM "t" o WHERE o."id" = $5), \
        "source" = $3, "content_hash" = $4 WHERE "id" = $1
        """
    )
    #expect(try statements(.fail).identify?.rendered() == nil)
  }

  @Test func rowsAreDeletedByIdsOfTheirColumnsType() throws {
    let ids = [ImageID(7), ImageID(Int64.max)]
    #expect(
      try statements(.fail).delete(ids, of: .int4).rendered()
        == Statement(
          #"DELETE FROM "public"."image_search" WHERE "id" = ANY ($1)"#,
          binds: [.int8Array([7, .max])]
        )
    )
    let uuid = "0193a1b2-0000-7000-8000-000000000001"
    #expect(
      try statements(.fail).delete([ImageID(uuid)], of: .uuid).rendered()
        == Statement(
          #"DELETE FROM "public"."image_search" WHERE "id" = ANY ($1::uuid[])"#,
          binds: [.textArray([uuid])]
        )
    )
  }

  @Test func namesAreQuotedWhateverTheyHold() throws {
    let odd = LoadStatements(
      target: LoadTarget(
        table: QualifiedName(name: try Identifier(validating: "a\"; DROP TABLE x; --")),
        idColumn: "ID"
      ),
      policy: .fail,
      writesSource: false,
      tellsReplaced: true,
      hasOnConflict: true,
      distributes: false
    )
    #expect(
      try odd.copy.rendered().text == """
        COPY "a""; DROP TABLE x; --" ("ID", "class", "image_vector") FROM STDIN (FORMAT binary)
        """
    )
  }
}
