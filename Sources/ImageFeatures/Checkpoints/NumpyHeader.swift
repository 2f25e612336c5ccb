/// The header of a .npy file (NumPy enhancement proposal 1, versions 1 to 3): a Python dictionary literal.
struct NumpyHeader {
  let type: ElementType
  let isFortran: Bool
  let shape: [Int]
  let dataStart: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  init(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.starts(with: Self.magic) else {
      throw CheckpointError(.unknownFormat, "not a .npy file")
    }
    var cursor = ByteCursor(bytes)
    try cursor.skip(6)
    let version = try cursor.byte()
    try cursor.skip(1)
    let length =
      version == 1 ? Int(try cursor.littleEndian(UInt16.self)) : Int(try cursor.littleEndian(UInt32.self))
    guard (1...3).contains(version), length <= 1 << 20 else {
      throw CheckpointError(
        .unsupported,
        ".npy version \(version) with a header of \(length) bytes is not read"
      )
    }
    var literal = NumpyLiteral(String(decoding: try cursor.take(length), as: UTF8.self))
    let fields = try literal.fields()
    type = try Self.elementType(fields.descr)
    isFortran = fields.isFortran
    shape = fields.shape
    dataStart = cursor.position
  }

  private static let types: [String: ElementType] = [
    "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
    "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .bool,
  ]

  private static func elementType(_ descr: String) throws -> ElementType {
    guard let type = types[String(descr.dropFirst())], "<|=".contains(descr.prefix(1)) || type.size == 1
    else {
      throw CheckpointError(
        .unsupported,
        "the number type \(CheckpointError.printable(descr)) of the .npy file is not read; save it as float32, '<f4'"
      )
    }
    return type
  }

  static func descr(_ type: ElementType) throws -> String {
    guard let code = types.first(where: { $0.value == type })?.key else {
      throw CheckpointError(.unsupported, "a .npy file cannot hold \(type.rawValue); use F32")
    }
    return (type.size == 1 ? "|" : "<") + code
  }

  /// A header of at least `size` bytes, its end aligned to 64.
  static func encode(type: ElementType, isFortran: Bool, shape: [Int], size: Int = 0) throws -> [UInt8] {
    let axes = shape.count == 1 ? "\(shape[0])," : shape.map(String.init).joined(separator: ", ")
    let literal =
      "{'descr': '\(try descr(type))', 'fortran_order': \(isFortran ? "True" : "False"), 'shape': (\(axes)), }"
    let total = max(size, (10 + literal.utf8.count + 1 + 63) / 64 * 64)
    guard total <= 65_535 else { throw CheckpointError(.unsupported, "a .npy file cannot have so many axes") }
    var header = magic + [1, 0]
    withUnsafeBytes(of: UInt16(total - 10).littleEndian) { header += $0 }
    header += Array(literal.utf8)
    header += [UInt8](repeating: 0x20, count: total - header.count - 1) + [0x0A]
    return header
  }
}
