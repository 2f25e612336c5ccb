import CTIFF
import Foundation

/// Borrowed bytes as the file that libtiff reads.
final class TIFFMemory {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The opened file; this object must outlive it.
  func open() -> OpaquePointer? {
    TIFFClientOpen(
      "image",
      "rm",
      Unmanaged.passUnretained(self).toOpaque(),
      { tmsize_t(TIFFMemory.of($0)?.read(into: $1, count: Int($2)) ?? 0) },
      { _, _, _ in 0 },
      { TIFFMemory.of($0)?.seek($1, $2) ?? 0 },
      { _ in 0 },
      { UInt64(TIFFMemory.of($0)?.bytes.count ?? 0) },
      { _, _, _ in 0 },
      { _, _, _ in }
    )
  }

  private static func of(_ handle: UnsafeMutableRawPointer?) -> TIFFMemory? {
    handle.map { Unmanaged<TIFFMemory>.fromOpaque($0).takeUnretainedValue() }
  }

  private func read(into target: UnsafeMutableRawPointer?, count: Int) -> Int {
    let available = max(0, min(count, bytes.count - position))
    guard available > 0, let target, let base = bytes.baseAddress else { return 0 }
    target.copyMemory(from: base + position, byteCount: available)
    position += available
    return available
  }

  private func seek(_ offset: UInt64, _ whence: Int32) -> UInt64 {
    let base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? position : bytes.count
    let target = UInt64(base) &+ offset
    position = Int(clamping: target)
    return target
  }
}
