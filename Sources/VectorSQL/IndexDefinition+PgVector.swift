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
