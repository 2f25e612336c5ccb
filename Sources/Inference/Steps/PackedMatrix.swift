internal import CFeatureKernels
internal import COpenBLAS

/// The weights of a linear map from k inputs to n outputs with its bias, in the order that the matrix product
/// reads them.
struct PackedMatrix: Sendable {
  let outputs: Int
  let inputs: Int
  private let panels: FloatBuffer
  private let bias: FloatBuffer
  private let kernels: KernelSet

  /// Packs weights given output by output.
  ///
  /// - Throws: `NetworkError` with code `memory`.
  init(weights: [Float], outputs: Int, inputs: Int, bias: [Float]?, kernels: KernelSet) throws {
    self.outputs = outputs
    self.inputs = inputs
    self.kernels = kernels
    let width = kernels.table.panel_columns
    let columns = (outputs + width - 1) / width * width
    self.bias = try FloatBuffer(bias ?? [Float](repeating: 0, count: outputs), padding: columns - outputs)
    if kernels.usesBLAS {
      panels = try FloatBuffer(weights)
    } else {
      panels = try FloatBuffer(count: columns * inputs)
      weights.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress else { return }
        kernels.table.pack_panels(outputs, inputs, from, panels.start)
      }
    }
  }

  /// The left-hand side for rows of `inputs` values, `stride` apart.
  func rows(_ stride: Int) -> cfk_left {
    cfk_left(k: inputs, stride: stride, segments: 1, segment_stride: 0)
  }

  /// `output = activation(input * weights + bias + residual)` for a count of rows.
  func multiply(
    rows: Int,
    _ input: UnsafePointer<Float>,
    _ left: cfk_left,
    to output: UnsafeMutablePointer<Float>,
    stride: Int,
    residual: UnsafePointer<Float>? = nil,
    residualStride: Int = 0,
    activation: Activation? = nil
  ) {
    let (table, code) = (kernels.table, activation.kernelCode)
    if kernels.usesBLAS {
      multiplyByBLAS(rows, input, left, output, stride)
      let early = residual == nil ? code : 0
      table.scale_shift(rows, outputs, output, stride, nil, bias.start, early, output, stride)
      if let residual {
        table.add(rows, outputs, output, stride, residual, residualStride, code, output, stride)
      }
    } else {
      let (right, plus) = (panels.start, bias.start)
      table.gemm(rows, outputs, left, input, right, plus, output, stride, residual, residualStride, code)
    }
    guard activation == .gelu else { return }
    for row in 0..<rows { table.gelu(outputs, output + row * stride) }
  }

  private func multiplyByBLAS(
    _ rows: Int,
    _ input: UnsafePointer<Float>,
    _ left: cfk_left,
    _ output: UnsafeMutablePointer<Float>,
    _ stride: Int
  ) {
    cblas_sgemm(
      CblasRowMajor,
      CblasNoTrans,
      CblasTrans,
      Int32(rows),
      Int32(outputs),
      Int32(inputs),
      1,
      input,
      Int32(left.stride),
      panels.start,
      Int32(inputs),
      0,
      output,
      Int32(stride)
    )
  }
}

extension Activation? {
  /// The kernels' number for it; GELU is applied after the product.
  var kernelCode: Int32 {
    switch self {
    case .none, .gelu: Int32(CFK_IDENTITY)
    case .relu: Int32(CFK_RELU)
    case .relu6: Int32(CFK_RELU6)
    }
  }
}
