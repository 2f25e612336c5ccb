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
      .half: arrayType("float2[]", functions: false) { .float4Array($0) },
      .int16: arrayType("smallint[]", functions: false) { .int2Array($0.map(nearestInt16)) },
    ],
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
      metrics: MetricSpelling.ann(squaredL2: squaredL2, functions: false),
      dimensions: { "vector_dims(\($0))" },
      encode: { .vector($0) }
    )
    return dialect
  }

  /// Rounded half away from zero, and kept in range.
  private static func nearestInt16(_ value: Float) -> Int16 {
    Int16(max(-32_768, min(32_767, value + (value < 0 ? -0.5 : 0.5))))
  }

  private static func arrayType(
    _ name: String,
    functions: Bool = true,
    encode: @escaping @Sendable ([Float]) -> SQLValue
  ) -> VectorType {
    VectorType(
      castName: name,
      declaresDimension: false,
      maximumIndexedDimension: 8192,
      metrics: MetricSpelling.ann(squaredL2: true, functions: functions),
      dimensions: { "array_length(\($0), 1)" },
      encode: encode
    )
  }
}
