/// The binary formats of vectors, read without a step per element.
enum FloatVectorFormat {
  /// The vector, or nil where the bytes are an array of another form, which the general reader must judge.
  /// - Throws: `CellError` when an extension's value is neither `vector` nor `halfvec`.
  static func read(_ bytes: UnsafeRawBufferPointer, typeOID: UInt32) throws -> [Float]? {
    if typeOID == TypeOID.float4Array { return plainArray(bytes) }
    guard TypeOID.isExtension(typeOID) else { return nil }
    var reader = WireReader(bytes)
    let dimension = Int(try reader.read(UInt16.self))
    _ = try reader.read(UInt16.self)
    switch reader.remaining {
    case dimension * 4: return floats(bytes, count: dimension, start: 4, stride: 4)
    case dimension * 2:
      return try (0..<dimension).map { _ in HalfPrecision.value(of: try reader.read()) }
    default:
      throw CellError(reason: "its bytes are neither a vector nor a halfvec")
    }
  }

  /// A `real[]` of one dimension without NULLs: every element is a length of 4 and its bits.
  private static func plainArray(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
    let header = 20
    guard bytes.count > header, (bytes.count - header) % 8 == 0 else { return nil }
    let word = { (index: Int) in
      UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
    }
    let count = (bytes.count - header) / 8
    guard word(0) == 1, word(1) == 0, word(2) == TypeOID.float4, word(3) == UInt32(count) else { return nil }
    return floats(bytes, count: count, start: header + 4, stride: 8)
  }

  private static func floats(_ bytes: UnsafeRawBufferPointer, count: Int, start: Int, stride: Int) -> [Float]
  {
    [Float](unsafeUninitializedCapacity: count) { room, initialized in
      for index in 0..<count {
        let bits = bytes.loadUnaligned(fromByteOffset: start &+ index &* stride, as: UInt32.self)
        room[index] = Float(bitPattern: UInt32(bigEndian: bits))
      }
      initialized = count
    }
  }
}

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

/// IEEE 754 binary16 in software: `Float16` does not exist on every platform that Swift runs on.
enum HalfPrecision {
  /// The nearest half, ties to even; too large becomes infinity.
  static func bits(of value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    if magnitude >= 0x4780_0000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {
      // Subnormal halves count in steps of 2^-24; Float's own rounding is to nearest even.
      return sign | UInt16((value.magnitude * 0x1p24).rounded(.toNearestOrEven))
    }
    let rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded - 0x3800_0000) >> 13)
  }

  /// The value of a half; exact.
  static func value(of bits: UInt16) -> Float {
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10) & 0x1F
    let fraction = Float(bits & 0x3FF)
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default:
      return Float(
        sign: sign < 0 ? .minus : .plus,
        exponent: exponent - 15,
        significand: 1 + fraction * 0x1p-10
      )
    }
  }
}

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
