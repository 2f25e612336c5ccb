extension Dialect {
  /// PostgreSQL with pgvector 0.8: `vector`, `halfvec`, `sparsevec` and `bit` columns, `hnsw` and `ivfflat` indexes.
  public static let pgvector: Dialect = {
    var dialect = unqualifiedPgvector
    dialect.qualify = { dialect, schema in
      let names = ExtensionNames(schema: schema)
      dialect.vectorTypes = pgvectorTypes(names)
      dialect.quantizers = pgvectorQuantizers(names)
    }
    return dialect
  }()

  private static let unqualifiedPgvector = Dialect(
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
      secondSortKey: true,
      withTies: true
    ),
    defaultElement: .single,
    vectorTypes: pgvectorTypes(ExtensionNames()),
    plainVectorStorage: false,
    searchesLeaveOutNull: true,
    settings: .pgvector,
    quantizers: pgvectorQuantizers(ExtensionNames()),
    renderIndex: { definition, dialect throws(RenderingError) in try definition.pgvectorSQL(dialect) }
  )

  private static func pgvectorTypes(_ names: ExtensionNames) -> [VectorElement: VectorType] {
    [
      .single: floatType("vector", maximum: 2000, names) { .vector($0) },
      .half: floatType("halfvec", maximum: 4000, names) { .halfvec($0) },
      .sparse: floatType("sparsevec", maximum: 1_000_000_000, names) { .sparsevec($0) },
      .bit: bitType(names),
    ]
  }

  private static func pgvectorQuantizers(_ names: ExtensionNames) -> [Quantization: Quantizer] {
    let binary: @Sendable (SQL, Int) -> SQL = {
      "\(.keyword(names.name("binary_quantize")))(\($0))::bit(\(.number($1)))"
    }
    let half: @Sendable (SQL, Int) -> SQL = { "\($0)::\(.keyword(names.name("halfvec")))(\(.number($1)))" }
    return [
      .binary: Quantizer(element: .bit, metric: .hamming, column: { "(\(binary($0, $1)))" }, query: binary),
      .half: Quantizer(element: .half, metric: nil, column: { "(\(half($0, $1)))" }, query: half),
    ]
  }

  private static func floatType(
    _ name: String,
    maximum: Int,
    _ names: ExtensionNames,
    encode: @escaping @Sendable ([Float]) -> SQLValue
  ) -> VectorType {
    let dimensions: @Sendable (SQL) -> SQL = { "\(.keyword(names.name("vector_dims")))(\($0))" }
    return VectorType(
      castName: name,
      schema: names.schema,
      declaresDimension: true,
      maximumIndexedDimension: maximum,
      metrics: [
        .l2: spelling("<->", "l2_distance", names, opclass: "\(name)_l2_ops") { oneOver1Plus($0) },
        .innerProduct: innerProduct(names, opclass: "\(name)_ip_ops"),
        .cosine: spelling("<=>", "cosine_distance", names, opclass: "\(name)_cosine_ops") { oneMinus($0) },
        .l1: spelling("<+>", "l1_distance", names, opclass: "\(name)_l1_ops") { oneOver1Plus($0) },
      ],
      dimensions: name == "sparsevec" ? nil : dimensions,
      encode: encode
    )
  }

  private static func bitType(_ names: ExtensionNames) -> VectorType {
    VectorType(
      castName: "bit",
      declaresDimension: true,
      maximumIndexedDimension: 64_000,
      metrics: [
        .hamming: spelling("<~>", "hamming_distance", names, opclass: "bit_hamming_ops") { oneOver1Plus($0) },
        .jaccard: spelling("<%>", "jaccard_distance", names, opclass: "bit_jaccard_ops") { oneMinus($0) },
      ],
      encode: { .bit($0.map { $0 > 0 }) }
    )
  }

  private static func spelling(
    _ symbol: String,
    _ function: String,
    _ names: ExtensionNames,
    opclass: String,
    similarity: @escaping @Sendable (SQL) -> SQL
  ) -> MetricSpelling {
    let order = names.infix(symbol)
    let call = names.call(function)
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

  private static func innerProduct(_ names: ExtensionNames, opclass: String) -> MetricSpelling {
    let order = names.infix("<#>")
    let call = names.call("inner_product")
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
      try IndexOption.lists.check(options.lists)
      return try statement(
        dialect,
        using: "ivfflat",
        key: plainKey(dialect),
        options: [("lists", options.lists)]
      )
    case .binaryQuantized(let options):
      let key = try quantizedKey(.binary, dialect)
      return try statement(dialect, using: "hnsw", key: key, options: checked(options))
    case .halfPrecision(let options):
      let key = try quantizedKey(.half, dialect)
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
    return "\(column.sql) \(.keyword(dialect.extensionName(spelling.indexOption)))"
  }

  private func quantizedKey(
    _ quantization: Quantization,
    _ dialect: Dialect
  ) throws(RenderingError) -> SQL {
    let quantizer = try dialect.quantizer(quantization)
    let maximum = try dialect.type(of: quantizer.element).maximumIndexedDimension
    let dimension = try knownDimension(maximum: maximum)
    let opclass = try dialect.spelling(of: quantizer.metric ?? metric, for: quantizer.element).indexOption
    return "\(quantizer.column(column.sql, dimension)) \(.keyword(dialect.extensionName(opclass)))"
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
    let m = options.m ?? HNSWOptions.defaults.m
    let efConstruction = options.efConstruction ?? HNSWOptions.defaults.efConstruction
    try IndexOption.m.check(m)
    try IndexOption.efConstruction.check(efConstruction)
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

/// Writes the names of an extension's functions and operators, with its schema where that must be named.
struct ExtensionNames: Sendable {
  var schema: Identifier?

  func name(_ name: String) -> String {
    schema.map { $0.quoted + "." + name } ?? name
  }

  /// `column <-> query`, or `column OPERATOR("schema".<->) query`.
  func infix(_ symbol: String) -> MetricSpelling.Pair {
    let symbol = schema.map { "OPERATOR(" + $0.quoted + "." + symbol + ")" } ?? symbol
    return { column, query in "\(column) \(.keyword(symbol)) \(query)" }
  }

  func call(_ function: String) -> MetricSpelling.Pair {
    let function = name(function)
    return { column, query in "\(.keyword(function))(\(column), \(query))" }
  }
}
