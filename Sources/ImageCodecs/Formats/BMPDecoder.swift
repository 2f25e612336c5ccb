import Basics

/// Windows and OS/2 bitmaps: 1, 4, 8 bits with a palette (plain or run-length encoded), 16, 24 and 32 bits.
enum BMPDecoder {
  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Raster {
    let header = try BMPHeader(bytes)
    try options.checkSize(width: header.width, height: header.height)
    var cursor = ByteCursor(bytes, at: header.dataOffset)
    if header.bits <= 8 {
      let indices =
        header.compression == .none
        ? try plainIndices(&cursor, header) : try BMPRuns.decode(&cursor, header)
      return Raster(
        indices: indices,
        palette: header.palette,
        transparent: nil,
        width: header.width,
        height: header.height
      )
    }
    return try colours(&cursor, header, keepsAlpha: options.background != nil)
  }

  /// The image's row that the n-th stored row is.
  static func row(_ stored: Int, _ header: BMPHeader) -> Int {
    header.isTopDown ? stored : header.height - 1 - stored
  }

  private static func plainIndices(_ cursor: inout ByteCursor, _ header: BMPHeader) throws -> [UInt8] {
    try checkRemaining(cursor, header)
    var indices = [UInt8](repeating: 0, count: header.width * header.height)
    let perByte = 8 / header.bits
    let mask = UInt8((1 << header.bits) - 1)
    for stored in 0..<header.height {
      let row = try cursor.take(header.bytesPerRow)
      let start = self.row(stored, header) * header.width
      for x in 0..<header.width {
        let shift = UInt8(8 - header.bits * (x % perByte + 1))
        indices[start + x] = row[x / perByte] >> shift & mask
      }
    }
    return indices
  }

  private static func colours(_ cursor: inout ByteCursor, _ header: BMPHeader, keepsAlpha: Bool) throws
    -> Raster
  {
    try checkRemaining(cursor, header)
    let pixels = header.width * header.height
    var rgb = [UInt8](repeating: 0, count: pixels * 3)
    let hasAlpha = keepsAlpha && header.masks.count == 4 && header.masks[3] != 0
    var alpha = hasAlpha ? [UInt8](repeating: 255, count: pixels) : nil
    let layout = try header.masks.map { try BMPMask($0) }
    for stored in 0..<header.height {
      let row = try cursor.take(header.bytesPerRow)
      let start = self.row(stored, header) * header.width
      for x in 0..<header.width {
        let target = (start + x) * 3
        if layout.isEmpty {
          let source = x * header.bits / 8
          for channel in 0..<3 { rgb[target + channel] = row[source + 2 - channel] }
        } else {
          let value =
            header.bits == 16
            ? UInt32(row.loadUnaligned(fromByteOffset: x * 2, as: UInt16.self).littleEndian)
            : row.loadUnaligned(fromByteOffset: x * 4, as: UInt32.self).littleEndian
          for channel in 0..<3 { rgb[target + channel] = layout[channel].level(value) }
          if hasAlpha { alpha?[start + x] = layout[3].level(value) }
        }
      }
    }
    return Raster(width: header.width, height: header.height, rgb: rgb, alpha: alpha)
  }

  private static func checkRemaining(_ cursor: ByteCursor, _ header: BMPHeader) throws {
    guard cursor.remaining / max(1, header.bytesPerRow) >= header.height else {
      throw ImageError(.truncated, "the BMP file ends before the image does; copy or download it again")
    }
  }
}

/// The bits of one channel in a pixel.
struct BMPMask {
  private let mask: UInt32
  private let shift: UInt32
  private let highest: UInt32

  init(_ mask: UInt32) throws {
    self.mask = mask
    shift = mask == 0 ? 0 : UInt32(mask.trailingZeroBitCount)
    highest = mask >> shift
    guard highest & (highest &+ 1) == 0 else {
      throw ImageError(.unsupported, "the BMP file has a channel of scattered bits")
    }
  }

  /// 0...255 of a channel with any number of bits.
  func level(_ pixel: UInt32) -> UInt8 {
    guard highest > 0 else { return 0 }
    return UInt8(UInt64((pixel & mask) >> shift) * 255 / UInt64(highest))
  }
}

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

/// The run-length codes of 4- and 8-bit bitmaps: runs, literal stretches, line ends and jumps.
enum BMPRuns {
  static func decode(_ cursor: inout ByteCursor, _ header: BMPHeader) throws -> [UInt8] {
    let width = header.width
    let total = width * header.height
    let packs4 = header.compression == .runs4
    var stored = [UInt8](repeating: 0, count: total)
    var position = 0
    func put(_ index: UInt8, limit: Int) {
      guard position < limit else { return }
      stored[position] = index
      position += 1
    }
    loop: while position < total {
      let count = Int(try cursor.byte())
      let value = try cursor.byte()
      guard count == 0 else {
        let lineEnd = (position / width + 1) * width
        for index in 0..<count {
          put(
            packs4 ? (index.isMultiple(of: 2) ? value >> 4 : value & 15) : value,
            limit: min(lineEnd, total)
          )
        }
        continue
      }
      switch value {
      case 0: position = min(total, (position + width - 1) / width * width)
      case 1: break loop
      case 2:
        let right = Int(try cursor.byte())
        position = min(total, position + right + Int(try cursor.byte()) * width)
      default:
        let literal = try cursor.take(packs4 ? (Int(value) + 1) / 2 : Int(value))
        for index in 0..<Int(value) {
          put(
            packs4 ? (literal[index / 2] >> (index.isMultiple(of: 2) ? 4 : 0)) & 15 : literal[index],
            limit: total
          )
        }
        if !literal.count.isMultiple(of: 2) { try cursor.skip(1) }
      }
    }
    guard !header.isTopDown else { return stored }
    return (0..<header.height).reversed().flatMap { stored[$0 * width..<($0 + 1) * width] }
  }
}
