import Basics

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

  /// The size of the screen that holds the first frame.
  static func size(_ bytes: UnsafeRawBufferPointer) throws -> (width: Int, height: Int) {
    var decoder = try GIFDecoder(bytes)
    try decoder.skipToFrame()
    var cursor = decoder.cursor
    let corner = (try cursor.littleEndian(UInt16.self), try cursor.littleEndian(UInt16.self))
    let frame = (try cursor.littleEndian(UInt16.self), try cursor.littleEndian(UInt16.self))
    return (
      max(decoder.width, Int(corner.0) + Int(frame.0)), max(decoder.height, Int(corner.1) + Int(frame.1))
    )
  }

  /// Whether another frame follows the first.
  static func hasSeveralFrames(_ bytes: UnsafeRawBufferPointer) -> Bool {
    do {
      var decoder = try GIFDecoder(bytes)
      try decoder.skipToFrame()
      try decoder.cursor.skip(8)
      _ = try readPalette(&decoder.cursor, try decoder.cursor.byte())
      // The code's first size, and the frame's blocks.
      try decoder.cursor.skip(1)
      while case let count = Int(try decoder.cursor.byte()), count > 0 { try decoder.cursor.skip(count) }
      try decoder.skipToFrame()
      return true
    } catch {
      return false
    }
  }

  private mutating func firstFrame(_ options: Image.DecodingOptions) throws -> Raster {
    try skipToFrame()
    return try readFrame(options)
  }

  private mutating func skipToFrame() throws {
    while true {
      switch try cursor.byte() {
      case UInt8(ascii: ","): return
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

/// GIF's variable-length LZW code (GIF89a specification, appendix F).
struct GIFCode {
  private let clear: Int
  private var prefix = [UInt16](repeating: 0, count: 4096)
  private var suffix = [UInt8](repeating: 0, count: 4096)
  private var next: Int
  private var codeBits: Int
  private let minimumBits: Int
  private var previous: Int?
  private var output: [UInt8]
  private var written = 0

  /// Decodes the blocks at the cursor into `count` indices; those behind an early end code keep `filling`.
  static func decode(_ cursor: inout ByteCursor, count: Int, filling: UInt8) throws -> [UInt8] {
    let bits = Int(try cursor.byte())
    guard (1...8).contains(bits) else { throw damaged }
    var decoder = GIFCode(bits: bits, count: count, filling: filling)
    var accumulator: UInt32 = 0
    var available = 0
    while decoder.written < count {
      let block = try cursor.take(Int(try cursor.byte()))
      guard !block.isEmpty else {
        throw ImageError(.truncated, "the GIF file ends before the image does; copy or download it again")
      }
      for byte in block {
        accumulator |= UInt32(byte) << UInt32(available)
        available += 8
        while available >= decoder.codeBits, decoder.written < count {
          let code = Int(accumulator & (1 << UInt32(decoder.codeBits) - 1))
          accumulator >>= UInt32(decoder.codeBits)
          available -= decoder.codeBits
          guard try decoder.accept(code) else { return decoder.output }
        }
      }
    }
    return decoder.output
  }

  private init(bits: Int, count: Int, filling: UInt8) {
    minimumBits = bits
    clear = 1 << bits
    next = clear + 2
    codeBits = bits + 1
    output = [UInt8](repeating: filling, count: count)
    for code in 0..<clear { suffix[code] = UInt8(code) }
  }

  /// Takes one code; false at the end code.
  private mutating func accept(_ code: Int) throws -> Bool {
    if code == clear {
      next = clear + 2
      codeBits = minimumBits + 1
      previous = nil
      return true
    }
    if code == clear + 1 { return false }
    guard let previous else {
      guard code < clear else { throw Self.damaged }
      write(chain: code, last: nil)
      previous = code
      return true
    }
    guard code <= next, code < 4096 else { throw Self.damaged }
    let first = firstByte(of: code < next ? code : previous)
    write(chain: code < next ? code : previous, last: code < next ? nil : first)
    if next < 4096 {
      prefix[next] = UInt16(previous)
      suffix[next] = first
      next += 1
      if next == 1 << codeBits, codeBits < 12 { codeBits += 1 }
    }
    self.previous = code
    return true
  }

  private func firstByte(of code: Int) -> UInt8 {
    var code = code
    while code >= clear { code = Int(prefix[code]) }
    return suffix[code]
  }

  /// Writes the string of a code, and one more byte behind it when given.
  private mutating func write(chain code: Int, last: UInt8?) {
    var length = last == nil ? 1 : 2
    var walk = code
    while walk >= clear {
      walk = Int(prefix[walk])
      length += 1
    }
    var position = written + length
    written = min(position, output.count)
    if let last {
      position -= 1
      if position < output.count { output[position] = last }
    }
    walk = code
    while true {
      position -= 1
      if position < output.count { output[position] = suffix[walk] }
      guard walk >= clear else { break }
      walk = Int(prefix[walk])
    }
  }

  private static var damaged: ImageError {
    ImageError(.damaged, "the GIF file is damaged; copy or download it again")
  }
}
