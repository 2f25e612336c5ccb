extension Dialect {
  /// AnalyticDB for PostgreSQL, the ground that 6.0 and 7.0 share: `real[]` columns, `ann` indexes.
  ///
  /// `<->` is the *squared* Euclidean distance there, so the distance shown takes its root.
  public static let analyticDB = Dialect(
    name: "analyticdb",
    capabilities: Capabilities(distributedBy: true, onConflict: true),
    defaultElement: .single,
    vectorTypes: [
      .single: arrayType("real[]") { .float4Array($0) },
      .half: arrayType("float2[]") { .float4Array($0) },
      .int16: arrayType("smallint[]") { .int2Array($0.map { Int16(max(-32768, min(32767, $0.rounded()))) }) },
    ],
    plainVectorStorage: true,
    settings: .analyticDB,
    renderIndex: { definition, dialect throws(RenderingError) in try definition.analyticDBSQL(dialect) }
  )

  /// AnalyticDB for PostgreSQL 6.0: a PostgreSQL 9.4 base, with `external_storage`.
  public static let analyticDB6 = analyticDB.adapted { $0.externalStorage = true }

  /// AnalyticDB for PostgreSQL 7.0: a PostgreSQL 12 base.
  public static let analyticDB7 = analyticDB.adapted {
    $0.indexIfNotExists = true
    $0.materializedCTE = true
    $0.progressViews = true
  }

  /// AnalyticDB with pgvector's `vector(n)` columns (kernel 6.6.1.0 and later); only the index stays `ann`.
  ///
  /// - Parameter squaredL2: Whether `<->` gives the squared distance for `vector` too. Sources do not say; ask the
  ///   server with `SELECT '[0,0]'::vector <-> '[3,4]'::vector` (25 means squared).
  public static func analyticDBVector(squaredL2: Bool) -> Dialect {
    var dialect = analyticDB
    dialect.vectorTypes[.single] = VectorType(
      castName: "vector",
      declaresDimension: true,
      maximumIndexedDimension: 8192,
      metrics: annMetrics(squaredL2: squaredL2),
      encode: { .vector($0) }
    )
    return dialect
  }

  private static func arrayType(
    _ name: String,
    encode: @escaping @Sendable ([Float]) -> SQLValue
  ) -> VectorType {
    VectorType(
      castName: name,
      declaresDimension: false,
      maximumIndexedDimension: 8192,
      metrics: annMetrics(squaredL2: true),
      encode: encode
    )
  }

  private static func annMetrics(squaredL2: Bool) -> [Metric: MetricSpelling] {
    [
      .l2: squaredL2 ? squaredEuclidean : euclidean,
      .innerProduct: negatedInnerProduct,
      .cosine: cosineDistance,
    ]
  }

  private static let squaredEuclidean = MetricSpelling(
    order: infix("<->"),
    distance: { column, query in "sqrt(\(column) <-> \(query))" },
    exactOrder: call("l2_squared_distance"),
    exactDistance: { column, query in "sqrt(l2_squared_distance(\(column), \(query)))" },
    function: call("l2_distance"),
    similarity: { column, query in "1 / (1 + sqrt(l2_squared_distance(\(column), \(query))))" },
    indexOption: "l2"
  )

  private static let euclidean = MetricSpelling(
    order: infix("<->"),
    distance: infix("<->"),
    exactOrder: call("l2_distance"),
    exactDistance: call("l2_distance"),
    function: call("l2_distance"),
    similarity: { column, query in "1 / (1 + l2_distance(\(column), \(query)))" },
    indexOption: "l2"
  )

  private static let negatedInnerProduct = MetricSpelling(
    order: infix("<#>"),
    distance: infix("<#>"),
    exactOrder: call("negative_inner_product_distance"),
    exactDistance: call("negative_inner_product_distance"),
    function: call("inner_product_distance"),
    similarity: call("inner_product_distance"),
    indexOption: "ip"
  )

  private static let cosineDistance = MetricSpelling(
    order: infix("<=>"),
    distance: infix("<=>"),
    exactOrder: call("cosine_distance"),
    exactDistance: call("cosine_distance"),
    function: call("cosine_distance"),
    similarity: call("cosine_similarity"),
    indexOption: "cosine"
  )
}
