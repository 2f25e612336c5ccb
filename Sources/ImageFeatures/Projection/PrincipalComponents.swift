extension Projection {
  /// Fits a principal component analysis.
  ///
  /// - Parameters:
  ///   - samples: The vectors; labels do not matter.
  ///   - outputs: The dimensions to keep.
  ///   - whitens: Whether components are scaled to equal variance (PCA-whitening).
  ///   - normalisesInput: Whether vectors are scaled to length 1 first.
  ///   - normalisesOutput: Whether results are.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`; `samples` also when whitening asks for more
  ///   directions than the samples vary in.
  public static func principalComponents(
    of samples: LabelledVectors,
    outputs: Int,
    whitens: Bool = false,
    normalisesInput: Bool = true,
    normalisesOutput: Bool = true
  ) throws -> Projection {
    try checkOutputs(outputs, samples.dimensions)
    let prepared = try PreparedSamples(samples, normalised: normalisesInput)
    let covariance = SymmetricMatrix.meanOuterProduct(prepared.rows, order: prepared.dimensions)
    let (values, vectors) = try covariance.eigenvectors()
    if whitens { try checkVariance(values, outputs) }
    var matrix: [Float] = []
    matrix.reserveCapacity(outputs * prepared.dimensions)
    for output in 0..<outputs {
      let scale = whitens ? 1 / values[output].squareRoot() : 1
      let row = vectors[output * prepared.dimensions..<(output + 1) * prepared.dimensions]
      matrix.append(contentsOf: row.map { Float($0 * scale) })
    }
    return try Projection(
      matrix: matrix,
      mean: prepared.mean,
      normalisesInput: normalisesInput,
      normalisesOutput: normalisesOutput,
      provenance: ["method": whitens ? "pca-whitening" : "pca", "samples": String(prepared.count)]
    )
  }

  /// A direction that the samples do not vary in is rounding alone; scaled to equal variance it would drown the others.
  private static func checkVariance(_ values: [Double], _ outputs: Int) throws {
    let floor = max(values[0], .leastNormalMagnitude) * smallestVariance
    let usable = values.prefix { $0 > floor }.count
    guard outputs <= usable else {
      throw ProjectionError(
        .samples,
        "the samples vary in \(usable) directions only, and whitening keeps \(outputs); keep \(usable) or fewer, or learn "
          + "from more samples"
      )
    }
  }

  /// As a share of the largest variance.
  private static let smallestVariance = 1e-6

  static func checkOutputs(_ outputs: Int, _ dimensions: Int) throws {
    guard (1...dimensions).contains(outputs) else {
      throw ProjectionError(
        .shape,
        "vectors of \(dimensions) values cannot be projected to \(outputs) dimensions"
      )
    }
  }
}
