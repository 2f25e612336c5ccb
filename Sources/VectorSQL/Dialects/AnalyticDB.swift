extension Dialect {
  /// AnalyticDB for PostgreSQL, the ground that 6.0 and 7.0 share: `real[]` columns, `ann` indexes.
  ///
  /// `<->` is the *squared* Euclidean distance there, so the distance shown takes its root.
  public static let analyticDB: Dialect = {
    var dialect = unqualifiedAnalyticDB
    dialect.qualify = { $0.vectorTypes = arrayTypes(ExtensionNames(schema: $1)) }
    return dialect
  }()

  private static let unqualifiedAnalyticDB = Dialect(
    name: "analyticdb",
    capabilities: Capabilities(distributedBy: true, onConflict: true),
    defaultElement: .single,
    vectorTypes: arrayTypes(ExtensionNames()),
    plainVectorStorage: true,
    settings: .analyticDB,
    indexExtension: .fastann,
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

  /// AnalyticDB's columns on Greenplum, which has no `ann`: a distance is a sum over the elements of two arrays, which any base
  /// computes, so that each search compares all rows.
  public static let greenplumArrays: Dialect = {
    var dialect = unqualifiedAnalyticDB
    dialect.comparesElements = true
    dialect.capabilities.onConflict = false
    dialect.searchesLeaveOutNull = true
    dialect.vectorTypes = [
      .single: VectorType(
        castName: "real[]",
        declaresDimension: false,
        maximumIndexedDimension: IndexOption.mostDimensions,
        metrics: MetricSpelling.sums,
        dimensions: { "array_length(\($0), 1)" },
        encode: { .float4Array($0) }
      )
    ]
    return dialect
  }()

  /// AnalyticDB with pgvector's `vector(n)` columns (kernel 6.6.1.0 and later); only the index stays `ann`.
  ///
  /// - Parameter squaredL2: Whether `<->` gives the squared distance for `vector` too. Sources do not say; ask the
  ///   server with `SELECT '[0,0]'::vector <-> '[3,4]'::vector` (25 means squared).
  public static func analyticDBVector(squaredL2: Bool) -> Dialect {
    var dialect = analyticDB
    dialect.vectorTypes[.single] = annVector(squaredL2, ExtensionNames())
    dialect.qualify = { dialect, schema in
      let names = ExtensionNames(schema: schema)
      dialect.vectorTypes = arrayTypes(names)
      dialect.vectorTypes[.single] = annVector(squaredL2, names)
    }
    return dialect
  }

  private static func annVector(_ squaredL2: Bool, _ names: ExtensionNames) -> VectorType {
    VectorType(
      castName: "vector",
      schema: names.schema,
      declaresDimension: true,
      maximumIndexedDimension: IndexOption.mostDimensions,
      metrics: MetricSpelling.ann(squaredL2: squaredL2, functions: false, names),
      dimensions: { "\(.keyword(names.name("vector_dims")))(\($0))" },
      encode: { .vector($0) }
    )
  }

  private static func arrayTypes(_ names: ExtensionNames) -> [VectorElement: VectorType] {
    [
      .single: arrayType("real[]", names) { .float4Array($0) },
      .half: arrayType("float2[]", names, functions: false) { .float4Array($0) },
      .int16: arrayType("smallint[]", names, functions: false) { .int2Array($0.map(nearestInt16)) },
    ]
  }

  /// Rounded half away from zero, and kept in range.
  private static func nearestInt16(_ value: Float) -> Int16 {
    Int16(max(-32_768, min(32_767, value + (value < 0 ? -0.5 : 0.5))))
  }

  private static func arrayType(
    _ name: String,
    _ names: ExtensionNames,
    functions: Bool = true,
    encode: @escaping @Sendable ([Float]) -> SQLValue
  ) -> VectorType {
    VectorType(
      castName: name,
      declaresDimension: false,
      maximumIndexedDimension: IndexOption.mostDimensions,
      metrics: MetricSpelling.ann(squaredL2: true, functions: functions, names),
      dimensions: { "array_length(\($0), 1)" },
      encode: encode
    )
  }
}

extension MetricSpelling {
  /// The metrics of AnalyticDB's `ann`.
  ///
  /// - Parameters:
  ///   - squaredL2: Whether `<->` gives the squared distance.
  ///   - functions: Whether the distance functions take the type; where they do not, the operator does their work.
  static func ann(squaredL2: Bool, functions: Bool, _ names: ExtensionNames) -> [Metric: MetricSpelling] {
    let spellings = [
      Metric.l2: squaredL2 ? squaredEuclidean(names) : euclidean(names),
      .innerProduct: negativeInnerProduct(names),
      .cosine: cosineDistance(names),
    ]
    return functions ? spellings : spellings.mapValues(\.withoutFunctions)
  }

  /// The same metric for a type that the distance functions do not take: an operator inside a sum matches no index.
  private var withoutFunctions: MetricSpelling {
    let order = order
    return MetricSpelling(
      order: order,
      distance: distance,
      exactOrder: { column, query in "(\(order(column, query))) + 0" },
      exactDistance: distance,
      function: distance,
      similarity: similarity,
      indexOption: indexOption
    )
  }

  private static func squaredEuclidean(_ names: ExtensionNames) -> MetricSpelling {
    let order = names.infix("<->")
    let squared = names.call("l2_squared_distance")
    return MetricSpelling(
      order: order,
      distance: { column, query in "sqrt(\(order(column, query)))" },
      exactOrder: squared,
      exactDistance: { column, query in "sqrt(\(squared(column, query)))" },
      function: names.call("l2_distance"),
      similarity: { column, query in "1 / (1 + sqrt(\(order(column, query))))" },
      indexOption: "l2"
    )
  }

  private static func euclidean(_ names: ExtensionNames) -> MetricSpelling {
    let order = names.infix("<->")
    return MetricSpelling(
      order: order,
      distance: order,
      exactOrder: names.call("l2_squared_distance"),
      exactDistance: order,
      function: names.call("l2_distance"),
      similarity: { column, query in "1 / (1 + (\(order(column, query))))" },
      indexOption: "l2"
    )
  }

  private static func negativeInnerProduct(_ names: ExtensionNames) -> MetricSpelling {
    let order = names.infix("<#>")
    let negative = names.call("negative_inner_product_distance")
    return MetricSpelling(
      order: order,
      distance: order,
      exactOrder: negative,
      exactDistance: negative,
      function: names.call("inner_product_distance"),
      similarity: { column, query in "-1 * (\(order(column, query)))" },
      indexOption: "ip"
    )
  }

  private static func cosineDistance(_ names: ExtensionNames) -> MetricSpelling {
    let order = names.infix("<=>")
    let call = names.call("cosine_distance")
    return MetricSpelling(
      order: order,
      distance: order,
      exactOrder: call,
      exactDistance: call,
      function: names.call("cosine_similarity"),
      similarity: { column, query in "1 - (\(order(column, query)))" },
      indexOption: "cosine"
    )
  }
}

extension MetricSpelling {
  /// Metrics that are sums over the elements; NaN for arrays of unequal lengths, and where the metric has no value.
  static let sums: [Metric: MetricSpelling] = [
    .l2: sum(
      "sum((CAST(a AS double precision) - b) ^ 2)",
      option: "l2",
      distance: { "sqrt(\($0))" },
      similarity: { "1 / (1 + sqrt(\($0)))" }
    ),
    .innerProduct: sum(
      "-sum(CAST(a AS double precision) * b)",
      option: "ip",
      distance: { $0 },
      similarity: { "-1 * \($0)" }
    ),
    .cosine: sum(
      """
      1 - sum(CAST(a AS double precision) * b) \
      / nullif(sqrt(sum(CAST(a AS double precision) ^ 2)) * sqrt(sum(CAST(b AS double precision) ^ 2)), 0)
      """,
      option: "cosine",
      distance: { $0 },
      similarity: { "1 - \($0)" }
    ),
  ]

  private static func sum(
    _ value: SQL,
    option: String,
    distance: @escaping @Sendable (SQL) -> SQL,
    similarity: @escaping @Sendable (SQL) -> SQL
  ) -> MetricSpelling {
    let order: Pair = { column, query in
      """
      (SELECT coalesce(CASE WHEN count(a) = count(*) AND count(b) = count(*) THEN \(value) END, 'NaN') \
      FROM unnest(\(column), CAST(\(query) AS real[])) AS pair (a, b))
      """
    }
    let shown: Pair = { column, query in distance(order(column, query)) }
    return MetricSpelling(
      order: order,
      distance: shown,
      exactOrder: order,
      exactDistance: shown,
      function: shown,
      similarity: { column, query in similarity(order(column, query)) },
      indexOption: option
    )
  }
}

extension IndexDefinition {
  func analyticDBSQL(_ dialect: Dialect) throws(RenderingError) -> SQL {
    switch method {
    case .ann(let options):
      return try annStatement(dialect, options)
    case .hnsw(let options):
      return try annStatement(
        dialect,
        ANNOptions(hnswM: options.m, efConstruction: options.efConstruction, productQuantization: false)
      )
    case .ivfflat, .binaryQuantized, .halfPrecision:
      throw RenderingError(
        .unsupportedFeature,
        "analyticdb has no \(method.name) index; use ann, with product quantisation where space matters"
      )
    }
  }

  private func annStatement(_ dialect: Dialect, _ options: ANNOptions) throws(RenderingError) -> SQL {
    guard let dimension = column.dimension else {
      throw RenderingError(.invalidShape, "an ann index needs the column's dimension")
    }
    try IndexOption.dim.check(dimension)
    try check(options, dimension: dimension, dialect)
    let measure = try dialect.spelling(of: metric, for: column.element).indexOption
    let numbers: [(SQL, Int?)] = [
      ("hnsw_m", options.hnswM),
      ("hnsw_ef_construction", options.efConstruction),
      ("pq_enable", options.productQuantization.map { $0 ? 1 : 0 }),
      ("pq_segments", options.pqSegments),
      ("pq_centers", options.pqCenters),
      ("external_storage", options.externalStorage.map { $0 ? 1 : 0 }),
    ]
    var list: [SQL] = ["dim = \(number(dimension, options))", "distancemeasure = \(.keyword(measure))"]
    for (name, value) in numbers {
      if let value { list.append("\(name) = \(number(value, options))") }
    }
    if let algorithm = options.algorithm { list.append("algorithm = \(.keyword(algorithm.rawValue))") }
    return try createIndex(dialect, method: "ann", key: column.sql, options: list)
  }

  private func number(_ value: Int, _ options: ANNOptions) -> SQL {
    options.quotesNumbers ? "'\(.number(value))'" : .number(value)
  }

  private func check(
    _ options: ANNOptions,
    dimension: Int,
    _ dialect: Dialect
  ) throws(RenderingError) {
    if let value = options.hnswM { try IndexOption.hnswM.check(value) }
    if let value = options.efConstruction { try IndexOption.hnswEfConstruction.check(value) }
    if let value = options.pqCenters { try IndexOption.pqCenters.check(value) }
    if let segments = options.pqSegments {
      try IndexOption.pqSegments.check(segments)
      guard dimension.isMultiple(of: segments) else {
        throw RenderingError(
          .outOfRange,
          "pq_segments is \(segments), which does not divide the dimension \(dimension)"
        )
      }
    }
    if options.productQuantization == true, options.pqSegments == nil, !dimension.isMultiple(of: 8) {
      throw RenderingError(
        .outOfRange,
        "product quantisation of \(dimension) dimensions, not a multiple of 8, needs pq_segments that divides it"
      )
    }
    if options.externalStorage != nil, !dialect.capabilities.externalStorage {
      throw RenderingError(
        .unsupportedFeature,
        "external_storage exists on AnalyticDB 6.0 only, 7.0 refuses even 0; leave it out"
      )
    }
  }
}
