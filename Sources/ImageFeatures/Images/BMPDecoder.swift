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
