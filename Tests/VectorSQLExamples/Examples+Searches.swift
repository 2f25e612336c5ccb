import VectorSQL

extension Example {
  private static func search(
    to subject: VectorSearch.Subject = .vector(probe),
    _ change: (inout VectorSearch) -> Void = { _ in }
  ) -> SQL {
    var search = imageSearch(to: subject)
    change(&search)
    return search.sql
  }

  private static let page = SearchCursor(distance: 1.5, key: .int8(42), seen: 10)

  static let searches: [Example] = [
    Example(
      "near to a row",
      search(to: .row(key: "id", value: .int8(4999))),
      binds: [.int8(4999), .int8(10)],
      pgvector: #"""
        SELECT "id", "class", "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) AS "distance"
        FROM "public"."image_search"
        WHERE "image_vector" IS NOT NULL
          AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) IS NOT NULL
        ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1)
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", "class", sqrt("image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1)) AS "distance"
        FROM "public"."image_search"
        WHERE (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) IS NOT NULL
        ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1)
        LIMIT $2
        """#
    ),
    Example(
      "near to a row, without the row itself",
      search(to: .otherThanRow(key: "id", value: .int8(4999))),
      binds: [.int8(4999), .int8(10)],
      pgvector: #"""
        SELECT "id", "class", "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) AS "distance"
        FROM "public"."image_search"
        WHERE "image_vector" IS NOT NULL
          AND "id" <> $1
          AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) IS NOT NULL
        ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1)
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", "class", sqrt("image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1)) AS "distance"
        FROM "public"."image_search"
        WHERE "id" <> $1
          AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) IS NOT NULL
        ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1)
        LIMIT $2
        """#
    ),
    Example(
      "exact, equal distances by id",
      search {
        $0.exact = true
        $0.tieBreak = "id"
      },
      binds: [.vector(probe), .int8(10)],
      pgvector: #"""
        SELECT "id", "class", l2_distance("image_vector", $1::vector) AS "distance"
        FROM "public"."image_search"
        WHERE "image_vector" IS NOT NULL
        ORDER BY l2_distance("image_vector", $1::vector), "id"
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", "class", sqrt(l2_squared_distance("image_vector", $1::real[])) AS "distance"
        FROM "public"."image_search"
        WHERE "image_vector" IS NOT NULL
        ORDER BY l2_squared_distance("image_vector", $1::real[]), "id"
        LIMIT $2
        """#
    ),
    Example(
      "at most so far away",
      search { $0.maximumDistance = 2.5 },
      binds: [.vector(probe), .int8(10), .float8(2.5), .int8(10)],
      pgvector: #"""
        SELECT *
        FROM (
          SELECT "id", "class", "image_vector" <-> $1::vector AS "distance"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
          ORDER BY "image_vector" <-> $1::vector
          LIMIT $2
        ) AS "hit"
        WHERE "distance" <= $3
        ORDER BY "distance"
        LIMIT $4
        """#,
      analyticDB: #"""
        SELECT *
        FROM (
          SELECT "id", "class", sqrt("image_vector" <-> $1::real[]) AS "distance"
          FROM "public"."image_search"
          ORDER BY "image_vector" <-> $1::real[]
          LIMIT $2
        ) AS "hit"
        WHERE "distance" <= $3
        ORDER BY "distance"
        LIMIT $4
        """#
    ),
    Example(
      "everything within a radius",
      search {
        $0.limit = nil
        $0.maximumDistance = 2.5
        $0.tieBreak = "id"
      },
      binds: [.vector(probe), .float8(2.5)],
      pgvector: #"""
        SELECT *
        FROM (
          SELECT "id", "class", l2_distance("image_vector", $1::vector) AS "distance"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
        ) AS "hit"
        WHERE "distance" <= $2
        ORDER BY "distance", "id"
        """#,
      analyticDB: #"""
        SELECT *
        FROM (
          SELECT "id", "class", sqrt(l2_squared_distance("image_vector", $1::real[])) AS "distance"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
        ) AS "hit"
        WHERE "distance" <= $2
        ORDER BY "distance", "id"
        """#
    ),
    Example(
      "the page after a cursor",
      search {
        $0.after = page
        $0.tieBreak = "id"
      },
      binds: [.vector(probe), .int8(20), .float8(1.5), .int8(42), .int8(10)],
      pgvector: #"""
        SELECT *
        FROM (
          SELECT "id", "class", "image_vector" <-> $1::vector AS "distance"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
          ORDER BY "image_vector" <-> $1::vector
          FETCH FIRST $2 ROWS WITH TIES
        ) AS "hit"
        WHERE ("distance", "id") > ($3, $4)
        ORDER BY "distance", "id"
        LIMIT $5
        """#,
      analyticDB: #"""
        SELECT *
        FROM (
          SELECT "id", "class", sqrt(l2_squared_distance("image_vector", $1::real[])) AS "distance"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
          ORDER BY l2_squared_distance("image_vector", $1::real[]), "id"
          LIMIT $2
        ) AS "hit"
        WHERE ("distance", "id") > ($3, $4)
        ORDER BY "distance", "id"
        LIMIT $5
        """#
    ),
    Example(
      "the nearest of each class",
      search {
        $0.perValueOf = "class"
        $0.limit = 3
      },
      binds: [.vector(probe), .int8(3)],
      pgvector: #"""
        SELECT "id", "class", "distance"
        FROM (
          SELECT "id", "class", l2_distance("image_vector", $1::vector) AS "distance",
            row_number() OVER (PARTITION BY "class" ORDER BY l2_distance("image_vector", $1::vector)) AS "rank"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
        ) AS "hit"
        WHERE "rank" <= $2
        ORDER BY "class", "rank"
        """#,
      analyticDB: #"""
        SELECT "id", "class", "distance"
        FROM (
          SELECT "id", "class", sqrt(l2_squared_distance("image_vector", $1::real[])) AS "distance",
            row_number() OVER (PARTITION BY "class" ORDER BY l2_squared_distance("image_vector", $1::real[])) AS "rank"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
        ) AS "hit"
        WHERE "rank" <= $2
        ORDER BY "class", "rank"
        """#
    ),
    Example(
      "the nearest of each class, among the nearest of all",
      search {
        $0.perValueOf = "class"
        $0.limit = 3
        $0.firstPass = .index(candidates: 100)
      },
      binds: [.vector(probe), .int8(100), .int8(3)],
      pgvector: #"""
        SELECT "id", "class", "distance"
        FROM (
          SELECT "id", "class", l2_distance("image_vector", $1::vector) AS "distance",
            row_number() OVER (PARTITION BY "class" ORDER BY l2_distance("image_vector", $1::vector)) AS "rank"
          FROM (
            SELECT *
            FROM "public"."image_search"
            WHERE "image_vector" IS NOT NULL
            ORDER BY "image_vector" <-> $1::vector
            LIMIT $2
          ) AS "candidate"
        ) AS "hit"
        WHERE "rank" <= $3
        ORDER BY "class", "rank"
        """#,
      analyticDB: #"""
        SELECT "id", "class", "distance"
        FROM (
          SELECT "id", "class", sqrt(l2_squared_distance("image_vector", $1::real[])) AS "distance",
            row_number() OVER (PARTITION BY "class" ORDER BY l2_squared_distance("image_vector", $1::real[])) AS "rank"
          FROM (
            SELECT *
            FROM "public"."image_search"
            ORDER BY "image_vector" <-> $1::real[]
            LIMIT $2
          ) AS "candidate"
        ) AS "hit"
        WHERE "rank" <= $3
        ORDER BY "class", "rank"
        """#
    ),
    Example(
      "how many are within a radius",
      {
        var search = imageSearch(to: .vector(probe))
        search.limit = nil
        search.maximumDistance = 2.5
        return search.summary([.count, .nearest])
      }(),
      binds: [.vector(probe), .float8(2.5)],
      pgvector: #"""
        SELECT count(*) AS "count", min("distance") AS "nearest"
        FROM (
          SELECT *
          FROM (
            SELECT "id", "class", l2_distance("image_vector", $1::vector) AS "distance"
            FROM "public"."image_search"
            WHERE "image_vector" IS NOT NULL
          ) AS "hit"
          WHERE "distance" <= $2
          ORDER BY "distance"
        ) AS "hit"
        """#,
      analyticDB: #"""
        SELECT count(*) AS "count", min("distance") AS "nearest"
        FROM (
          SELECT *
          FROM (
            SELECT "id", "class", sqrt(l2_squared_distance("image_vector", $1::real[])) AS "distance"
            FROM "public"."image_search"
            WHERE "image_vector" IS NOT NULL
          ) AS "hit"
          WHERE "distance" <= $2
          ORDER BY "distance"
        ) AS "hit"
        """#
    ),
    Example(
      "the classes of the hits",
      imageSearch(to: .vector(probe)).summary([.count, .mean, .farthest], by: "class"),
      binds: [.vector(probe), .int8(10)],
      pgvector: #"""
        SELECT "class", count(*) AS "count", avg("distance") AS "mean", max("distance") AS "farthest"
        FROM (
          SELECT "id", "class", "image_vector" <-> $1::vector AS "distance"
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
          ORDER BY "image_vector" <-> $1::vector
          LIMIT $2
        ) AS "hit"
        GROUP BY "class"
        ORDER BY count(*) DESC, "class"
        """#,
      analyticDB: #"""
        SELECT "class", count(*) AS "count", avg("distance") AS "mean", max("distance") AS "farthest"
        FROM (
          SELECT "id", "class", sqrt("image_vector" <-> $1::real[]) AS "distance"
          FROM "public"."image_search"
          ORDER BY "image_vector" <-> $1::real[]
          LIMIT $2
        ) AS "hit"
        GROUP BY "class"
        ORDER BY count(*) DESC, "class"
        """#
    ),
    Example(
      "with settings",
      binds: [.vector(probe), .int8(10)],
      pgvector: #"""
        SET LOCAL hnsw.ef_search = 200;
        SELECT "id", "class", "image_vector" <-> $1::vector AS "distance"
        FROM "public"."image_search"
        WHERE "image_vector" IS NOT NULL
        ORDER BY "image_vector" <-> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SET LOCAL fastann.hnsw_ef_search = 200;
        SELECT "id", "class", sqrt("image_vector" <-> $1::real[]) AS "distance"
        FROM "public"."image_search"
        ORDER BY "image_vector" <-> $1::real[]
        LIMIT $2
        """#
    ) { dialect, layout throws(RenderingError) in
      var search = imageSearch(to: .vector(probe))
      search.settings.efSearch = 200
      let rendered = try search.rendered(for: dialect, layout: layout)
      return rendered.settings + [rendered.query]
    },
  ]
}
