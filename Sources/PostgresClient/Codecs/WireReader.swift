/// Reads network-order values front to back and never past the end.
struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  var remaining: Int { bytes.count - offset }

  mutating func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
    let size = MemoryLayout<Value>.size
    guard remaining >= size else {
      throw CellError(reason: "its value is \(bytes.count) bytes long, too short")
    }
    defer { offset += size }
    return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  mutating func read(count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else {
      throw CellError(reason: "its value is \(bytes.count) bytes long, too short")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  func expectEnd() throws {
    guard remaining == 0 else { throw CellError(reason: "its value has \(remaining) bytes too many") }
  }
}
