/// A string of bits, `bit(n)` or `bit varying`.
public struct PostgresBits: Sendable, Hashable, PostgresDecodable {
  /// The bits, first one first.
  public var bits: [Bool]

  /// A string of bits.
  public init(_ bits: [Bool]) {
    self.bits = bits
  }

  /// Reads `bit` or `varbit`.
  public init(cell: BinaryCell) throws {
    try cell.require([TypeOID.bit, TypeOID.varbit], "a bit string")
    var reader = WireReader(try cell.requireBytes())
    let count = Int(try reader.read(Int32.self))
    guard count >= 0, reader.remaining == (count + 7) / 8 else {
      throw CellError(reason: "its bit string says \(count) bits in \(reader.remaining) bytes")
    }
    let bytes = try reader.read(count: reader.remaining)
    bits = (0..<count).map { bytes[$0 / 8] & (0x80 >> UInt8($0 % 8)) != 0 }
  }
}

/// pgvector's `sparsevec`: a dimension and the elements that are not zero.
public struct SparseVector: Sendable, Hashable, PostgresDecodable {
  /// Numbers in the vector, the zeros counted.
  public var dimension: Int
  /// The places of the elements, counted from 0 and rising.
  public var indices: [Int32]
  /// The elements.
  public var values: [Float]

  /// A vector from its elements.
  public init(dimension: Int, indices: [Int32], values: [Float]) {
    self.dimension = dimension
    self.indices = indices
    self.values = values
  }

  /// Reads `sparsevec`.
  public init(cell: BinaryCell) throws {
    guard TypeOID.isExtension(cell.typeOID) else { throw CellError(reason: "it is not a sparsevec") }
    var reader = WireReader(try cell.requireBytes())
    dimension = Int(try reader.read(Int32.self))
    let count = Int(try reader.read(Int32.self))
    _ = try reader.read(Int32.self)
    guard dimension > 0, count >= 0, reader.remaining == count * 8 else {
      throw CellError(reason: "its bytes are not a sparsevec")
    }
    indices = try (0..<count).map { _ in try reader.read(Int32.self) }
    values = try (0..<count).map { _ in Float(bitPattern: try reader.read()) }
    let size = dimension
    guard indices.allSatisfy({ (0..<size).contains(Int($0)) }) else {
      throw CellError(reason: "its sparsevec has an index outside its dimension")
    }
  }

  /// Every element, the zeros written out.
  public var dense: [Float] {
    var all = [Float](repeating: 0, count: dimension)
    for (index, value) in zip(indices, values) { all[Int(index)] = value }
    return all
  }
}

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
