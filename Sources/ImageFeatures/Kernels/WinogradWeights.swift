internal import CFeatureKernels

/// A 3x3 convolution's weights in the transformed domain of Winograd's F(4x4, 3x3): 36 matrices instead of
/// nine taps.
///
/// The matrices lie panel by panel, and in each panel point by point: the order in which a step reads them.
struct WinogradWeights: Sendable {
  let outputs: Int
  let inputs: Int
  let bias: FloatBuffer
  /// The products' bias: there is none before the transformation back.
  let zeros: FloatBuffer
  private let panels: FloatBuffer
  private let width: Int

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
    width = kernels.table.panel_columns
    self.bias = try FloatBuffer(bias, padding: width)
    zeros = try FloatBuffer(count: width)
    let count = (outputs + width - 1) / width
    panels = try FloatBuffer(count: count * 36 * inputs * width)
    for point in 0..<36 {
      let matrix = WinogradWeights.matrix(point, weights, filters: outputs * inputs)
      matrix.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress else { return }
        for panel in 0..<count {
          let columns = min(width, outputs - panel * width)
          kernels.table.pack_panels(
            columns,
            inputs,
            from + panel * width * inputs,
            start(panel: panel, point: point)
          )
        }
      }
    }
  }

  /// The packed weights of one panel at one point.
  func start(panel: Int, point: Int) -> UnsafeMutablePointer<Float> {
    panels.start + (panel * 36 + point) * inputs * width
  }

  /// One point of G g G' for every filter.
  private static func matrix(_ point: Int, _ weights: [Float], filters: Int) -> [Float] {
    let (rows, columns) = (transform[point / 6], transform[point % 6])
    var factors = [Float](repeating: 0, count: 9)
    for tap in 0..<9 { factors[tap] = Float(rows[tap / 3] * columns[tap % 3]) }
    return [Float](unsafeUninitializedCapacity: filters) { to, count in
      weights.withUnsafeBufferPointer { from in
        for filter in 0..<filters {
          var sum: Float = 0
          for tap in 0..<9 { sum += factors[tap] * from[filter * 9 + tap] }
          to[filter] = sum
        }
      }
      count = filters
    }
  }
}
