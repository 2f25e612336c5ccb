internal import CZlib

/// A zlib decompressor that writes into the caller's memory and never beyond it.
package final class Inflater {
  package enum Wrapper { case zlib, gzip, none }
  package struct Failure: Error { package let reason: String }

  private let stream: UnsafeMutablePointer<z_stream>

  package init(_ wrapper: Wrapper) throws {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let windowBits: Int32 =
      switch wrapper {
      case .zlib: 15
      case .gzip: 15 + 16
      case .none: -15
      }
    let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw Failure(reason: "zlib cannot start (status \(status))") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  package private(set) var isFinished = false

  /// Inflates `input` into `output`; returns the bytes consumed and produced.
  ///
  /// `input` must stay in place until all of it is consumed.
  package func inflate(
    _ input: UnsafeRawBufferPointer,
    into output: UnsafeMutableRawBufferPointer
  ) throws -> (consumed: Int, produced: Int) {
    let inputCount = min(input.count, Int(Int32.max))
    let outputCount = min(output.count, Int(Int32.max))
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.bindMemory(to: UInt8.self).baseAddress
    )
    stream.pointee.avail_in = UInt32(inputCount)
    stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
    stream.pointee.avail_out = UInt32(outputCount)
    switch CZlib.inflate(stream, Z_NO_FLUSH) {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isFinished = true
    default: throw Failure(reason: "the compressed data is damaged")
    }
    return (inputCount - Int(stream.pointee.avail_in), outputCount - Int(stream.pointee.avail_out))
  }
}

/// The CRC-32 of ZIP and gzip.
package enum CRC32 {
  /// The checksum of what had the checksum `start`, with `bytes` behind it; that of nothing is 0.
  package static func update(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let pointer = bytes.bindMemory(to: UInt8.self).baseAddress
    return UInt32(truncatingIfNeeded: crc32_z(UInt(start), pointer, UInt(bytes.count)))
  }
}
