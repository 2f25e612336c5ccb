internal import CFeatureKernels

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

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
      throw NetworkError(.memory, "no memory for \(bytes >> 20) MiB of network values")
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
