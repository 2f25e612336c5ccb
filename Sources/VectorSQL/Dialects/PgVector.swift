extension Dialect {
  /// PostgreSQL with pgvector 0.8: `vector`, `halfvec`, `sparsevec` and `bit` columns, `hnsw` and `ivfflat` indexes.
  public static let pgvector = Dialect(
    name: "pgvector",
    capabilities: Capabilities(
      onConflict: true,
      indexIfNotExists: true,
      concurrently: true,
      materializedCTE: true,
      lateral: true,
      iterativeScan: true,
      progressViews: true,
      searchOffset: true,
      secondSortKey: true
    ),
    defaultElement: .single,
    vectorTypes: [
      .single: floatType("vector", maximum: 2000) { .vector($0) },
      .half: floatType("halfvec", maximum: 4000) { .halfvec($0) },
      .sparse: floatType("sparsevec", maximum: 1_000_000_000) { .sparsevec($0) },
      .bit: bitType,
    ],
    plainVectorStorage: false,
    searchesLeaveOutNull: true,
    settings: .pgvector,
    quantizers: [.binary: .pgvectorBinary, .half: .pgvectorHalf],
    renderIndex: { definition, dialect throws(RenderingError) in try definition.pgvectorSQL(dialect) }
  )

  private static func floatType(
    _ name: String,
    maximum: Int,
    encode: @escaping @Sendable ([Float]) -> SQLValue
  ) -> VectorType {
    VectorType(
      castName: name,
      declaresDimension: true,
      maximumIndexedDimension: maximum,
      metrics: [
        .l2: spelling("<->", function: "l2_distance", opclass: "\(name)_l2_ops") { oneOver1Plus($0) },
        .innerProduct: innerProduct(opclass: "\(name)_ip_ops"),
        .cosine: spelling("<=>", function: "cosine_distance", opclass: "\(name)_cosine_ops") { oneMinus($0) },
        .l1: spelling("<+>", function: "l1_distance", opclass: "\(name)_l1_ops") { oneOver1Plus($0) },
      ],
      dimensions: name == "sparsevec" ? nil : vectorDims,
      encode: encode
    )
  }

  private static let vectorDims: @Sendable (SQL) -> SQL = { "vector_dims(\($0))" }

  private static let bitType = VectorType(
    castName: "bit",
    declaresDimension: true,
    maximumIndexedDimension: 64_000,
    metrics: [
      .hamming: spelling("<~>", function: "hamming_distance", opclass: "bit_hamming_ops") {
        oneOver1Plus($0)
      },
      .jaccard: spelling("<%>", function: "jaccard_distance", opclass: "bit_jaccard_ops") { oneMinus($0) },
    ],
    encode: { .bit($0.map { $0 > 0 }) }
  )

  private static func spelling(
    _ symbol: String,
    function: String,
    opclass: String,
    similarity: @escaping @Sendable (SQL) -> SQL
  ) -> MetricSpelling {
    let order = infix(symbol)
    let call = call(function)
    return MetricSpelling(
      order: order,
      distance: order,
      exactOrder: call,
      exactDistance: call,
      function: call,
      similarity: { column, query in similarity(call(column, query)) },
      indexOption: opclass
    )
  }

  private static func innerProduct(opclass: String) -> MetricSpelling {
    let order = infix("<#>")
    let call = call("inner_product")
    let negative: MetricSpelling.Pair = { column, query in "-\(call(column, query))" }
    return MetricSpelling(
      order: order,
      distance: order,
      exactOrder: negative,
      exactDistance: negative,
      function: call,
      similarity: call,
      indexOption: opclass
    )
  }

  static func infix(_ symbol: String) -> MetricSpelling.Pair {
    { column, query in "\(column) \(.keyword(symbol)) \(query)" }
  }

  static func call(_ function: String) -> MetricSpelling.Pair {
    { column, query in "\(.keyword(function))(\(column), \(query))" }
  }

  static func oneOver1Plus(_ distance: SQL) -> SQL { "1 / (1 + \(distance))" }

  static func oneMinus(_ distance: SQL) -> SQL { "1 - \(distance)" }
}

extension IndexDefinition {
  func pgvectorSQL(_ dialect: Dialect) throws(RenderingError) -> SQL {
    switch method {
    case .hnsw(let options):
      return try statement(dialect, using: "hnsw", key: plainKey(dialect), options: checked(options))
    case .ivfflat(let options):
      try refuseUnlistable()
      try RenderingError.check(options.lists, in: 1...32_768, "lists")
      return try statement(
        dialect,
        using: "ivfflat",
        key: plainKey(dialect),
        options: [("lists", options.lists)]
      )
    case .binaryQuantized(let options):
      let key = try quantizedKey(.binary, maximum: 64_000, dialect)
      return try statement(dialect, using: "hnsw", key: key, options: checked(options))
    case .halfPrecision(let options):
      let key = try quantizedKey(.half, maximum: 4000, dialect)
      return try statement(dialect, using: "hnsw", key: key, options: checked(options))
    case .ann:
      throw RenderingError(
        .unsupportedFeature,
        "the access method ann belongs to analyticdb; with pgvector use hnsw or ivfflat"
      )
    }
  }

  private func plainKey(_ dialect: Dialect) throws(RenderingError) -> SQL {
    let type = try dialect.type(of: column.element)
    let spelling = try dialect.spelling(of: metric, for: column.element)
    if let dimension = column.dimension, dimension > type.maximumIndexedDimension {
      throw RenderingError(
        .outOfRange,
        "the column \(column.name.quoted) has \(dimension) dimensions and \(type.castName) is indexed up to "
          + "\(type.maximumIndexedDimension); use a half-precision or binary-quantised index"
      )
    }
    return "\(column.sql) \(.keyword(spelling.indexOption))"
  }

  private func quantizedKey(
    _ quantization: Quantization,
    maximum: Int,
    _ dialect: Dialect
  ) throws(RenderingError) -> SQL {
    let dimension = try knownDimension(maximum: maximum)
    let quantizer = try dialect.quantizer(quantization)
    let opclass = try dialect.spelling(of: quantizer.metric ?? metric, for: quantizer.element).indexOption
    return "\(quantizer.column(column.sql, dimension)) \(.keyword(opclass))"
  }

  private func knownDimension(maximum: Int) throws(RenderingError) -> Int {
    guard let dimension = column.dimension else {
      throw RenderingError(.invalidShape, "a \(method.name) index needs the column's dimension")
    }
    try RenderingError.check(dimension, in: 1...maximum, "the dimension of a \(method.name) index")
    return dimension
  }

  private func refuseUnlistable() throws(RenderingError) {
    if metric == .l1 || metric == .jaccard || column.element == .sparse {
      throw RenderingError(
        .unsupportedMetric,
        "ivfflat has no operator class for the metric \(metric) here; use hnsw"
      )
    }
  }

  private func checked(_ options: HNSWOptions) throws(RenderingError) -> [(String, Int)] {
    var result: [(String, Int)] = []
    let m = options.m ?? 16
    let efConstruction = options.efConstruction ?? 64
    try RenderingError.check(m, in: 2...100, "m")
    try RenderingError.check(efConstruction, in: 4...1000, "ef_construction")
    guard efConstruction >= 2 * m else {
      throw RenderingError(
        .outOfRange,
        "ef_construction is \(efConstruction); it must be at least twice m, \(2 * m)"
      )
    }
    if options.m != nil { result.append(("m", m)) }
    if options.efConstruction != nil { result.append(("ef_construction", efConstruction)) }
    return result
  }

  private func statement(
    _ dialect: Dialect,
    using method: String,
    key: SQL,
    options: [(String, Int)]
  ) throws(RenderingError) -> SQL {
    let list = options.map { "\(SQL.keyword($0.0)) = \(SQL.number($0.1))" as SQL }
    return try createIndex(dialect, method: method, key: key, options: list)
  }
}
