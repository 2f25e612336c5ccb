extension Projection {
  /// Fits a linear discriminant projection to labelled vectors.
  ///
  /// The covariance inside the classes, shrunk towards a sphere, is whitened; then the directions are kept in which the class means
  /// vary most (Fisher's discriminant; with pairs as classes, the discriminative whitening of Mikolajczyk and Matas, 2007).
  /// Behind the means' directions come those of the whitened vectors themselves, so that any number of outputs is possible.
  ///
  /// - Parameters:
  ///   - samples: The vectors with their classes.
  ///   - outputs: The dimensions to keep.
  ///   - shrinkage: How far the covariance is drawn towards a sphere, from 0 to 1; more when there are few vectors.
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
    let between = betweenClasses(means, counts, whitening, order: order)
    let rotation = try between.eigenvectors().vectors
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

  /// The covariance of the whitened class means.
  private static func betweenClasses(
    _ means: [[Double]],
    _ counts: [Int],
    _ whitening: [Double],
    order: Int
  ) -> SymmetricMatrix {
    let white = SymmetricMatrix.product(
      means.flatMap { $0 },
      whitening,
      rows: means.count,
      inner: order,
      columns: order
    )
    let total = Double(counts.reduce(0, +))
    var weighted: [Float] = []
    weighted.reserveCapacity(white.count)
    for (index, value) in white.enumerated() {
      weighted.append(
        Float(value * (Double(counts[index / order]) * Double(counts.count) / total).squareRoot())
      )
    }
    return SymmetricMatrix.meanOuterProduct(weighted, order: order)
  }
}
