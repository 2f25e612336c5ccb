internal import CFeatureKernels

extension Window {
  var kernelForm: cfk_window {
    cfk_window(kernel: kernel, stride: stride, pad_top: padding.top, pad_left: padding.left)
  }
}

/// A step that makes each row of its result from the rows of one window.
protocol WindowStep: Step {
  var window: Window { get }
  var input: TensorView { get }
  var output: TensorView { get }

  /// One row of the result, from the map or from a part of it that begins at the window's `pad_top`.
  func run(
    _ map: cfk_map,
    _ start: UnsafePointer<Float>,
    _ window: cfk_window,
    row: Int,
    to: UnsafeMutablePointer<Float>,
    stride: Int
  )
}

extension WindowStep {
  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    for row in 0..<output.shape.height {
      let to = arena + output.offset + row * output.rowStride
      run(input.map, arena + input.offset, window.kernelForm, row: row, to: to, stride: output.pixelStride)
    }
  }
}

/// A convolution with one filter a channel.
struct DepthwiseStep: WindowStep {
  let name: String
  let window: Window
  let filters: FloatBuffer
  let bias: FloatBuffer
  let input: TensorView
  let output: TensorView
  let activation: Activation?
  let kernels: KernelSet

  func run(
    _ map: cfk_map,
    _ start: UnsafePointer<Float>,
    _ window: cfk_window,
    row: Int,
    to: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    kernels.table.depthwise_row(
      map,
      start,
      window,
      filters.start,
      bias.start,
      activation.kernelCode,
      row,
      output.shape.width,
      to,
      stride
    )
  }
}

/// Max pooling.
struct MaxPoolStep: WindowStep {
  let name: String
  let window: Window
  let input: TensorView
  let output: TensorView
  let kernels: KernelSet

  func run(
    _ map: cfk_map,
    _ start: UnsafePointer<Float>,
    _ window: cfk_window,
    row: Int,
    to: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    kernels.table.max_pool_row(map, start, window, row, output.shape.width, to, stride)
  }
}

/// The means over the cells of an even grid (of one cell, for global pooling), as PyTorch cuts it.
struct AveragePoolStep: Step {
  let name: String
  let input: TensorView
  let output: TensorView
  let kernels: KernelSet

  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let (from, to) = (input.shape, output.shape)
    for y in 0..<to.height {
      let (top, bottom) = (y * from.height / to.height, ((y + 1) * from.height + to.height - 1) / to.height)
      for x in 0..<to.width {
        let (left, right) = (x * from.width / to.width, ((x + 1) * from.width + to.width - 1) / to.width)
        let mean = arena + output.offset + (y * to.width + x) * output.pixelStride
        let region = Region(top: top, left: left, height: bottom - top, width: right - left)
        input.powerMean(of: region, power: 1, floor: -.infinity, arena: arena, kernels: kernels, to: mean)
      }
    }
  }
}

/// The sum of two values.
struct AddStep: Step {
  let name: String
  let inputs: [TensorView]
  let output: TensorView
  let activation: Activation?
  let kernels: KernelSet

  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let shape = output.shape
    kernels.table.add(
      shape.pixels,
      shape.channels,
      arena + inputs[0].offset,
      inputs[0].pixelStride,
      arena + inputs[1].offset,
      inputs[1].pixelStride,
      activation.kernelCode,
      arena + output.offset,
      output.pixelStride
    )
  }
}

/// An activation that no layer could take in, or a plain copy.
struct ActivationStep: Step {
  let name: String
  let activation: Activation?
  let input: TensorView
  let output: TensorView
  let kernels: KernelSet

  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let shape = output.shape
    kernels.table.scale_shift(
      shape.pixels,
      shape.channels,
      arena + input.offset,
      input.pixelStride,
      nil,
      nil,
      activation.kernelCode,
      arena + output.offset,
      output.pixelStride
    )
    guard activation == .gelu else { return }
    for pixel in 0..<shape.pixels {
      kernels.table.gelu(shape.channels, arena + output.offset + pixel * output.pixelStride)
    }
  }
}
