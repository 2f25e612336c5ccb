internal import CFeatureKernels

/// A step that can make any rows of its map, anywhere.
protocol RowStep: Step {
  /// Where the whole result goes when it is kept.
  var output: TensorView { get }

  /// Computes some rows of the map; `start` is where the first of them goes, its pixels `stride` apart.
  func run(
    rows: Range<Int>,
    _ arena: UnsafeMutablePointer<Float>,
    to start: UnsafeMutablePointer<Float>,
    stride: Int
  )
}

extension RowStep {
  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let start = arena + output.offset
    run(rows: 0..<output.shape.height, arena, to: start, stride: output.pixelStride)
  }
}

/// A linear layer, or a 1x1 convolution: every pixel times a matrix.
struct MatrixStep: RowStep {
  let name: String
  let matrix: PackedMatrix
  let input: TensorView
  let output: TensorView
  let residual: TensorView?
  let activation: Activation?

  func run(
    rows: Range<Int>,
    _ arena: UnsafeMutablePointer<Float>,
    to start: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    let from = arena + input.offset + rows.lowerBound * input.rowStride
    run(rows: rows, arena, from: from, fromStride: input.pixelStride, to: start, stride: stride)
  }

  /// The same with the input's rows taken from elsewhere.
  func run(
    rows: Range<Int>,
    _ arena: UnsafeMutablePointer<Float>,
    from: UnsafePointer<Float>,
    fromStride: Int,
    to start: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    matrix.multiply(
      rows: rows.count * output.shape.width,
      from,
      matrix.rows(fromStride),
      to: PackedMatrix.Rows(start: start, stride: stride),
      residual: residual.map {
        PackedMatrix.Rows(
          start: arena + $0.offset + rows.lowerBound * $0.rowStride,
          stride: $0.pixelStride
        )
      },
      activation: activation
    )
  }
}

/// A convolution that reads its windows in position, from a map with the zeros of the padding around it.
struct DirectStep: RowStep {
  let name: String
  let matrix: PackedMatrix
  let window: Window
  let input: TensorView
  let output: TensorView
  let activation: Activation?

  func run(
    rows: Range<Int>,
    _ arena: UnsafeMutablePointer<Float>,
    to start: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    let (padding, pixel) = (window.padding, input.pixelStride)
    let first = arena + input.offset - padding.top * input.rowStride - padding.left * pixel
    let left = cfk_left(
      k: window.kernel * pixel,
      stride: window.stride * pixel,
      segments: window.kernel,
      segment_stride: input.rowStride
    )
    for row in rows {
      matrix.multiply(
        rows: output.shape.width,
        first + row * window.stride * input.rowStride,
        left,
        to: PackedMatrix.Rows(
          start: start + (row - rows.lowerBound) * output.shape.width * stride,
          stride: stride
        ),
        activation: activation
      )
    }
  }
}

/// Any other convolution: the windows of a block of views are gathered into rows, small enough to stay in
/// the cache, and multiplied with the filters.
struct Im2colStep: Step {
  let name: String
  let matrix: PackedMatrix
  let window: Window
  let input: TensorView
  let output: TensorView
  let residual: TensorView?
  let activation: Activation?

  private var positionsInBlock: Int { max(12, min(output.shape.pixels, 49_152 / matrix.inputs / 12 * 12)) }

  var scratchCount: Int { positionsInBlock * matrix.inputs }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    var first = 0
    while first < output.shape.pixels {
      let count = min(positionsInBlock, output.shape.pixels - first)
      for position in 0..<count {
        gather(first + position, arena + input.offset, to: scratch + position * matrix.inputs)
      }
      matrix.multiply(
        rows: count,
        scratch,
        matrix.rows(matrix.inputs),
        to: rows(output, first, arena),
        residual: residual.map { rows($0, first, arena) },
        activation: activation
      )
      first += count
    }
  }

  private func rows(
    _ map: TensorView,
    _ first: Int,
    _ arena: UnsafeMutablePointer<Float>
  ) -> PackedMatrix.Rows {
    PackedMatrix.Rows(start: arena + map.offset + first * map.pixelStride, stride: map.pixelStride)
  }

  /// The window of one position: kernel row, kernel column, channel; zeros outside the map.
  private func gather(
    _ position: Int,
    _ map: UnsafeMutablePointer<Float>,
    to row: UnsafeMutablePointer<Float>
  ) {
    let shape = input.shape
    let top = position / output.shape.width * window.stride - window.padding.top
    let left = position % output.shape.width * window.stride - window.padding.left
    let (kernel, channels, stride) = (window.kernel, shape.channels, input.pixelStride)
    let columns = max(0, -left)..<max(max(0, -left), min(kernel, shape.width - left))
    var to = row
    for y in top..<top + kernel {
      if y < 0 || y >= shape.height {
        to.update(repeating: 0, count: kernel * channels)
      } else {
        to.update(repeating: 0, count: columns.lowerBound * channels)
        let from = map + y * input.rowStride + left * stride
        for x in columns { (to + x * channels).update(from: from + x * stride, count: channels) }
        (to + columns.upperBound * channels)
          .update(repeating: 0, count: (kernel - columns.upperBound) * channels)
      }
      to += kernel * channels
    }
  }
}
