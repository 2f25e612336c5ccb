extension Array: PostgresDecodable where Element: PostgresDecodable {
  /// Reads a one-dimensional array, `bytea` as bytes, and pgvector's `vector` or `halfvec` as floats.
  public init(cell: BinaryCell) throws {
    let bytes = try cell.requireBytes()
    if Element.self == Float.self,
      let vector = try FloatVectorFormat.read(bytes, typeOID: cell.typeOID) as? [Element]
    {
      self = vector
    } else if Element.self == UInt8.self, let raw = [UInt8](bytes) as? [Element] {
      self = raw
    } else {
      self = try Self.readArray(bytes)
    }
  }

  /// `array_send`'s format: dimensions, NULL flag, element type, then per dimension length and lower bound.
  private static func readArray(_ bytes: UnsafeRawBufferPointer) throws -> [Element] {
    var reader = WireReader(bytes)
    let dimensions = try reader.read(Int32.self)
    guard (0...6).contains(dimensions), (0...1).contains(try reader.read(Int32.self)) else {
      throw CellError(reason: "its bytes are no array")
    }
    let elementType = try reader.read(UInt32.self)
    guard dimensions > 0 else { return [] }
    guard dimensions == 1 else { throw CellError(reason: "it is an array of \(dimensions) dimensions") }
    let count = try reader.read(Int32.self)
    _ = try reader.read(Int32.self)
    guard count >= 0, reader.remaining / 4 >= Int(count) else {
      throw CellError(reason: "its array says \(count) elements and is shorter")
    }
    var elements: [Element] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count {
      let length = try reader.read(Int32.self)
      let value = length < 0 ? nil : try reader.read(count: Int(length))
      elements.append(try Element(cell: BinaryCell(bytes: value, typeOID: elementType)))
    }
    return elements
  }
}

extension UInt8: PostgresDecodable {
  /// One byte of a `bytea`, or an internal `"char"`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}
