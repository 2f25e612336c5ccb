import Testing
import VectorSQL

@Suite("Insertions")
struct InsertStatementTests {
  let vector = VectorColumn("image_vector", dim: 2)

  func insert(_ policy: InsertStatement.ConflictPolicy = .fail) -> InsertStatement {
    InsertStatement(into: "image_search", columns: ["id", "class", .init(vector)], onConflict: policy)
  }

  let rows: [[InsertStatement.Cell]] = [
    [.value(.int4(1)), .value(.text("cat")), .vector([1, 2])],
    [.value(.int4(2)), .value(.null), .vector([3, 4])],
  ]

  @Test("many rows in one statement, vectors cast")
  func multiRow() throws {
    let statement = try insert().statement(rows: rows, for: .pgvector)
    #expect(
      statement.text
        == #"INSERT INTO "image_search" ("id", "class", "image_vector") "#
        + "VALUES ($1, $2, $3::vector(2)), ($4, $5, $6::vector(2))"
    )
    #expect(statement.binds.count == 6)
    #expect(statement.binds[5] == .vector([3, 4]))
  }

  @Test("conflict policies")
  func conflicts() throws {
    #expect(
      try insert(.skip(key: ["id"])).statement(rows: rows, for: .analyticDB).text
        .hasSuffix(#"VALUES ($1, $2, $3::real[]), ($4, $5, $6::real[]) ON CONFLICT ("id") DO NOTHING"#)
    )
    #expect(
      try insert(.update(key: ["id"])).statement(rows: rows, for: .pgvector).text.hasSuffix(
        #"DO UPDATE SET "class" = EXCLUDED."class", "image_vector" = EXCLUDED."image_vector""#
      )
    )
  }

  @Test("never more parameters than the protocol counts")
  func split() throws {
    let many = Array(repeating: rows[0], count: 50_000)
    let statements = try insert().statements(rows: many, for: .pgvector)
    #expect(statements.map(\.binds.count) == [65_535, 65_535, 18_930])
  }

  @Test("as an array for each column, where a column of nothing but NULL has no type; bound or as constants")
  func unnested() throws {
    let insert = InsertStatement(into: "t", columns: ["id", "note", "size", "name"])
    let rows: [[InsertStatement.Cell]] = [
      [.value(.int8(1)), .value(.null), .value(.null), .value(.text("a, 'b' ORDER BY c"))],
      [.value(.int8(2)), .value(.null), .value(.int8(-3)), .value(.null)],
    ]
    #expect(
      try insert.unnestStatement(rows: rows, for: .pgvector)
        == Statement(
          """
          INSERT INTO "t" ("id", "note", "size", "name") SELECT u.c1, NULL, u.c3, u.c4 \
          FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[]) AS u(c1, c3, c4)
          """,
          binds: [.text(#"{"1","2"}"#), .text(#"{NULL,"-3"}"#), .text(#"{"a, 'b' ORDER BY c",NULL}"#)]
        )
    )
    #expect(
      try insert.unnested(rows: rows, for: .pgvector).renderedWithConstants().text
        .hasSuffix(
          #"unnest('{"1","2"}'::text::bigint[], '{NULL,"-3"}'::text::bigint[], "#
            + #"'{"a, ''b'' ORDER BY c",NULL}'::text::text[]) AS u(c1, c3, c4)"#
        )
    )
    let nothing = InsertStatement(into: "t", columns: ["id", "note"])
    #expect(
      try nothing.unnestStatement(rows: [[.value(.null), .value(.null)]], for: .pgvector).text
        == #"INSERT INTO "t" ("id", "note") SELECT NULL, NULL FROM unnest($1::text::text[]) AS u(c2)"#
    )
  }

  @Test("without ON CONFLICT, through a staging table")
  func staged() throws {
    let greenplum = Dialect.analyticDB.adapted { $0.onConflict = false }
    #expect(throws: RenderingError.self) {
      try insert(.skip(key: ["id"])).statement(rows: rows, for: greenplum)
    }
    let staged = try insert(.skip(key: ["id"])).staged(for: greenplum)
    #expect(
      staged.create.map(\.text) == [
        #"CREATE TEMPORARY TABLE "adbvec_stage" (LIKE "image_search" INCLUDING STORAGE) "#
          + #"ON COMMIT DROP DISTRIBUTED BY ("id")"#
      ]
    )
    #expect(
      staged.merge.map(\.text) == [
        #"INSERT INTO "image_search" ("id", "class", "image_vector") "#
          + #"SELECT "id", "class", "image_vector" FROM "adbvec_stage" WHERE NOT EXISTS "#
          + #"(SELECT 1 FROM "image_search" WHERE "image_search"."id" = "adbvec_stage"."id")"#
      ]
    )
  }
}
