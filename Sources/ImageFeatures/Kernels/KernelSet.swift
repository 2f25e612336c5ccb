internal import CFeatureKernels
internal import COpenBLAS

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

  /// Tells OpenBLAS once to stay in the calling thread: images are what runs in parallel.
  static let singleThreaded: Void = openblas_set_num_threads(1)

  /// Opens OpenBLAS, which is not loaded before it is needed, and keeps it single-threaded.
  /// - Throws: `NetworkError` with code `library` and what to install.
  static func openBLAS() throws {
    if let problem = adbvec_openblas_problem() { throw NetworkError(.library, String(cString: problem)) }
    _ = singleThreaded
  }
}
