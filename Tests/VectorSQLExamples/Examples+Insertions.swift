import VectorSQL

extension Example {
  private static let rows: [(Int64, String?, [Float])] = [(1001, "lamp", probe), (1002, nil, otherProbe)]

  private static let binds: [SQLValue] = [
    .int8(1001), .text("lamp"), .vector(probe), .int8(1002), .null, .vector(otherProbe),
  ]

  private static let insert = Insert(into: Products.self).columns { ($0.id, $0.title, $0.feature) }

  static let insertions: [Example] = [
    Example(
      "insert rows",
      binds: binds,
      pgvector: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") VALUES ($1, $2, $3::vector(8)), ($4, $5, $6::vector(8))
        """#,
      analyticDB: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") VALUES ($1, $2, $3::real[]), ($4, $5, $6::real[])
        """#
    ) { dialect, _ throws(RenderingError) in try insert.statements(rows: rows, for: dialect) },
    Example(
      "insert what is not there yet",
      binds: binds,
      pgvector: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") VALUES ($1, $2, $3::vector(8)), ($4, $5, $6::vector(8)) ON CONFLICT ("id") DO NOTHING
        """#,
      analyticDB: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") VALUES ($1, $2, $3::real[]), ($4, $5, $6::real[]) ON CONFLICT ("id") DO NOTHING
        """#
    ) { dialect, _ throws(RenderingError) in
      try insert.skippingConflicts(on: \.id).statements(rows: rows, for: dialect)
    },
    Example(
      "insert or update",
      binds: binds,
      pgvector: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") VALUES ($1, $2, $3::vector(8)), ($4, $5, $6::vector(8)) ON CONFLICT ("id") DO UPDATE SET "title" = EXCLUDED."title", "feature" = EXCLUDED."feature"
        """#,
      analyticDB: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") VALUES ($1, $2, $3::real[]), ($4, $5, $6::real[]) ON CONFLICT ("id") DO UPDATE SET "title" = EXCLUDED."title", "feature" = EXCLUDED."feature"
        """#
    ) { dialect, _ throws(RenderingError) in
      try insert.updatingConflicts(on: \.id).statements(rows: rows, for: dialect)
    },
    Example(
      "insert by columns",
      binds: [
        .text(#"{"1001","1002"}"#), .text(#"{"lamp",NULL}"#),
        .text(#"{"[0.5,-1,2,0,0.25,1,-3,1e-07]","[1,1,1,1,-1,-1,-1,-1]"}"#),
      ],
      analyticDBBinds: [
        .text(#"{"1001","1002"}"#), .text(#"{"lamp",NULL}"#),
        .text(#"{"{0.5,-1,2,0,0.25,1,-3,1e-07}","{1,1,1,1,-1,-1,-1,-1}"}"#),
      ],
      pgvector: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") SELECT u.c1, u.c2, u.c3::vector(8) FROM unnest($1::text::bigint[], $2::text::text[], $3::text::text[]) AS u(c1, c2, c3) ON CONFLICT ("id") DO UPDATE SET "title" = EXCLUDED."title", "feature" = EXCLUDED."feature"
        """#,
      analyticDB: #"""
        INSERT INTO "public"."products" ("id", "title", "feature") SELECT u.c1, u.c2, u.c3::real[] FROM unnest($1::text::bigint[], $2::text::text[], $3::text::text[]) AS u(c1, c2, c3) ON CONFLICT ("id") DO UPDATE SET "title" = EXCLUDED."title", "feature" = EXCLUDED."feature"
        """#
    ) { dialect, _ throws(RenderingError) in
      let cells: [[InsertStatement.Cell]] = rows.map { row in
        [.value(row.0.sqlValue), .value(row.1.sqlValue), .vector(row.2)]
      }
      return [try insert.updatingConflicts(on: \.id).untyped.unnestStatement(rows: cells, for: dialect)]
    },
    Example(
      "insert or update through a staging table",
      pgvector: #"""
        CREATE TEMPORARY TABLE "adbvec_stage" (LIKE "public"."products") ON COMMIT DROP;
        UPDATE "public"."products" SET "title" = "adbvec_stage"."title", "feature" = "adbvec_stage"."feature" FROM "adbvec_stage" WHERE "public"."products"."id" = "adbvec_stage"."id";
        INSERT INTO "public"."products" ("id", "title", "feature") SELECT "id", "title", "feature" FROM "adbvec_stage" WHERE NOT EXISTS (SELECT 1 FROM "public"."products" WHERE "public"."products"."id" = "adbvec_stage"."id")
        """#,
      analyticDB: #"""
        CREATE TEMPORARY TABLE "adbvec_stage" (LIKE "public"."products" INCLUDING STORAGE) ON COMMIT DROP DISTRIBUTED BY ("id");
        UPDATE "public"."products" SET "title" = "adbvec_stage"."title", "feature" = "adbvec_stage"."feature" FROM "adbvec_stage" WHERE "public"."products"."id" = "adbvec_stage"."id";
        INSERT INTO "public"."products" ("id", "title", "feature") SELECT "id", "title", "feature" FROM "adbvec_stage" WHERE NOT EXISTS (SELECT 1 FROM "public"."products" WHERE "public"."products"."id" = "adbvec_stage"."id")
        """#
    ) { dialect, _ throws(RenderingError) in
      let staged = try insert.updatingConflicts(on: \.id).untyped.staged(for: dialect)
      return staged.create + staged.merge
    },
  ]
}
