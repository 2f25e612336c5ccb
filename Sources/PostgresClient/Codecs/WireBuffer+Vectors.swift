/// Vectors in the binary formats that `array_recv` (PostgreSQL) and `vector_recv` (pgvector) read.
extension WireBuffer {
  /// `real[]`: dimensions 1, no NULLs, element type, length, lower bound 1; then each element's length and bits.
  /// 20 + 8·n bytes.
  public mutating func append(float4Array values: UnsafeBufferPointer<Float>) {
    appendArrayHeader(elementType: TypeOID.float4, count: values.count)
    append(count: values.count * 8) { room in
      for index in 0..<values.count {
        // One store an element: the length 4 in the upper half, the bits in the lower.
        let pair = 0x0000_0004_0000_0000 | UInt64(values[index].bitPattern)
        room.storeBytes(of: pair.bigEndian, toByteOffset: index &* 8, as: UInt64.self)
      }
    }
  }

  /// `double precision[]` of floats widened; as `real[]` with eight bytes an element. 20 + 12·n bytes.
  public mutating func append(float8Array values: UnsafeBufferPointer<Float>) {
    appendArrayHeader(elementType: TypeOID.float8, count: values.count)
    for value in values {
      append(UInt32(8))
      append(Double(value).bitPattern)
    }
  }

  /// pgvector's `vector`: dimension, an unused word, then each element's bits. 4 + 4·n bytes.
  public mutating func append(vector values: UnsafeBufferPointer<Float>) {
    append(UInt16(truncatingIfNeeded: values.count))
    append(UInt16(0))
    append(count: values.count * 4) { room in
      for index in 0..<values.count {
        room.storeBytes(of: values[index].bitPattern.bigEndian, toByteOffset: index &* 4, as: UInt32.self)
      }
    }
  }

  /// pgvector's `halfvec`: as `vector` with two bytes an element. 4 + 2·n bytes.
  public mutating func append(halfvec values: UnsafeBufferPointer<Float>) {
    append(UInt16(truncatingIfNeeded: values.count))
    append(UInt16(0))
    append(count: values.count * 2) { room in
      for index in 0..<values.count {
        let bits = HalfPrecision.bits(of: values[index])
        room.storeBytes(of: bits.bigEndian, toByteOffset: index &* 2, as: UInt16.self)
      }
    }
  }

  /// `real[]` from an array or slice; as `append(float4Array:)` of its elements.
  public mutating func append(float4Array values: some Collection<Float>) {
    Self.lend(values) { append(float4Array: $0) }
  }

  /// `vector` from an array or slice; as `append(vector:)` of its elements.
  public mutating func append(vector values: some Collection<Float>) {
    Self.lend(values) { append(vector: $0) }
  }

  /// `halfvec` from an array or slice; as `append(halfvec:)` of its elements.
  public mutating func append(halfvec values: some Collection<Float>) {
    Self.lend(values) { append(halfvec: $0) }
  }

  private static func lend(_ values: some Collection<Float>, _ body: (UnsafeBufferPointer<Float>) -> Void) {
    guard values.withContiguousStorageIfAvailable(body) == nil else { return }
    Array(values).withUnsafeBufferPointer(body)
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
