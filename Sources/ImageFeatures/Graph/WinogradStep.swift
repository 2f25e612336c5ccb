internal import CFeatureKernels

/// A 3x3 convolution with stride 1 in Winograd's form: blocks of tiles are transformed, multiplied at each of
/// the 36 points, and transformed back one panel of outputs at a time, so that the intermediate values stay
/// in the cache.
struct WinogradStep: Step {
  let name: String
  let weights: WinogradWeights
  let padding: Padding
  let input: Place
  let output: Place
  let residual: Place?
  let activation: Activation?
  let kernels: KernelSet

  /// Outputs in a panel.
  private var width: Int { kernels.table.panel_columns }
  private var tilesAcross: Int { (output.extent.width + 3) / 4 }
  private var tiles: Int { tilesAcross * ((output.extent.height + 3) / 4) }

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

  /// The transformation back to the map's places.
  private func finish(
    _ panel: Int,
    first: Int,
    tiles: Int,
    products: UnsafePointer<Float>,
    arena: UnsafeMutablePointer<Float>
  ) {
    let column = panel * width
    var part = output
    part.extent.channels = min(width, weights.outputs - column)
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
