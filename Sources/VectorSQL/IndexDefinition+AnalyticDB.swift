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
    try RenderingError.check(dimension, in: 1...8192, "dim")
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
    if let value = options.hnswM { try RenderingError.check(value, in: 10...1000, "hnsw_m") }
    if let value = options.efConstruction {
      try RenderingError.check(value, in: 40...4000, "hnsw_ef_construction")
    }
    if let value = options.pqCenters { try RenderingError.check(value, in: 256...8192, "pq_centers") }
    if let segments = options.pqSegments {
      try RenderingError.check(segments, in: 1...256, "pq_segments")
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
        "product quantisation of \(dimension) dimensions, no multiple of 8, needs pq_segments that divides it"
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
