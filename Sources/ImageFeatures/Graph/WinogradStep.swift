internal import CFeatureKernels

/// A 3x3 convolution with stride 1 in Winograd's form: blocks of tiles are transformed, multiplied at each of the 36 points, and
/// transformed back one panel of outputs at a time, so that the intermediate values stay in the cache.
struct WinogradStep: Step {
  let name: String
  let weights: WinogradWeights
  let padding: Padding
  let input: Place
  let output: Place
  let residual: Place?
  let activation: Activation?
  let kernels: KernelSet

  private var panel: Int { weights.points[0].panelColumns }
  private var tilesAcross: Int { (output.extent.width + 3) / 4 }
  private var tiles: Int { tilesAcross * ((output.extent.height + 3) / 4) }

  private var tilesInBlock: Int {
    let fitting = 131_072 / (36 * (weights.inputs + panel)) / 12 * 12
    return min(tiles, max(24, min(fitting, 96)))
  }

  var scratchCount: Int { 36 * tilesInBlock * (weights.inputs + panel) }

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
      var column = 0
      while column < weights.outputs {
        let columns = min(panel, weights.outputs - column)
        for point in 0..<36 {
          weights.points[point].multiplyPanel(
            column,
            columns: columns,
            rows: count,
            input: scratch + point * count * weights.inputs,
            output: products + point * count * panel,
            outputStride: panel
          )
        }
        var part = output
        part.extent.channels = columns
        table.winograd_output(
          products,
          panel,
          tilesAcross,
          first,
          count,
          weights.bias.start + column,
          residual.map { UnsafePointer(arena + $0.offset + column) },
          residual?.pixelStride ?? 0,
          activation.kernelCode,
          part.map,
          arena + output.offset + column
        )
        column += columns
      }
      first += count
    }
  }
}
