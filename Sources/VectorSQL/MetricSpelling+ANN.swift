extension MetricSpelling {
  /// The metrics of AnalyticDB's `ann`.
  ///
  /// - Parameters:
  ///   - squaredL2: Whether `<->` gives the squared distance.
  ///   - functions: Whether the distance functions take the type; where they do not, the operator does their work.
  static func ann(squaredL2: Bool, functions: Bool) -> [Metric: MetricSpelling] {
    let spellings = [
      Metric.l2: squaredL2 ? squaredEuclidean : euclidean,
      .innerProduct: negativeInnerProduct,
      .cosine: cosineDistance,
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

  private static let squaredEuclidean = MetricSpelling(
    order: Dialect.infix("<->"),
    distance: { column, query in "sqrt(\(column) <-> \(query))" },
    exactOrder: Dialect.call("l2_squared_distance"),
    exactDistance: { column, query in "sqrt(l2_squared_distance(\(column), \(query)))" },
    function: Dialect.call("l2_distance"),
    similarity: { column, query in "1 / (1 + sqrt(\(column) <-> \(query)))" },
    indexOption: "l2"
  )

  private static let euclidean = MetricSpelling(
    order: Dialect.infix("<->"),
    distance: Dialect.infix("<->"),
    exactOrder: Dialect.call("l2_squared_distance"),
    exactDistance: Dialect.infix("<->"),
    function: Dialect.call("l2_distance"),
    similarity: { column, query in "1 / (1 + (\(column) <-> \(query)))" },
    indexOption: "l2"
  )

  private static let negativeInnerProduct = MetricSpelling(
    order: Dialect.infix("<#>"),
    distance: Dialect.infix("<#>"),
    exactOrder: Dialect.call("negative_inner_product_distance"),
    exactDistance: Dialect.call("negative_inner_product_distance"),
    function: Dialect.call("inner_product_distance"),
    similarity: { column, query in "-1 * (\(column) <#> \(query))" },
    indexOption: "ip"
  )

  private static let cosineDistance = MetricSpelling(
    order: Dialect.infix("<=>"),
    distance: Dialect.infix("<=>"),
    exactOrder: Dialect.call("cosine_distance"),
    exactDistance: Dialect.call("cosine_distance"),
    function: Dialect.call("cosine_similarity"),
    similarity: { column, query in "1 - (\(column) <=> \(query))" },
    indexOption: "cosine"
  )
}
