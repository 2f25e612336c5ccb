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
