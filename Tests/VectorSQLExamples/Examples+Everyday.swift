import VectorSQL

extension Example {
  private static let days = [CalendarDate(daysSince2000: 9800), CalendarDate(daysSince2000: 9801)]

  private static let byTime = Select(from: Orders.self)
    .columns { ($0.id, $0.sent, $0.receipt) }
    .order { [$0.sent.descending(nulls: .last), $0.id.ascending] }
    .limited(to: 20)

  private static let newOrders = Insert(into: Orders.self)
    .columns { ($0.id, $0.shop, $0.product, $0.paid, $0.day, $0.receipt) }
    .updatingConflicts(on: \.id, \.shop)

  /// One statement whose text is the same on every dialect.
  private static func everywhere(
    _ name: String,
    binds: [SQLValue],
    _ text: String,
    _ render: @escaping @Sendable (Dialect, TextLayout) throws(RenderingError) -> Statement
  ) -> Example {
    Example(name, binds: binds, pgvector: .text(text), analyticDB: .text(text)) {
      dialect,
      layout throws(RenderingError) in
      [try render(dialect, layout)]
    }
  }

  /// What the programs of a product ask of their database every day, around the searches.
  static let everyday: [Example] = [
    everywhere(
      "three tables, one of which may have no row",
      binds: [.int8Array([1, 2]), .int8(50)],
      """
      SELECT "orders"."id" AS "value_1", "shops"."title" AS "value_2", "products"."title" AS "value_3", "products"."price" AS "value_4"
      FROM "public"."orders" AS "orders" JOIN "public"."shops" AS "shops" ON "orders"."shop" = "shops"."id" LEFT JOIN "public"."products" AS "products" ON "orders"."product" = "products"."id"
      WHERE "shops"."id" = ANY($1)
      ORDER BY "orders"."id"
      LIMIT $2
      """
    ) { dialect, layout throws(RenderingError) in
      try Select(from: Orders.self)
        .join(Shops.self) { $0.shop.equals($1.id) }
        .leftJoin(Products.self) { orders, _, products in orders.product.equals(products.id) }
        .where { _, shops, _ in shops.id.isIn([1, 2]) }
        .columns { orders, shops, products in (orders.id, shops.title, products.title, products.price) }
        .order { orders, _, _ in [orders.id.ascending] }
        .limited(to: 50)
        .rendered(for: dialect, layout: layout)
    },
    everywhere(
      "a column compared with a column of another table",
      binds: [],
      """
      SELECT "orders"."id" AS "value_1", "orders"."paid" AS "value_2", "products"."price" AS "value_3"
      FROM "public"."orders" AS "orders" JOIN "public"."products" AS "products" ON "orders"."product" = "products"."id"
        AND "orders"."paid" < "products"."price"
      """
    ) { dialect, layout throws(RenderingError) in
      try Select(from: Orders.self)
        .join(Products.self) { $0.product.equals($1.id).and($0.paid.isLess(than: $1.price)) }
        .columns { orders, products in (orders.id, orders.paid, products.price) }
        .rendered(for: dialect, layout: layout)
    },
    everywhere(
      "sums of each day, in a bound array of days",
      binds: [.array(days.map(\.sqlValue), of: .date), .int8(5)],
      """
      SELECT "orders"."day" AS "value_1", count(*) AS "value_2", CAST(sum("orders"."paid") AS double precision) AS "value_3", count(DISTINCT "orders"."product") AS "value_4"
      FROM "public"."orders" AS "orders"
      WHERE "orders"."day" = ANY($1)
      GROUP BY "orders"."day"
      HAVING count(*) > $2
      ORDER BY "orders"."day" DESC
      """
    ) { dialect, layout throws(RenderingError) in
      try Select(from: Orders.self)
        .where { $0.day.isIn(days) }
        .columns { ($0.day, Expression.rowCount, $0.paid.sum, $0.product.countDistinct) }
        .grouped { $0.day }
        .having { _ in Expression.rowCount.isGreater(than: 5) }
        .order { [$0.day.descending] }
        .rendered(for: dialect, layout: layout)
    },
    everywhere(
      "the page after a row, rows without a time last",
      binds: [
        .timestamptz(microsecondsSince2000: 5), .timestamptz(microsecondsSince2000: 5), .int8(7), .int8(20),
      ],
      """
      SELECT "orders"."id" AS "value_1", "orders"."sent" AS "value_2", "orders"."receipt" AS "value_3"
      FROM "public"."orders" AS "orders"
      WHERE ("orders"."sent" < $1 OR "orders"."sent" IS NULL) OR "orders"."sent" = $2
        AND "orders"."id" > $3
      ORDER BY "orders"."sent" DESC NULLS LAST, "orders"."id"
      LIMIT $4
      """
    ) { dialect, layout throws(RenderingError) in
      try byTime.after(Timestamp(microsecondsSince2000: 5), 7).rendered(for: dialect, layout: layout)
    },
    everywhere(
      "the page after a row that has no time",
      binds: [.int8(7), .int8(20)],
      """
      SELECT "orders"."id" AS "value_1", "orders"."sent" AS "value_2", "orders"."receipt" AS "value_3"
      FROM "public"."orders" AS "orders"
      WHERE "orders"."sent" IS NULL
        AND "orders"."id" > $1
      ORDER BY "orders"."sent" DESC NULLS LAST, "orders"."id"
      LIMIT $2
      """
    ) { dialect, layout throws(RenderingError) in
      try byTime.after(Timestamp?.none, 7).rendered(for: dialect, layout: layout)
    },
    everywhere(
      "upsert by two keys, showing what is there then",
      binds: [
        .int8(1), .int8(2), .null, .float8(9.5), days[0].sqlValue, .bytea([0, 255]),
        .int8(2), .int8(2), .int8(7), .float8(1), days[1].sqlValue, .bytea([]),
      ],
      """
      INSERT INTO "public"."orders" ("id", "shop", "product", "paid", "day", "receipt") VALUES ($1, $2, $3, $4, $5, $6), ($7, $8, $9, $10, $11, $12) ON CONFLICT ("id", "shop") DO UPDATE SET "product" = EXCLUDED."product", "paid" = EXCLUDED."paid", "day" = EXCLUDED."day", "receipt" = EXCLUDED."receipt" RETURNING "id", "paid"
      """
    ) { dialect, _ throws(RenderingError) in
      let rows: [(Int64, Int64, Int64?, Double, CalendarDate, [UInt8])] = [
        (1, 2, nil, 9.5, days[0], [0, 255]), (2, 2, 7, 1, days[1], []),
      ]
      let statements = newOrders.returning(rows: rows) { ($0.id, $0.paid) }
      return try statements[0].rendered(for: dialect)
    },
    everywhere(
      "a counter",
      binds: [.int8(7), .int8(2)],
      """
      UPDATE "public"."orders" SET "count" = "count" + 1 WHERE "id" = $1 AND "shop" = $2 RETURNING "count"
      """
    ) { dialect, _ throws(RenderingError) in
      try Update(Orders.self)
        .set(\.count) { "\(id: $0.count) + 1" }
        .where { $0.id.equals(7).and($0.shop.equals(2)) }
        .returning { $0.count }
        .rendered(for: dialect)
    },
    everywhere(
      "old rows removed",
      binds: [days[0].sqlValue, .bytea([])],
      """
      DELETE FROM "public"."orders" WHERE "day" < $1 AND ("sent" IS NULL OR "receipt" = $2) RETURNING "id"
      """
    ) { dialect, _ throws(RenderingError) in
      try Delete(from: Orders.self)
        .where { $0.day.isLess(than: days[0]) }
        .where { $0.sent.isNull.or($0.receipt.equals([])) }
        .returning { $0.id }
        .rendered(for: dialect)
    },
    Example(
      "words and a vector, fused, among new products",
      binds: [
        .float8(1), .float8(60), .float8(1), .float8(60), .vector(probe), .float8(5), .int8(50),
        .text("english"),
        .text("red shoes"), .float8(5), .text("english"), .text("red shoes"), .int8(50), .int8(10),
      ],
      pgvector: #"""
        SELECT "id", "title", "fused_score" AS "score"
        FROM (
          SELECT coalesce("near"."fused_key", "worded"."fused_key") AS "fused_key",
          coalesce($1 / ($2 + "near"."place"), 0) + coalesce($3 / ($4 + "worded"."place"), 0) AS "fused_score"
          FROM (
            SELECT "fused_key", row_number() OVER (ORDER BY "distance", "fused_key") AS "place"
            FROM (
              SELECT "id" AS "fused_key", "feature" <-> $5::vector AS "distance"
              FROM "public"."products"
              WHERE "price" >= $6
                AND "feature" IS NOT NULL
              ORDER BY "feature" <-> $5::vector
              LIMIT $7
            ) AS "hit"
          ) AS "near"
          FULL JOIN (
            SELECT "id" AS "fused_key",
            row_number() OVER (ORDER BY ts_rank_cd(to_tsvector('english', coalesce("title", '')), plainto_tsquery(CAST($8 AS regconfig), $9)) DESC, "id") AS "place"
            FROM "public"."products"
            WHERE "price" >= $10
              AND ((to_tsvector('english', coalesce("title", ''))) @@ plainto_tsquery(CAST($11 AS regconfig), $12))
            ORDER BY "place"
            LIMIT $13
          ) AS "worded"
          ON "near"."fused_key" = "worded"."fused_key"
          ORDER BY "fused_score" DESC, 1
          LIMIT $14
        ) AS "fused"
        JOIN "public"."products" ON "public"."products"."id" = "fused"."fused_key"
        ORDER BY "fused_score" DESC, "fused_key"
        """#,
      analyticDB: #"""
        SELECT "id", "title", "fused_score" AS "score"
        FROM (
          SELECT coalesce("near"."fused_key", "worded"."fused_key") AS "fused_key",
          coalesce($1 / ($2 + "near"."place"), 0) + coalesce($3 / ($4 + "worded"."place"), 0) AS "fused_score"
          FROM (
            SELECT "fused_key", row_number() OVER (ORDER BY "distance", "fused_key") AS "place"
            FROM (
              SELECT "id" AS "fused_key", sqrt("feature" <-> $5::real[]) AS "distance"
              FROM "public"."products"
              WHERE "price" >= $6
              ORDER BY "feature" <-> $5::real[]
              LIMIT $7
            ) AS "hit"
          ) AS "near"
          FULL JOIN (
            SELECT "id" AS "fused_key",
            row_number() OVER (ORDER BY ts_rank_cd(to_tsvector('english', coalesce("title", '')), plainto_tsquery(CAST($8 AS regconfig), $9)) DESC, "id") AS "place"
            FROM "public"."products"
            WHERE "price" >= $10
              AND ((to_tsvector('english', coalesce("title", ''))) @@ plainto_tsquery(CAST($11 AS regconfig), $12))
            ORDER BY "place"
            LIMIT $13
          ) AS "worded"
          ON "near"."fused_key" = "worded"."fused_key"
          ORDER BY "fused_score" DESC, 1
          LIMIT $14
        ) AS "fused"
        JOIN "public"."products" ON "public"."products"."id" = "fused"."fused_key"
        ORDER BY "fused_score" DESC, "fused_key"
        """#
    ) { dialect, layout throws(RenderingError) in
      [
        try Search(Products.self)
          .select { ($0.id, $0.title) }
          .where { $0.price.isAtLeast(5) }
          .nearest(\.feature, to: probe, by: .l2, limit: 50)
          .fused(
            withWords: "red shoes",
            in: { "to_tsvector('english', coalesce(\(id: $0.title), ''))" },
            language: "english",
            key: \.id,
            limit: 10
          )
          .rendered(for: dialect, layout: layout)
      ]
    },
    Example(
      "the nearest three of each title, typed",
      Search(Products.self)
        .select { ($0.title, $0.id) }
        .where { $0.details.contains(JSONDocument(#"{"size": 3}"#)) }
        .nearest(\.feature, toRowWhere: \.id, is: 7, leavingItOut: true, by: .l2, limit: 3)
        .perValue(of: \.title)
        .sql,
      binds: [.int8(7), .jsonb(#"{"size": 3}"#), .int8(3)],
      pgvector: #"""
        SELECT "title", "id", "distance"
        FROM (
          SELECT "title", "id", l2_distance("feature", (SELECT "feature" FROM "public"."products" WHERE "id" = $1)) AS "distance",
            row_number() OVER (PARTITION BY "title" ORDER BY l2_distance("feature", (SELECT "feature" FROM "public"."products" WHERE "id" = $1))) AS "rank"
          FROM "public"."products"
          WHERE "details" @> $2
            AND "feature" IS NOT NULL
            AND "id" <> $1
            AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ) AS "hit"
        WHERE "rank" <= $3
        ORDER BY "title", "rank"
        """#,
      analyticDB: #"""
        SELECT "title", "id", "distance"
        FROM (
          SELECT "title", "id", sqrt(l2_squared_distance("feature", (SELECT "feature" FROM "public"."products" WHERE "id" = $1))) AS "distance",
            row_number() OVER (PARTITION BY "title" ORDER BY l2_squared_distance("feature", (SELECT "feature" FROM "public"."products" WHERE "id" = $1))) AS "rank"
          FROM "public"."products"
          WHERE "details" @> $2
            AND "feature" IS NOT NULL
            AND "id" <> $1
            AND (SELECT "feature" FROM "public"."products" WHERE "id" = $1) IS NOT NULL
        ) AS "hit"
        WHERE "rank" <= $3
        ORDER BY "title", "rank"
        """#
    ),
  ]
}
