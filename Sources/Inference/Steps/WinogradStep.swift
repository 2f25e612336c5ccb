internal import CFeatureKernels

/// A 3x3 convolution with stride 1 in Winograd's form: blocks of tiles are transformed, multiplied at each of
/// the 36 points, and transformed back one panel of outputs at a time, so that the intermediate values stay
/// in the cache.
struct WinogradStep: Step {
  let name: String
  let weights: WinogradWeights
  let padding: Padding
  let input: TensorView
  let output: TensorView
  let residual: TensorView?
  let activation: Activation?
  let kernels: KernelSet

  /// Outputs in a panel.
  private var width: Int { kernels.table.panel_columns }
  private var tilesAcross: Int { (output.shape.width + 3) / 4 }
  private var tiles: Int { tilesAcross * ((output.shape.height + 3) / 4) }

  private var tilesInBlock: Int {
    let fitting = 131_072 / (36 * (weights.inputs + width)) / 12 * 12
    return min(tiles, max(24, min(fitting, 96)))
  }

  var scratchCount: Int { 36 * tilesInBlock * (weights.inputs + width) }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let table = kernels.table
    let block = tilesInBlock
    let products = scratch + 36 * block * weights.inputs
    var first = 0
    while first < tiles {
      let count = min(block, tiles - first)
      table.winograd_input(
        input.map,
        arena + input.offset,
        padding.top,
        padding.left,
        tilesAcross,
        first,
        count,
        scratch
      )
      for panel in 0..<(weights.outputs + width - 1) / width {
        multiply(panel, tiles: count, transformed: scratch, products: products)
        finish(panel, first: first, tiles: count, products: products, arena: arena)
      }
      first += count
    }
  }

  /// The 36 matrix products of one panel of outputs.
  private func multiply(
    _ panel: Int,
    tiles: Int,
    transformed: UnsafePointer<Float>,
    products: UnsafeMutablePointer<Float>
  ) {
    let table = kernels.table
    let inputs = weights.inputs
    let left = cfk_left(k: inputs, stride: inputs, segments: 1, segment_stride: 0)
    for point in 0..<36 {
      table.gemm(
        tiles,
        min(width, weights.outputs - panel * width),
        left,
        transformed + point * tiles * inputs,
        weights.start(panel: panel, point: point),
        weights.zeros.start,
        products + point * tiles * width,
        width,
        nil,
        0,
        0
      )
    }
  }

  /// The transformation back to the map's views.
  private func finish(
    _ panel: Int,
    first: Int,
    tiles: Int,
    products: UnsafePointer<Float>,
    arena: UnsafeMutablePointer<Float>
  ) {
    let column = panel * width
    var part = output
    part.shape.channels = min(width, weights.outputs - column)
    kernels.table.winograd_output(
      products,
      width,
      tilesAcross,
      first,
      tiles,
      weights.bias.start + column,
      residual.map { UnsafePointer(arena + $0.offset + column) },
      residual?.pixelStride ?? 0,
      activation.kernelCode,
      part.map,
      arena + output.offset + column
    )
  }
}

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
