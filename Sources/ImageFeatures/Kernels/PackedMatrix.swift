internal import CFeatureKernels
internal import COpenBLAS

/// The weights of a linear map from k inputs to n outputs with its bias, in the order that the matrix product reads them.
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

  /// `output = activation(input * weights + bias + residual)` for `rows` rows.
  func multiply(
    rows: Int,
    input: UnsafePointer<Float>,
    inputStride: Int,
    output: UnsafeMutablePointer<Float>,
    outputStride: Int,
    residual: UnsafePointer<Float>? = nil,
    residualStride: Int = 0,
    activation: Activation? = nil
  ) {
    let code = activation.kernelCode
    if kernels.usesBLAS {
      multiplyByBLAS(rows, input, inputStride, output, outputStride)
      kernels.table.scale_shift(
        rows,
        outputs,
        output,
        outputStride,
        nil,
        bias.start,
        residual == nil ? code : 0,
        output,
        outputStride
      )
      if let residual {
        kernels.table.add(
          rows,
          outputs,
          output,
          outputStride,
          residual,
          residualStride,
          code,
          output,
          outputStride
        )
      }
    } else {
      kernels.table.gemm(
        rows,
        outputs,
        inputs,
        input,
        inputStride,
        panels.start,
        bias.start,
        output,
        outputStride,
        residual,
        residualStride,
        code
      )
    }
    guard activation == .gelu else { return }
    for row in 0..<rows { kernels.table.gelu(outputs, output + row * outputStride) }
  }

  private func multiplyByBLAS(
    _ rows: Int,
    _ input: UnsafePointer<Float>,
    _ inputStride: Int,
    _ output: UnsafeMutablePointer<Float>,
    _ outputStride: Int
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
      Int32(inputStride),
      panels.start,
      Int32(inputs),
      0,
      output,
      Int32(outputStride)
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
