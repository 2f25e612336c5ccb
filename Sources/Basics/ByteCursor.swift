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
