import VectorSQL

extension Example {
  private static func nearest(_ metric: Metric, _ scores: VectorSearch.Score...) -> SQL {
    var search = VectorSearch(
      table: Products.name,
      columns: ["id"],
      nearest: Products().feature,
      to: .vector(probe),
      by: metric,
      limit: 5
    )
    if !scores.isEmpty { search.scores = scores }
    return search.sql
  }

  static let metrics: [Example] = [
    Example(
      "Euclidean distance",
      nearest(.l2),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> $1::vector AS "distance"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <-> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> $1::real[]) AS "distance"
        FROM "public"."products"
        ORDER BY "feature" <-> $1::real[]
        LIMIT $2
        """#
    ),
    Example(
      "inner product",
      nearest(.innerProduct),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <#> $1::vector AS "distance"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <#> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", "feature" <#> $1::real[] AS "distance"
        FROM "public"."products"
        ORDER BY "feature" <#> $1::real[]
        LIMIT $2
        """#
    ),
    Example(
      "cosine distance",
      nearest(.cosine),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <=> $1::vector AS "distance"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <=> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", "feature" <=> $1::real[] AS "distance"
        FROM "public"."products"
        ORDER BY "feature" <=> $1::real[]
        LIMIT $2
        """#
    ),
    Example(
      "taxicab distance",
      nearest(.l1),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <+> $1::vector AS "distance"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <+> $1::vector
        LIMIT $2
        """#,
      analyticDB: .refused(.unsupportedMetric)
    ),
    Example(
      "Euclidean similarity",
      nearest(.l2, .distance, .similarity),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", "feature" <-> $1::vector AS "distance", 1 / (1 + l2_distance("feature", $1::vector)) AS "similarity"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <-> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", sqrt("feature" <-> $1::real[]) AS "distance", 1 / (1 + sqrt("feature" <-> $1::real[])) AS "similarity"
        FROM "public"."products"
        ORDER BY "feature" <-> $1::real[]
        LIMIT $2
        """#
    ),
    Example(
      "inner product as similarity",
      nearest(.innerProduct, .similarity),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", inner_product("feature", $1::vector) AS "similarity"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <#> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", -1 * ("feature" <#> $1::real[]) AS "similarity"
        FROM "public"."products"
        ORDER BY "feature" <#> $1::real[]
        LIMIT $2
        """#
    ),
    Example(
      "cosine similarity",
      nearest(.cosine, .similarity),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", 1 - cosine_distance("feature", $1::vector) AS "similarity"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <=> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", 1 - ("feature" <=> $1::real[]) AS "similarity"
        FROM "public"."products"
        ORDER BY "feature" <=> $1::real[]
        LIMIT $2
        """#
    ),
    Example(
      "the tutorial's own function",
      nearest(.l2, .function),
      binds: [.vector(probe), .int8(5)],
      pgvector: #"""
        SELECT "id", l2_distance("feature", $1::vector) AS "distance"
        FROM "public"."products"
        WHERE "feature" IS NOT NULL
        ORDER BY "feature" <-> $1::vector
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", l2_distance("feature", $1::real[]) AS "distance"
        FROM "public"."products"
        ORDER BY "feature" <-> $1::real[]
        LIMIT $2
        """#
    ),
  ]
}
