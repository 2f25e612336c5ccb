import VectorSQL

extension Example {
  private static func index(
    _ name: String,
    _ method: IndexMethod,
    by metric: Metric = .l2,
    pgvector: Golden,
    analyticDB: Golden,
    _ change: @escaping @Sendable (inout IndexDefinition) -> Void = { _ in }
  ) -> Example {
    Example(name, pgvector: pgvector, analyticDB: analyticDB) { dialect, layout throws(RenderingError) in
      var index = IndexDefinition(on: Products.name, Products().feature, by: metric, using: method)
      change(&index)
      return [try index.rendered(for: dialect, layout: layout)]
    }
  }

  static let schema: [Example] = [
    Example(
      "a table with vectors",
      pgvector: #"""
        CREATE TABLE "public"."image_search" ("id" integer NOT NULL, "class" text, "image_vector" vector(8), PRIMARY KEY ("id"))
        """#,
      analyticDB: #"""
        CREATE TABLE "public"."image_search" ("id" integer NOT NULL, "class" text, "image_vector" real[], PRIMARY KEY ("id")) DISTRIBUTED BY ("id");
        ALTER TABLE "public"."image_search" ALTER COLUMN "image_vector" SET STORAGE PLAIN
        """#
    ) { dialect, layout throws(RenderingError) in
      let table = TableDefinition(
        "public.image_search",
        columns: [
          .init("id", .integer, notNull: true), .init("class", .text),
          .init(VectorColumn("image_vector", dim: 8)),
        ],
        primaryKey: ["id"]
      )
      return try table.statements(for: dialect)
    },
    index(
      "graph index",
      .hnsw(HNSWOptions(m: 24, efConstruction: 200)),
      pgvector: #"""
        CREATE INDEX "products_feature_hnsw"
        ON "public"."products" USING hnsw ("feature" vector_l2_ops)
        WITH (m = 24, ef_construction = 200)
        """#,
      analyticDB: #"""
        CREATE INDEX "products_feature_hnsw"
        ON "public"."products" USING ann ("feature")
        WITH (dim = 8, distancemeasure = l2, hnsw_m = 24, hnsw_ef_construction = 200, pq_enable = 0)
        """#
    ),
    index(
      "inverted lists",
      .ivfflat(IVFFlatOptions(rows: 5000)),
      by: .cosine,
      pgvector: #"""
        CREATE INDEX "products_feature_ivfflat"
        ON "public"."products" USING ivfflat ("feature" vector_cosine_ops)
        WITH (lists = 5)
        """#,
      analyticDB: .refused(.unsupportedFeature)
    ),
    index(
      "binary quantisation",
      .binaryQuantized(),
      pgvector: #"""
        CREATE INDEX "products_feature_bq"
        ON "public"."products" USING hnsw ((binary_quantize("feature")::bit(8)) bit_hamming_ops)
        """#,
      analyticDB: .refused(.unsupportedFeature)
    ),
    index(
      "half-precision copies",
      .halfPrecision(),
      by: .cosine,
      pgvector: #"""
        CREATE INDEX "products_feature_half"
        ON "public"."products" USING hnsw (("feature"::halfvec(8)) halfvec_cosine_ops)
        """#,
      analyticDB: .refused(.unsupportedFeature)
    ),
    index(
      "ann",
      .ann(ANNOptions(hnswM: 100, efConstruction: 600, productQuantization: false)),
      by: .cosine,
      pgvector: .refused(.unsupportedFeature),
      analyticDB: #"""
        CREATE INDEX "products_feature_ann"
        ON "public"."products" USING ann ("feature")
        WITH (dim = 8, distancemeasure = cosine, hnsw_m = 100, hnsw_ef_construction = 600, pq_enable = 0)
        """#
    ),
    index(
      "ann with product quantisation",
      .ann(ANNOptions(hnswM: 32, productQuantization: true, pqSegments: 4, pqCenters: 256)),
      pgvector: .refused(.unsupportedFeature),
      analyticDB: #"""
        CREATE INDEX "products_feature_ann"
        ON "public"."products" USING ann ("feature")
        WITH (dim = 8, distancemeasure = l2, hnsw_m = 32, pq_enable = 1, pq_segments = 4, pq_centers = 256)
        """#
    ),
    index(
      "partial index",
      .hnsw(),
      by: .innerProduct,
      pgvector: #"""
        CREATE INDEX "products_titled"
        ON "public"."products" USING hnsw ("feature" vector_ip_ops)
        WHERE "title" IS NOT NULL
        """#,
      analyticDB: #"""
        CREATE INDEX "products_titled"
        ON "public"."products" USING ann ("feature")
        WITH (dim = 8, distancemeasure = ip, pq_enable = 0)
        WHERE "title" IS NOT NULL
        """#
    ) {
      $0.condition = Products().title.isNotNull
      $0.name = "products_titled"
    },
    index(
      "index beside running writers",
      .hnsw(),
      pgvector: #"""
        CREATE INDEX CONCURRENTLY IF NOT EXISTS "products_feature_hnsw"
        ON "public"."products" USING hnsw ("feature" vector_l2_ops)
        """#,
      analyticDB: .refused(.unsupportedFeature)
    ) {
      $0.concurrently = true
      $0.ifNotExists = true
    },
  ]
}
