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
