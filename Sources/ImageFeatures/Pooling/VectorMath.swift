/// Small functions of feature vectors.
public enum VectorMath {
  /// Scales a vector to Euclidean length 1; a zero vector stays as it is.
  public static func normalise(_ vector: inout [Float]) {
    vector.withUnsafeMutableBufferPointer { normalise($0) }
  }

  static func normalise(_ vector: UnsafeMutableBufferPointer<Float>) {
    let length = vector.reduce(into: 0.0) { $0 += Double($1) * Double($1) }.squareRoot()
    guard length > 0, length.isFinite else { return }
    for index in vector.indices { vector[index] = Float(Double(vector[index]) / length) }
  }

  /// The element-wise mean of vectors of one length, as for flipped or scaled copies of an image; empty for
  /// none.
  ///
  /// - Throws: `TensorError` with code `shapeMismatch` when the lengths differ.
  public static func mean(of vectors: [[Float]]) throws -> [Float] {
    guard let first = vectors.first else { return [] }
    var sum = [Double](repeating: 0, count: first.count)
    for vector in vectors {
      guard vector.count == sum.count else {
        throw TensorError(
          .shapeMismatch,
          "vectors of \(sum.count) and \(vector.count) values have no mean"
        )
      }
      for index in sum.indices { sum[index] += Double(vector[index]) }
    }
    return sum.map { Float($0 / Double(vectors.count)) }
  }
}
