extension Projection {
  /// Fits a principal component analysis.
  ///
  /// - Parameters:
  ///   - samples: The vectors; labels do not matter.
  ///   - outputs: The dimensions to keep.
  ///   - whitens: Whether components are scaled to equal variance (PCA-whitening).
  ///   - normalisesInput: Whether vectors are scaled to length 1 first.
  ///   - normalisesOutput: Whether results are.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`.
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
    // Directions without variance would be blown up; the floor keeps them small.
    let floor = max(values[0], .leastNormalMagnitude) * 1e-6
    var matrix: [Float] = []
    matrix.reserveCapacity(outputs * prepared.dimensions)
    for output in 0..<outputs {
      let scale = whitens ? 1 / max(values[output], floor).squareRoot() : 1
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

  static func checkOutputs(_ outputs: Int, _ dimensions: Int) throws {
    guard (1...dimensions).contains(outputs) else {
      throw ProjectionError(
        .shape,
        "vectors of \(dimensions) values cannot be projected to \(outputs) dimensions"
      )
    }
  }
}
