internal import COpenBLAS

/// A linear map of feature vectors to fewer dimensions: y = matrix (x - mean), with the vector's length made
/// 1 before and after as asked.
public struct Projection: Sendable, Hashable {
  /// The length of the vectors it takes.
  public let inputs: Int

  /// The length of the vectors it gives.
  public let outputs: Int

  /// The rows of the map, one an output, one behind the other.
  public let matrix: [Float]

  /// What is subtracted first.
  public let mean: [Float]

  /// Whether vectors are scaled to length 1 before the mean is subtracted.
  public let normalisesInput: Bool

  /// Whether results are scaled to length 1.
  public let normalisesOutput: Bool

  /// Where it comes from: method, feature, collection, counts; kept in its file.
  public var provenance: [String: String]

  /// Makes a projection from its parts.
  ///
  /// - Throws: `ProjectionError` with code `shape` when the matrix does not have a whole number of rows of
  ///   the mean's length.
  public init(
    matrix: [Float],
    mean: [Float],
    normalisesInput: Bool,
    normalisesOutput: Bool,
    provenance: [String: String] = [:]
  ) throws {
    guard !mean.isEmpty, !matrix.isEmpty, matrix.count.isMultiple(of: mean.count) else {
      throw ProjectionError(
        .shape,
        "a matrix of \(matrix.count) values has no whole number of rows of \(mean.count) values"
      )
    }
    inputs = mean.count
    outputs = matrix.count / mean.count
    self.matrix = matrix
    self.mean = mean
    self.normalisesInput = normalisesInput
    self.normalisesOutput = normalisesOutput
    self.provenance = provenance
  }

  /// Projects one vector.
  ///
  /// - Throws: `ProjectionError` with code `shape` when it has another length.
  public func apply(to vector: [Float]) throws -> [Float] {
    guard vector.count == inputs else {
      throw ProjectionError(
        .shape,
        "the projection takes vectors of \(inputs) values, this one has \(vector.count)"
      )
    }
    return try apply(toRows: vector)
  }

  /// Projects vectors that lie one behind the other.
  ///
  /// Every vector's result is the same whatever others are beside it.
  ///
  /// - Throws: `ProjectionError` with code `shape` when they are not whole vectors.
  public func apply(toRows values: [Float]) throws -> [Float] {
    guard values.count.isMultiple(of: inputs) else {
      throw ProjectionError(.shape, "\(values.count) values are not whole vectors of \(inputs) values")
    }
    try KernelSet.openBLAS()
    var result = [Float](repeating: 0, count: values.count / inputs * outputs)
    result.withUnsafeMutableBufferPointer { result in
      for row in 0..<values.count / inputs {
        let centred = self.centred(values[row * inputs..<(row + 1) * inputs])
        let output = UnsafeMutableBufferPointer(rebasing: result[row * outputs..<(row + 1) * outputs])
        cblas_sgemv(
          CblasRowMajor,
          CblasNoTrans,
          Int32(outputs),
          Int32(inputs),
          1,
          matrix,
          Int32(inputs),
          centred,
          1,
          0,
          output.baseAddress,
          1
        )
        if normalisesOutput { VectorMath.normalise(output) }
      }
    }
    return result
  }

  private func centred(_ vector: ArraySlice<Float>) -> [Float] {
    var centred = Array(vector)
    if normalisesInput { VectorMath.normalise(&centred) }
    for index in centred.indices { centred[index] -= mean[index] }
    return centred
  }
}
