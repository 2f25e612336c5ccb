import VectorSQL

extension Example {
  private static func nearest(_ column: VectorColumn, _ metric: Metric, exact: Bool = false) -> SQL {
    var search = VectorSearch(
      table: Products.name,
      columns: ["id"],
      nearest: column,
      to: .vector([1, 0, 1, 1, 0, 0, 1, 0]),
      by: metric,
      limit: 5
    )
    search.exact = exact
    return search.sql
  }

  private static let ones: [Float] = [1, 0, 1, 1, 0, 0, 1, 0]

  static let elements: [Example] = [
    Example(
      "Hamming distance of bits",
      nearest(Products().bits, .hamming),
      binds: [.bit(ones.map { $0 == 1 }), .int8(5)],
      pgvector: #"""
        SELECT "id", "bits" <~> $1::bit(8) AS "distance"
        FROM "public"."products"
        WHERE "bits" IS NOT NULL
        ORDER BY "bits" <~> $1::bit(8)
        LIMIT $2
        """#,
      analyticDB: .refused(.unsupportedElement)
    ),
    Example(
      "Jaccard distance of bits, exact",
      nearest(Products().bits, .jaccard, exact: true),
      binds: [.bit(ones.map { $0 == 1 }), .int8(5)],
      pgvector: #"""
        SELECT "id", jaccard_distance("bits", $1::bit(8)) AS "distance"
        FROM "public"."products"
        WHERE "bits" IS NOT NULL
        ORDER BY jaccard_distance("bits", $1::bit(8))
        LIMIT $2
        """#,
      analyticDB: .refused(.unsupportedElement)
    ),
    Example(
      "half-precision column",
      nearest(Products().half, .cosine),
      binds: [.halfvec(ones), .int8(5)],
      analyticDBBinds: [.float4Array(ones), .int8(5)],
      pgvector: #"""
        SELECT "id", "half" <=> $1::halfvec AS "distance"
        FROM "public"."products"
        WHERE "half" IS NOT NULL
        ORDER BY "half" <=> $1::halfvec
        LIMIT $2
        """#,
      analyticDB: #"""
        SELECT "id", "half" <=> $1::float2[] AS "distance"
        FROM "public"."products"
        ORDER BY "half" <=> $1::float2[]
        LIMIT $2
        """#
    ),
    Example(
      "sparse column",
      nearest(Products().sparse, .innerProduct),
      binds: [.sparsevec(ones), .int8(5)],
      pgvector: #"""
        SELECT "id", "sparse" <#> $1::sparsevec AS "distance"
        FROM "public"."products"
        WHERE "sparse" IS NOT NULL
        ORDER BY "sparse" <#> $1::sparsevec
        LIMIT $2
        """#,
      analyticDB: .refused(.unsupportedElement)
    ),
    Example(
      "integer column, exact",
      nearest(Products().short, .l2, exact: true),
      binds: [.int2Array([1, 0, 1, 1, 0, 0, 1, 0]), .int8(5)],
      pgvector: .refused(.unsupportedElement),
      analyticDB: #"""
        SELECT "id", sqrt("short" <-> $1::smallint[]) AS "distance"
        FROM "public"."products"
        WHERE "short" IS NOT NULL
        ORDER BY ("short" <-> $1::smallint[]) + 0
        LIMIT $2
        """#
    ),
  ]
}
