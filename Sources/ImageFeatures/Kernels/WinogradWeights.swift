internal import CFeatureKernels

/// A 3x3 convolution's weights in the transformed domain of Winograd's F(4x4, 3x3): 36 matrices instead of nine.
struct WinogradWeights: Sendable {
  let outputs: Int
  let inputs: Int
  let points: [PackedMatrix]
  let bias: FloatBuffer

  /// G of Lavin and Gray (2015) for the points 0, 1, -1, 2, -2.
  private static let transform: [[Double]] = [
    [1.0 / 4, 0, 0],
    [-1.0 / 6, -1.0 / 6, -1.0 / 6],
    [-1.0 / 6, 1.0 / 6, -1.0 / 6],
    [1.0 / 24, 1.0 / 12, 1.0 / 6],
    [1.0 / 24, -1.0 / 12, 1.0 / 6],
    [0, 0, 1],
  ]

  /// Transforms weights of shape outputs, inputs, 3, 3.
  ///
  /// - Throws: `NetworkError` with code `memory`.
  init(weights: [Float], outputs: Int, inputs: Int, bias: [Float], kernels: KernelSet) throws {
    self.outputs = outputs
    self.inputs = inputs
    let width = kernels.table.panel_columns
    self.bias = try FloatBuffer(bias, padding: width)
    let filters = outputs * inputs
    points = try (0..<36).map { point in
      let (rows, columns) = (WinogradWeights.transform[point / 6], WinogradWeights.transform[point % 6])
      var factors = [Float](repeating: 0, count: 9)
      for tap in 0..<9 { factors[tap] = Float(rows[tap / 3] * columns[tap % 3]) }
      let matrix = [Float](unsafeUninitializedCapacity: filters) { to, count in
        weights.withUnsafeBufferPointer { from in
          for filter in 0..<filters {
            var sum: Float = 0
            for tap in 0..<9 { sum += factors[tap] * from[filter * 9 + tap] }
            to[filter] = sum
          }
        }
        count = filters
      }
      return try PackedMatrix(weights: matrix, outputs: outputs, inputs: inputs, bias: nil, kernels: kernels)
    }
  }
}
