internal import CFeatureKernels

/// A wide map that is used up at once: rows of it are made, filtered or pooled, and projected while they are
/// in the cache, and the map as a whole never exists.
struct BandStep: Step {
  let name: String
  let producer: any RowStep
  let consumer: any WindowStep
  /// A 1x1 convolution of the result.
  let projection: MatrixStep?
  let kernels: KernelSet

  /// Floats of the two cached bands together: half of a usual second-level cache.
  private static let budget = 131_072

  private var input: Shape { producer.output.shape }
  private var result: Shape { consumer.output.shape }
  private var inputRow: Int { input.width * input.channels }
  private var resultRow: Int { result.width * result.channels }

  /// Result rows made at a time.
  private var height: Int {
    let window = consumer.window
    let left = BandStep.budget - (window.kernel - window.stride) * inputRow
    return max(1, min(result.height, left / (window.stride * inputRow + resultRow)))
  }

  private var bandRows: Int { (height - 1) * consumer.window.stride + consumer.window.kernel }

  var scratchCount: Int { bandRows * inputRow + height * resultRow }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let window = consumer.window
    let results = scratch + bandRows * inputRow
    var present = 0..<0
    for first in Swift.stride(from: 0, to: result.height, by: height) {
      let rows = first..<min(first + height, result.height)
      let top = rows.lowerBound * window.stride - window.padding.top
      let bottom = (rows.upperBound - 1) * window.stride - window.padding.top + window.kernel
      let needed = max(0, top)..<min(input.height, bottom)
      fill(scratch, present: present, needed: needed, arena)
      present = needed
      finish(rows, band: scratch, present: present, results: results, arena)
    }
  }

  /// Keeps the rows that the last band had already and makes the others.
  private func fill(
    _ band: UnsafeMutablePointer<Float>,
    present: Range<Int>,
    needed: Range<Int>,
    _ arena: UnsafeMutablePointer<Float>
  ) {
    let kept = max(0, present.upperBound - needed.lowerBound)
    if kept > 0 {
      // The rows move towards the start and may overlap; `update` copes with that.
      band.update(from: band + (needed.lowerBound - present.lowerBound) * inputRow, count: kept * inputRow)
    }
    let missing = needed.lowerBound + kept..<needed.upperBound
    producer.run(rows: missing, arena, to: band + kept * inputRow, stride: input.channels)
  }

  private func finish(
    _ rows: Range<Int>,
    band: UnsafePointer<Float>,
    present: Range<Int>,
    results: UnsafeMutablePointer<Float>,
    _ arena: UnsafeMutablePointer<Float>
  ) {
    let window = consumer.window
    let view = TensorView(shape: input, offset: 0, pixelStride: input.channels)
    var map = view.map
    map.height = present.count
    let output = consumer.output
    for row in rows {
      var shifted = window.kernelForm
      shifted.pad_top = present.lowerBound - (row * window.stride - window.padding.top)
      let kept = arena + output.offset + row * output.rowStride
      let to = projection == nil ? kept : results + (row - rows.lowerBound) * resultRow
      let stride = projection == nil ? output.pixelStride : result.channels
      consumer.run(map, band, shifted, row: 0, to: to, stride: stride)
    }
    guard let projection else { return }
    let start = arena + projection.output.offset + rows.lowerBound * projection.output.rowStride
    projection.run(
      rows: rows,
      arena,
      from: results,
      fromStride: result.channels,
      to: start,
      stride: projection.output.pixelStride
    )
  }
}
