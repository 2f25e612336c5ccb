import VectorSQL

extension Example {
  private static func passes(_ firstPass: FirstPass) -> SQL {
    var search = VectorSearch(
      table: Products.name,
      columns: ["id", "title"],
      nearest: Products().feature,
      to: .vector(probe),
      by: .cosine,
      limit: 10
    )
    search.firstPass = firstPass
    search.tieBreak = "id"
    return search.sql
  }

  private static func weighted(candidates: Int?) -> SQL {
    WeightedSearch(
      table: Products.name,
      columns: ["id"],
      key: "id",
      terms: [
        .init(Products().feature, near: probe, by: .cosine, weight: 0.75),
        .init(Products().shape, near: otherProbe, by: .l2, weight: 0.25),
      ],
      limit: 5,
      candidates: candidates
    ).sql
  }

  static let passes: [Example] = [
    Example(
      "binary first pass, exact second",
      passes(.binary(candidates: 100)),
      binds: [.vector(probe), .int8(100), .int8(10)],
      pgvector: #"""
        SELECT "id", "title", cosine_distance("feature", $1::vector) AS "distance"
        FROM (
          SELECT *
          FROM "public"."products"
          WHERE "feature" IS NOT NULL
          ORDER BY (binary_quantize("feature")::bit(8)) <~> binary_quantize($1::vector)::bit(8)
          LIMIT $2
        ) AS "candidate"
        ORDER BY cosine_distance("feature", $1::vector), "id"
        LIMIT $3
        """#,
      analyticDB: .refused(.unsupportedFeature)
    ),
    Example(
      "half-precision first pass, exact second",
      passes(.half(candidates: 100)),
      binds: [.vector(probe), .int8(100), .int8(10)],
      pgvector: #"""
        SELECT "id", "title", cosine_distance("feature", $1::vector) AS "distance"
        FROM (
          SELECT *
          FROM "public"."products"
          WHERE "feature" IS NOT NULL
          ORDER BY ("feature"::halfvec(8)) <=> $1::vector::halfvec(8)
          LIMIT $2
        ) AS "candidate"
        ORDER BY cosine_distance("feature", $1::vector), "id"
        LIMIT $3
        """#,
      analyticDB: .refused(.unsupportedFeature)
    ),
    Example(
      "first pass over a quantised index, exact second",
      passes(.index(candidates: 100)),
      binds: [.vector(probe), .int8(100), .int8(10)],
      pgvector: #"""
        SELECT "id", "title", cosine_distance("feature", $1::vector) AS "distance"
        FROM (
          SELECT *
          FROM "public"."products"
          WHERE "feature" IS NOT NULL
          ORDER BY "feature" <=> $1::vector
          LIMIT $2
        ) AS "candidate"
        ORDER BY cosine_distance("feature", $1::vector), "id"
        LIMIT $3
        """#,
      analyticDB: #"""
        SELECT "id", "title", cosine_distance("feature", $1::real[]) AS "distance"
        FROM (
          SELECT *
          FROM "public"."products"
          ORDER BY "feature" <=> $1::real[]
          LIMIT $2
        ) AS "candidate"
        ORDER BY cosine_distance("feature", $1::real[]), "id"
        LIMIT $3
        """#
    ),
    Example(
      "several vectors, weighted",
      weighted(candidates: nil),
      binds: [.float8(0.75), .vector(probe), .float8(0.25), .vector(otherProbe), .int8(5)],
      pgvector: #"""
        SELECT "id", $1 * cosine_distance("feature", $2::vector) + $3 * l2_distance("shape", $4::vector) AS "distance"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
          AND "shape" IS NOT NULL
        ORDER BY "distance", "id"
        LIMIT $5
        """#,
      analyticDB: #"""
        SELECT "id", $1 * cosine_distance("feature", $2::real[]) + $3 * sqrt(l2_squared_distance("shape", $4::real[])) AS "distance"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
          AND "shape" IS NOT NULL
        ORDER BY "distance", "id"
        LIMIT $5
        """#
    ),
    Example(
      "several vectors, weighted, among each index's candidates",
      weighted(candidates: 50),
      binds: [.float8(0.75), .vector(probe), .float8(0.25), .vector(otherProbe), .int8(50), .int8(5)],
      pgvector: #"""
        SELECT "id", $1 * cosine_distance("feature", $2::vector) + $3 * l2_distance("shape", $4::vector) AS "distance"
        FROM "public"."products"
        WHERE "id" IN (
            (SELECT "id" FROM "public"."products" ORDER BY "feature" <=> $2::vector LIMIT $5)
            UNION ALL
            (SELECT "id" FROM "public"."products" ORDER BY "shape" <-> $4::vector LIMIT $5)
          )
          AND "feature" IS NOT NULL
          AND "shape" IS NOT NULL
        ORDER BY "distance", "id"
        LIMIT $6
        """#,
      analyticDB: #"""
        SELECT "id", $1 * cosine_distance("feature", $2::real[]) + $3 * sqrt(l2_squared_distance("shape", $4::real[])) AS "distance"
        FROM "public"."products"
        WHERE "id" IN (
            (SELECT "id" FROM "public"."products" ORDER BY "feature" <=> $2::real[] LIMIT $5)
            UNION ALL
            (SELECT "id" FROM "public"."products" ORDER BY "shape" <-> $4::real[] LIMIT $5)
          )
          AND "feature" IS NOT NULL
          AND "shape" IS NOT NULL
        ORDER BY "distance", "id"
        LIMIT $6
        """#
    ),
  ]
}
