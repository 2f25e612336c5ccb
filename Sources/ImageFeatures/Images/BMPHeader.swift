/// The headers of a Windows or OS/2 bitmap.
struct BMPHeader {
  enum Compression: UInt32 {
    case none = 0
    case runs8 = 1
    case runs4 = 2
    case masks = 3
  }

  let width: Int
  let height: Int
  let isTopDown: Bool
  let bits: Int
  let compression: Compression
  /// Red, green, blue of each palette entry.
  private(set) var palette: [UInt8] = []
  /// The bits of red, green, blue and alpha in a pixel of 16 or 32 bits.
  private(set) var masks: [UInt32] = []
  let dataOffset: Int

  init(_ bytes: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(bytes, at: 10)
    let offset = Int(try cursor.littleEndian(UInt32.self))
    let size = Int(try cursor.littleEndian(UInt32.self))
    guard [12, 40, 52, 56, 64, 108, 124].contains(size) else {
      throw ImageError(.unsupported, "the BMP file has a header of \(size) bytes, which is not known")
    }
    let isCore = size == 12
    let storedWidth =
      isCore ? Int(try cursor.littleEndian(UInt16.self)) : Int(try cursor.littleEndian(Int32.self))
    let storedHeight =
      isCore ? Int(try cursor.littleEndian(UInt16.self)) : Int(try cursor.littleEndian(Int32.self))
    try cursor.skip(2)
    bits = Int(try cursor.littleEndian(UInt16.self))
    let method = isCore ? 0 : try cursor.littleEndian(UInt32.self)
    guard let compression = Compression(rawValue: method), [1, 4, 8, 16, 24, 32].contains(bits),
      compression != .runs8 || bits == 8, compression != .runs4 || bits == 4,
      compression != .masks || bits >= 16
    else {
      throw ImageError(.unsupported, "BMP with \(bits) bits a pixel and compression \(method) is not read")
    }
    width = storedWidth
    height = abs(storedHeight)
    isTopDown = storedHeight < 0
    self.compression = compression
    var colours = 0
    if !isCore {
      try cursor.skip(12)
      colours = Int(try cursor.littleEndian(UInt32.self))
    }
    var tables = ByteCursor(bytes, at: 14 + size)
    if compression == .masks {
      masks = try Self.readMasks(ByteCursor(bytes, at: 54), headerSize: size)
      if size == 40 { try tables.skip(12) }
    } else if bits == 16 {
      masks = [0x7C00, 0x3E0, 0x1F, 0]
    }
    if bits <= 8 {
      palette = try Self.readPalette(&tables, colours == 0 ? 1 << bits : colours, stride: isCore ? 3 : 4)
    }
    dataOffset = offset > 0 ? offset : tables.position
  }

  private static func readMasks(_ start: ByteCursor, headerSize: Int) throws -> [UInt32] {
    var cursor = start
    let count = headerSize >= 56 ? 4 : 3
    let masks = try (0..<count).map { _ in try cursor.littleEndian(UInt32.self) }
    guard masks.contains(where: { $0 != 0 }) else { return [] }
    return count == 4 ? masks : masks + [0]
  }

  private static func readPalette(_ cursor: inout ByteCursor, _ count: Int, stride: Int) throws -> [UInt8] {
    guard (1...65_536).contains(count) else {
      throw ImageError(.damaged, "the BMP file has a palette of \(count) colours")
    }
    let bytes = try cursor.take(count * stride)
    var palette: [UInt8] = []
    for entry in 0..<min(count, 256) {
      for channel in [2, 1, 0] { palette.append(bytes[entry * stride + channel]) }
    }
    return palette
  }

  var bytesPerRow: Int { (width * bits + 31) / 32 * 4 }
}
