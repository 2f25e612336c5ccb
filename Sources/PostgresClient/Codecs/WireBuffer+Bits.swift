/// Bit strings and sparse vectors in the binary formats of `bit_recv` (PostgreSQL) and `sparsevec_recv` (pgvector).
extension WireBuffer {
  /// `bit(n)`: the number of bits, then the bits, first one highest, the last byte padded with zeros.
  mutating func append(bits: [Bool]) {
    append(UInt32(truncatingIfNeeded: bits.count))
    for start in stride(from: 0, to: bits.count, by: 8) {
      let byte = bits[start..<min(start + 8, bits.count)].enumerated().reduce(UInt8(0)) { byte, bit in
        bit.element ? byte | (0x80 >> UInt8(bit.offset)) : byte
      }
      append(byte)
    }
  }

  /// `sparsevec`: dimension, number of elements that are not zero, an unused word, their indices, their values.
  mutating func append(sparsevec values: [Float]) {
    let present = values.indices.filter { values[$0] != 0 }
    append(UInt32(truncatingIfNeeded: values.count))
    append(UInt32(truncatingIfNeeded: present.count))
    append(UInt32(0))
    for index in present { append(UInt32(truncatingIfNeeded: index)) }
    for index in present { append(values[index].bitPattern) }
  }
}
