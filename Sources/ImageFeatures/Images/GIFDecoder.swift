/// The first frame of a GIF file (GIF89a specification), on the logical screen as Pillow lays it.
struct GIFDecoder {
  private var cursor: ByteCursor
  private var width: Int
  private var height: Int
  private var palette: [UInt8]?
  private var transparent: UInt8?

  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Raster {
    var decoder = try GIFDecoder(bytes)
    return try decoder.firstFrame(options)
  }

  private init(_ bytes: UnsafeRawBufferPointer) throws {
    cursor = ByteCursor(bytes)
    try cursor.skip(6)
    width = Int(try cursor.littleEndian(UInt16.self))
    height = Int(try cursor.littleEndian(UInt16.self))
    let flags = try cursor.byte()
    try cursor.skip(2)
    palette = try Self.readPalette(&cursor, flags)
  }

  private static func readPalette(_ cursor: inout ByteCursor, _ flags: UInt8) throws -> [UInt8]? {
    guard flags & 0x80 != 0 else { return nil }
    return Array(try cursor.take(3 << (Int(flags & 7) + 1)))
  }

  private mutating func firstFrame(_ options: Image.DecodingOptions) throws -> Raster {
    while true {
      switch try cursor.byte() {
      case UInt8(ascii: ","): return try readFrame(options)
      case UInt8(ascii: "!"): try readExtension()
      case UInt8(ascii: ";"): throw ImageError(.truncated, "the GIF file holds no image")
      default: continue
      }
    }
  }

  private mutating func readExtension() throws {
    let label = try cursor.byte()
    var isFirst = true
    while true {
      let block = try cursor.take(Int(try cursor.byte()))
      if block.isEmpty { return }
      if label == 0xF9, isFirst, block.count >= 4, block[0] & 1 != 0 { transparent = block[3] }
      isFirst = false
    }
  }

  private mutating func readFrame(_ options: Image.DecodingOptions) throws -> Raster {
    let left = Int(try cursor.littleEndian(UInt16.self))
    let top = Int(try cursor.littleEndian(UInt16.self))
    let frameWidth = Int(try cursor.littleEndian(UInt16.self))
    let frameHeight = Int(try cursor.littleEndian(UInt16.self))
    let flags = try cursor.byte()
    if let local = try Self.readPalette(&cursor, flags) { palette = local }
    width = max(width, left + frameWidth)
    height = max(height, top + frameHeight)
    try options.checkSize(width: width, height: height)
    let background = transparent ?? 0
    let frame = try GIFCode.decode(&cursor, count: frameWidth * frameHeight, filling: background)
    var indices = [UInt8](repeating: background, count: width * height)
    for row in 0..<frameHeight {
      let target = top + (flags & 0x40 == 0 ? row : Self.interlaced(row, of: frameHeight))
      let start = target * width + left
      indices.replaceSubrange(
        start..<start + frameWidth,
        with: frame[row * frameWidth..<(row + 1) * frameWidth]
      )
    }
    return Raster(
      indices: indices,
      palette: palette ?? (0..<256).flatMap { [UInt8($0), UInt8($0), UInt8($0)] },
      transparent: options.background == nil ? nil : transparent,
      width: width,
      height: height
    )
  }

  /// The row that the n-th stored row of an interlaced frame belongs to.
  private static func interlaced(_ stored: Int, of height: Int) -> Int {
    var row = stored
    for (first, step) in [(0, 8), (4, 8), (2, 4), (1, 2)] {
      let rows = max(0, (height - first + step - 1) / step)
      if row < rows { return first + row * step }
      row -= rows
    }
    return height - 1
  }
}
