internal import CFeatureKernels
internal import COpenBLAS
internal import Glibc
internal import MetricLearning

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

  /// Rows in memory, of which each begins `stride` values behind the one before.
  struct Rows {
    let start: UnsafeMutablePointer<Float>
    let stride: Int
  }

  /// `output = activation(input * weights + bias + residual)` for a count of rows.
  func multiply(
    rows: Int,
    _ input: UnsafePointer<Float>,
    _ left: cfk_left,
    to result: Rows,
    residual: Rows? = nil,
    activation: Activation? = nil
  ) {
    let (table, code) = (kernels.table, activation.kernelCode)
    let (output, stride) = (result.start, result.stride)
    if kernels.usesBLAS {
      multiplyByBLAS(rows, input, left, output, stride)
      let early = residual == nil ? code : 0
      table.scale_shift(rows, outputs, output, stride, nil, bias.start, early, output, stride)
      if let residual {
        table.add(rows, outputs, output, stride, residual.start, residual.stride, code, output, stride)
      }
    } else {
      let (right, plus) = (panels.start, bias.start)
      let (added, addedStride) = (residual?.start, residual?.stride ?? 0)
      table.gemm(rows, outputs, left, input, right, plus, output, stride, added, addedStride, code)
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

/// The inner loops of one instruction set, and how matrices are multiplied.
///  All sets compute the same functions; their results differ in the last bits, because sums are taken in
/// another order.
public struct KernelSet: Sendable {
  /// "avx512", "avx2", "portable", or "blas": portable loops with OpenBLAS's matrix product.
  public let name: String

  /// Matrix products come from OpenBLAS, on matrices as they are.
  let usesBLAS: Bool

  // The tables are constants of the C target, never written.
  nonisolated(unsafe) private let pointer: UnsafePointer<cfk_kernels>

  private init?(level: Int32, blas: Bool = false) {
    guard let pointer = cfk_kernels_for(level) else { return nil }
    self.pointer = pointer
    usesBLAS = blas
    name = blas ? "blas" : String(cString: pointer.pointee.name)
  }

  var table: cfk_kernels { pointer.pointee }

  /// The sets that this processor can run, fastest first; "blas" is always among them.
  public static let available: [KernelSet] = [
    KernelSet(level: 2), KernelSet(level: 1), KernelSet(level: 0, blas: true), KernelSet(level: 0),
  ].compactMap { $0 }

  /// The fastest set; in debug builds, whose loops are not optimised, the one that leaves most to OpenBLAS.
  public static let best: KernelSet = {
    #if DEBUG
      let wanted = available.first { $0.usesBLAS }
    #else
      let wanted = available.first
    #endif
    guard let wanted else { preconditionFailure("the portable kernels are always there") }
    return wanted
  }()

  /// - Throws: `NetworkError` with code `library` and the package to install.
  static func openBLAS() throws {
    do { try OpenBLAS.open() } catch { throw NetworkError(.library, String(describing: error)) }
  }
}

/// Zeroed floats that start at a cache line, on huge pages when there are many.
///
/// `@unchecked Sendable`: a buffer is written only by the one that makes it, before it is handed on; a session keeps
/// its arena to itself.
final class FloatBuffer: @unchecked Sendable {
  let start: UnsafeMutablePointer<Float>
  let count: Int

  private static let hugePage = 2 << 20

  /// - Throws: `NetworkError` with code `memory`.
  init(count: Int) throws {
    let bytes = max(count, 16) * MemoryLayout<Float>.stride
    let huge = bytes >= FloatBuffer.hugePage
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, huge ? FloatBuffer.hugePage : 64, bytes) == 0, let memory else {
      throw NetworkError(.memory, "no memory for \(bytes >> 20) MiB for the model's values")
    }
    if huge { cfk_advise_huge_pages(memory, UInt(bytes)) }
    memset(memory, 0, bytes)
    start = memory.bindMemory(to: Float.self, capacity: max(count, 16))
    self.count = count
  }

  convenience init(_ values: [Float], padding: Int = 0) throws {
    try self.init(count: values.count + padding)
    values.withUnsafeBufferPointer { source in
      guard let from = source.baseAddress else { return }
      start.update(from: from, count: values.count)
    }
  }

  deinit { free(start) }
}
