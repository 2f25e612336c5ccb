extension Projection {
  /// Fits a linear discriminant projection to labelled vectors.
  ///  The covariance inside the classes, shrunk towards a sphere, is whitened; then the directions are kept
  /// in which the class means vary most (Fisher's discriminant; with pairs as classes, the discriminative
  /// whitening of Mikolajczyk and Matas, 2007). Means of n classes vary in n - 1 directions; further outputs
  /// take those in which the whitened vectors vary most.
  ///
  /// - Parameters:
  ///   - samples: The vectors with their classes.
  ///   - outputs: The dimensions to keep.
  ///   - shrinkage: How far the covariance is drawn towards a sphere, from 0 to 1; more when there are few
  ///     vectors.
  ///   - normalisesInput: Whether vectors are scaled to length 1 first.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`.
  public static func discriminant(
    of samples: LabelledVectors,
    outputs: Int,
    shrinkage: Double = 0.3,
    normalisesInput: Bool = true
  ) throws -> Projection {
    try checkOutputs(outputs, samples.dimensions)
    guard shrinkage >= 0, shrinkage <= 1 else {
      throw ProjectionError(.shape, "the shrinkage \(shrinkage) is not between 0 and 1")
    }
    let prepared = try PreparedSamples(samples, normalised: normalisesInput)
    let (means, counts, deviations) = prepared.byClass()
    guard means.count >= 2, counts.contains(where: { $0 >= 2 }) else {
      throw ProjectionError(
        .samples,
        "a supervised projection needs two classes, and one with two vectors or more"
      )
    }
    let order = prepared.dimensions
    let whitening = try whiteningMatrix(deviations, order: order, shrinkage: shrinkage)
    let spread = spread(prepared, means, counts, whitening)
    let rotation = try spread.eigenvectors().vectors
    let matrix = SymmetricMatrix.product(
      Array(rotation.prefix(outputs * order)),
      whitening,
      rows: outputs,
      inner: order,
      columns: order
    )
    return try Projection(
      matrix: matrix.map(Float.init),
      mean: prepared.mean,
      normalisesInput: normalisesInput,
      normalisesOutput: true,
      provenance: [
        "method": "discriminant", "samples": String(prepared.count), "classes": String(means.count),
        "shrinkage": String(shrinkage),
      ]
    )
  }

  /// The inverse square root of the shrunk covariance.
  private static func whiteningMatrix(
    _ deviations: [Float],
    order: Int,
    shrinkage: Double
  ) throws -> [Double] {
    let within = SymmetricMatrix.meanOuterProduct(deviations, order: order).shrunk(by: shrinkage)
    let (values, vectors) = try within.eigenvectors()
    let floor = max(values[0], .leastNormalMagnitude) * 1e-9
    var scaled = vectors
    for row in 0..<order {
      let scale = 1 / max(values[row], floor).squareRoot()
      for index in row * order..<(row + 1) * order { scaled[index] *= scale }
    }
    let transposed = (0..<order * order).map { vectors[$0 % order * order + $0 / order] }
    return SymmetricMatrix.product(transposed, scaled, rows: order, inner: order, columns: order)
  }

  /// The covariance of the whitened class means, and for the directions that these leave open a thousandth of
  /// the vectors' own.
  private static func spread(
    _ samples: PreparedSamples,
    _ means: [[Double]],
    _ counts: [Int],
    _ whitening: [Double]
  ) -> SymmetricMatrix {
    let order = samples.dimensions
    func whitened(_ rows: [Double]) -> [Double] {
      SymmetricMatrix.product(rows, whitening, rows: rows.count / order, inner: order, columns: order)
    }
    let white = whitened(means.flatMap { $0 })
    let total = Double(counts.reduce(0, +))
    let weights = counts.map { (Double($0 * counts.count) / total).squareRoot() }
    let weighted = white.indices.map { Float(white[$0] * weights[$0 / order]) }
    let between = SymmetricMatrix.meanOuterProduct(weighted, order: order)
    let all = whitened(samples.rows.map(Double.init)).map(Float.init)
    return between.adding(SymmetricMatrix.meanOuterProduct(all, order: order), times: 1e-3)
  }
}
