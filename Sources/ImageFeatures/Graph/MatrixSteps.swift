/// A linear layer, or a 1x1 convolution: every pixel times a matrix.
struct MatrixStep: Step {
  let name: String
  let matrix: PackedMatrix
  let input: Place
  let output: Place
  let residual: Place?
  let activation: Activation?

  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    matrix.multiply(
      rows: output.extent.pixels,
      input: arena + input.offset,
      inputStride: input.pixelStride,
      output: arena + output.offset,
      outputStride: output.pixelStride,
      residual: residual.map { UnsafePointer(arena + $0.offset) },
      residualStride: residual?.pixelStride ?? 0,
      activation: activation
    )
  }
}

/// Any other convolution: the windows of a block of places are gathered into rows, small enough to stay in the cache, and
/// multiplied with the filters.
struct GatherStep: Step {
  let name: String
  let matrix: PackedMatrix
  let window: Window
  let input: Place
  let output: Place
  let residual: Place?
  let activation: Activation?

  private var placesInBlock: Int { max(12, min(output.extent.pixels, 49_152 / matrix.inputs / 12 * 12)) }

  var scratchCount: Int { placesInBlock * matrix.inputs }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    var first = 0
    while first < output.extent.pixels {
      let count = min(placesInBlock, output.extent.pixels - first)
      for place in 0..<count {
        gather(first + place, arena + input.offset, to: scratch + place * matrix.inputs)
      }
      matrix.multiply(
        rows: count,
        input: scratch,
        inputStride: matrix.inputs,
        output: arena + output.offset + first * output.pixelStride,
        outputStride: output.pixelStride,
        residual: residual.map { UnsafePointer(arena + $0.offset + first * $0.pixelStride) },
        residualStride: residual?.pixelStride ?? 0,
        activation: activation
      )
      first += count
    }
  }

  /// The window of one place: kernel row, kernel column, channel; zeros outside the map.
  private func gather(_ place: Int, _ map: UnsafeMutablePointer<Float>, to row: UnsafeMutablePointer<Float>) {
    let extent = input.extent
    let top = place / output.extent.width * window.stride - window.padding.top
    let left = place % output.extent.width * window.stride - window.padding.left
    let (kernel, channels, stride) = (window.kernel, extent.channels, input.pixelStride)
    let columns = max(0, -left)..<max(max(0, -left), min(kernel, extent.width - left))
    var to = row
    for y in top..<top + kernel {
      if y < 0 || y >= extent.height {
        to.update(repeating: 0, count: kernel * channels)
      } else {
        to.update(repeating: 0, count: columns.lowerBound * channels)
        let from = map + (y * extent.width + left) * stride
        if stride == channels {
          (to + columns.lowerBound * channels)
            .update(from: from + columns.lowerBound * stride, count: columns.count * channels)
        } else {
          for x in columns { (to + x * channels).update(from: from + x * stride, count: channels) }
        }
        (to + columns.upperBound * channels)
          .update(repeating: 0, count: (kernel - columns.upperBound) * channels)
      }
      to += kernel * channels
    }
  }
}
