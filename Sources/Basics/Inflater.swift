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

/// Compresses in one go.
package enum Deflater {
  /// The bytes in the gzip format, at a level that takes little time.
  package static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    let started = deflateInit2_(&stream, 5, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    guard started == Z_OK else { throw Inflater.Failure(reason: "zlib cannot start (status \(started))") }
    defer { deflateEnd(&stream) }
    let capacity = Int(deflateBound(&stream, UInt(bytes.count)))
    var status = Z_OK
    let packed = bytes.withUnsafeBufferPointer { input in
      [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(capacity)
        status = deflate(&stream, Z_FINISH)
        count = capacity - Int(stream.avail_out)
      }
    }
    guard status == Z_STREAM_END else {
      throw Inflater.Failure(reason: "zlib cannot compress (status \(status))")
    }
    return packed
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

/// A bounds-checked position in borrowed bytes: every read either succeeds or throws.
package struct ByteCursor {
  package let bytes: UnsafeRawBufferPointer
  package private(set) var position: Int

  package struct OutOfBounds: Error {
    package init() {}
  }

  package init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = max(0, min(position, bytes.count))
  }

  package var remaining: Int { bytes.count - position }

  package mutating func skip(_ count: Int) throws {
    guard count >= 0, count <= remaining else { throw OutOfBounds() }
    position += count
  }

  package mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else { throw OutOfBounds() }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  package mutating func byte() throws -> UInt8 {
    guard remaining >= 1 else { throw OutOfBounds() }
    defer { position += 1 }
    return bytes[position]
  }

  package mutating func bigEndian<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    T(bigEndian: try take(MemoryLayout<T>.size).loadUnaligned(as: T.self))
  }

  package mutating func littleEndian<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    T(littleEndian: try take(MemoryLayout<T>.size).loadUnaligned(as: T.self))
  }

  /// The bytes up to a line feed, which is consumed and left out.
  package mutating func line() throws -> UnsafeRawBufferPointer {
    guard let end = bytes[position...].firstIndex(of: 0x0A) else { throw OutOfBounds() }
    defer { position = end + 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
  }
}
