import VectorSQL

extension Example {
  private static func join(_ change: (inout NeighborJoin) -> Void = { _ in }) -> SQL {
    var join = NeighborJoin(
      queries: .init(table: "public.image_search", key: "id", column: VectorColumn("image_vector", dim: 8)),
      neighbors: .init(
        table: Products.name,
        key: "id",
        column: Products().feature,
        outputs: ["id", "title"]
      ),
      by: .l2,
      limit: 3
    )
    change(&join)
    return join.sql
  }

  static let joins: [Example] = [
    Example(
      "for each row of one table, the nearest of another",
      join(),
      binds: [.int8(3)],
      pgvector: #"""
        SELECT "q"."id" AS "query_id", "hit"."id", "hit"."title", "hit"."distance"
        FROM "public"."image_search" AS "q"
        CROSS JOIN LATERAL (
          SELECT "n"."id", "n"."title", "n"."feature" <-> "q"."image_vector" AS "distance"
          FROM "public"."products" AS "n"
          WHERE "n"."feature" IS NOT NULL
          ORDER BY "n"."feature" <-> "q"."image_vector"
          LIMIT $1
        ) AS "hit"
        WHERE "q"."image_vector" IS NOT NULL
        ORDER BY "q"."id", "hit"."distance"
        """#,
      analyticDB: #"""
        SELECT "query_id", "id", "title", "distance"
        FROM (
          SELECT "q"."id" AS "query_id",
            "n"."id", "n"."title",
            sqrt(l2_squared_distance("n"."feature", "q"."image_vector")) AS "distance",
            row_number() OVER (PARTITION BY "q"."id" ORDER BY l2_squared_distance("n"."feature", "q"."image_vector")) AS "rank"
          FROM "public"."image_search" AS "q" CROSS JOIN "public"."products" AS "n"
          WHERE "q"."image_vector" IS NOT NULL
            AND "n"."feature" IS NOT NULL
        ) AS "hit"
        WHERE "rank" <= $1
        ORDER BY "query_id", "distance"
        """#
    ),
    Example(
      "near pairs of one table, of a sample",
      join {
        $0.neighbors = $0.queries
        $0.eachPairOnce = true
        $0.maximumDistance = 0.5
        $0.sample = 100
      },
      binds: [.int8(100), .int8(3), .float8(0.5)],
      pgvector: #"""
        SELECT "q"."id" AS "query_id", "hit"."id", "hit"."distance"
        FROM (
          SELECT *
          FROM "public"."image_search"
          WHERE "image_vector" IS NOT NULL
          ORDER BY md5(CAST("id" AS text)), "id"
          LIMIT $1
        ) AS "q"
        CROSS JOIN LATERAL (
          SELECT "n"."id", "n"."image_vector" <-> "q"."image_vector" AS "distance"
          FROM "public"."image_search" AS "n"
          WHERE "n"."id" > "q"."id"
            AND "n"."image_vector" IS NOT NULL
          ORDER BY "n"."image_vector" <-> "q"."image_vector"
          LIMIT $2
        ) AS "hit"
        WHERE "q"."image_vector" IS NOT NULL
          AND "hit"."distance" <= $3
        ORDER BY "q"."id", "hit"."distance"
        """#,
      analyticDB: #"""
        SELECT "query_id", "id", "distance"
        FROM (
          SELECT "q"."id" AS "query_id",
            "n"."id",
            sqrt(l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "distance",
            row_number() OVER (PARTITION BY "q"."id" ORDER BY l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "rank"
          FROM (
            SELECT *
            FROM "public"."image_search"
            WHERE "image_vector" IS NOT NULL
            ORDER BY md5(CAST("id" AS text)), "id"
            LIMIT $1
          ) AS "q" CROSS JOIN "public"."image_search" AS "n"
          WHERE "n"."id" > "q"."id"
            AND "q"."image_vector" IS NOT NULL
            AND "n"."image_vector" IS NOT NULL
        ) AS "hit"
        WHERE "rank" <= $2
          AND "hit"."distance" <= $3
        ORDER BY "query_id", "distance"
        """#
    ),
    Example(
      "exact neighbours of each row but itself",
      join {
        $0.neighbors = $0.queries
        $0.leavesOutSameKey = true
        $0.exact = true
      },
      binds: [.int8(3)],
      pgvector: #"""
        SELECT "q"."id" AS "query_id", "hit"."id", "hit"."distance"
        FROM "public"."image_search" AS "q"
        CROSS JOIN LATERAL (
          SELECT "n"."id", l2_distance("n"."image_vector", "q"."image_vector") AS "distance"
          FROM "public"."image_search" AS "n"
          WHERE "n"."id" <> "q"."id"
            AND "n"."image_vector" IS NOT NULL
          ORDER BY l2_distance("n"."image_vector", "q"."image_vector")
          LIMIT $1
        ) AS "hit"
        WHERE "q"."image_vector" IS NOT NULL
        ORDER BY "q"."id", "hit"."distance"
        """#,
      analyticDB: #"""
        SELECT "query_id", "id", "distance"
        FROM (
          SELECT "q"."id" AS "query_id",
            "n"."id",
            sqrt(l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "distance",
            row_number() OVER (PARTITION BY "q"."id" ORDER BY l2_squared_distance("n"."image_vector", "q"."image_vector")) AS "rank"
          FROM "public"."image_search" AS "q" CROSS JOIN "public"."image_search" AS "n"
          WHERE "n"."id" <> "q"."id"
            AND "q"."image_vector" IS NOT NULL
            AND "n"."image_vector" IS NOT NULL
        ) AS "hit"
        WHERE "rank" <= $1
        ORDER BY "query_id", "distance"
        """#
    ),
  ]
}
