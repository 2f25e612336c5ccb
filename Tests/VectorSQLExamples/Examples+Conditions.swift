import VectorSQL

extension Example {
  private static func `where`(
    _ condition: (TableReference<Products, Products>) -> ScopedCondition<Products>
  ) -> SQL {
    Search(Products.self).select { $0.id }.where(condition)
      .nearest(\.feature, toRowWhere: \.id, is: 7, by: .l2, limit: 5)
      .sql
  }

  private static let row: [SQLValue] = [.int8(7), .int8(5)]

  static let conditions: [Example] = [
    Example(
      "comparisons",
      `where` {
        $0.price.isAtLeast(10).and($0.price.isLess(than: 20)).and($0.id.isNot(3)).and(
          $0.id.isGreater(than: 1)
        )
        .and($0.price.isAtMost(19)).and($0.title.equals("lamp"))
      },
      binds: [.int8(7), .float8(10), .float8(20), .int8(3), .int8(1), .float8(19), .text("lamp"), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE "price" >= $2
          AND "price" < $3
          AND "id" <> $4
          AND "id" > $5
          AND "price" <= $6
          AND "title" = $7
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $8
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE "price" >= $2
          AND "price" < $3
          AND "id" <> $4
          AND "id" > $5
          AND "price" <= $6
          AND "title" = $7
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $8
        """#
    ),
    Example(
      "between",
      `where` { $0.price.isBetween(100, 200) },
      binds: [.int8(7), .float8(100), .float8(200), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE "price" BETWEEN $2 AND $3
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE "price" BETWEEN $2 AND $3
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#
    ),
    Example(
      "in and not in",
      `where` { $0.id.isIn([1, 2, 3]).and($0.title.isNotIn(["a", "b"])) },
      binds: [.int8(7), .int8Array([1, 2, 3]), .textArray(["a", "b"]), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE "id" = ANY($2)
          AND "title" <> ALL($3)
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE "id" = ANY($2)
          AND "title" <> ALL($3)
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#
    ),
    Example(
      "patterns",
      `where` { $0.title.isLike("%lamp_").or($0.title.hasPrefix("100%")).or($0.title.contains("a_b")) },
      binds: [.int8(7), .text("%lamp_"), .text(#"100\%%"#), .text(#"%a\_b%"#), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE (("title" LIKE $2 OR "title" LIKE $3) OR "title" LIKE $4)
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $5
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE (("title" LIKE $2 OR "title" LIKE $3) OR "title" LIKE $4)
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $5
        """#
    ),
    Example(
      "null, or, not",
      `where` { $0.title.isNull.or($0.title.isNotNull.and($0.price.equals(1).or($0.id.equals(2)).negated)) },
      binds: [.int8(7), .float8(1), .int8(2), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE ("title" IS NULL OR "title" IS NOT NULL
            AND NOT ("price" = $2 OR "id" = $3))
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE ("title" IS NULL OR "title" IS NOT NULL
            AND NOT ("price" = $2 OR "id" = $3))
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#
    ),
    Example(
      "arrays",
      `where` {
        $0.tags.contains(all: ["red"]).and($0.tags.contains(anyOf: ["s", "m"])).and($0.tags.contains("new"))
      },
      binds: [.int8(7), .textArray(["red"]), .textArray(["s", "m"]), .text("new"), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE "tags" @> $2
          AND "tags" && $3
          AND $4 = ANY("tags")
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $5
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE "tags" @> $2
          AND "tags" && $3
          AND $4 = ANY("tags")
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $5
        """#
    ),
    Example(
      "jsonb",
      `where` {
        $0.details.contains(JSONDocument(#"{"size": 3}"#)).and($0.details.hasKey("colour"))
          .and($0.details.text(at: "maker").equals("acme"))
      },
      binds: [
        .int8(7), .jsonb(#"{"size": 3}"#), .text("colour"), .text("maker"), .text("acme"), .int8(5),
      ],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE "details" @> $2
          AND "details" ? $3
          AND ("details" ->> $4) = $5
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $6
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE "details" @> $2
          AND "details" ? $3
          AND ("details" ->> $4) = $5
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $6
        """#
    ),
    Example(
      "dates and moments",
      `where` {
        $0.listed.isBetween(CalendarDate(daysSince2000: 0), CalendarDate(daysSince2000: 365))
          .and($0.changed.isLess(than: Timestamp(microsecondsSince2000: 1_000_000)))
      },
      binds: [
        .int8(7), .date(daysSince2000: 0), .date(daysSince2000: 365),
        .timestamptz(microsecondsSince2000: 1_000_000),
        .int8(5),
      ],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE "listed" BETWEEN $2 AND $3
          AND "changed" < $4
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $5
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE "listed" BETWEEN $2 AND $3
          AND "changed" < $4
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $5
        """#
    ),
    Example(
      "a condition written by hand",
      `where` { .init("lower(\(id: $0.title)) = \("lamp") OR \(id: $0.price) < \(5.0)") },
      binds: [.int8(7), .text("lamp"), .float8(5), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1) AS "distance"
        FROM "public"."products"
        WHERE (lower("title") = $2 OR "price" < $3)
          AND "feature" IS NOT NULL
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance"
        FROM "public"."products"
        WHERE (lower("title") = $2 OR "price" < $3)
          AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ORDER BY "feature" <-> (SELECT "feature" FROM "public"."products" WHERE "id" = $1)
        LIMIT $4
        """#
    ),
  ]
}
