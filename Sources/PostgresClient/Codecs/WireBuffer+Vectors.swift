/// Vectors in the binary formats that `array_recv` (PostgreSQL) and `vector_recv` (pgvector) read.
extension WireBuffer {
  /// `real[]`: dimensions 1, no NULLs, element type, length, lower bound 1; then each element's length and bits.
  /// 20 + 8·n bytes.
  public mutating func append(float4Array values: some Collection<Float>) {
    appendArrayHeader(elementType: TypeOID.float4, count: values.count)
    append(count: values.count * 8) { room in
      var offset = 0
      for value in values {
        room.storeBytes(of: UInt32(4).bigEndian, toByteOffset: offset, as: UInt32.self)
        room.storeBytes(of: value.bitPattern.bigEndian, toByteOffset: offset + 4, as: UInt32.self)
        offset += 8
      }
    }
  }

  /// pgvector's `vector`: dimension, an unused word, then each element's bits. 4 + 4·n bytes.
  public mutating func append(vector values: some Collection<Float>) {
    append(UInt16(truncatingIfNeeded: values.count))
    append(UInt16(0))
    append(count: values.count * 4) { room in
      var offset = 0
      for value in values {
        room.storeBytes(of: value.bitPattern.bigEndian, toByteOffset: offset, as: UInt32.self)
        offset += 4
      }
    }
  }

  /// pgvector's `halfvec`: as `vector` with two bytes an element. 4 + 2·n bytes.
  public mutating func append(halfvec values: some Collection<Float>) {
    append(UInt16(truncatingIfNeeded: values.count))
    append(UInt16(0))
    for value in values { append(HalfPrecision.bits(of: value)) }
  }

  /// A one-dimensional array's header; an empty array has no dimension.
  mutating func appendArrayHeader(elementType: UInt32, count: Int) {
    append(UInt32(count == 0 ? 0 : 1))
    append(UInt32(0))
    append(elementType)
    guard count > 0 else { return }
    append(UInt32(truncatingIfNeeded: count))
    append(UInt32(1))
  }
}
