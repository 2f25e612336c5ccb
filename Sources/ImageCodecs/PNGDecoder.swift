import Basics
import CZlib

/// PNG to RGB with the pixels that Pillow's `convert("RGB")` gives: every colour type, depth and interlacing.
///
/// libgd keeps seven bits of alpha and libpng reports errors by `longjmp`, which Swift frames do not survive;
/// so the format's few steps (inflate, unfilter, expand) are written here.
struct PNGDecoder {
  private let chunks: PNGChunks
  private let expansion: PNGExpansion
  private let inflater: Inflater
  private var nextChunk = 0
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)

  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    let chunks = try PNGChunks(bytes)
    try options.checkSize(width: chunks.header.width, height: chunks.header.height)
    do {
      var decoder = PNGDecoder(chunks, options, try Inflater(.zlib))
      let image = try decoder.raster().composited(on: options.background)
      return options.appliesOrientation ? image.oriented(chunks.orientation) : image
    } catch let failure as Inflater.Failure {
      throw ImageError(.damaged, "\(failure.reason); copy or download the file again")
    }
  }

  private init(_ chunks: PNGChunks, _ options: Image.DecodingOptions, _ inflater: Inflater) {
    self.chunks = chunks
    self.inflater = inflater
    expansion = PNGExpansion(chunks, keepsAlpha: options.background != nil, grey16: options.grey16)
  }

  private mutating func raster() throws -> Raster {
    let header = chunks.header
    try checkPlausible()
    var raster = expansion.emptyRaster()
    for pass in header.passes {
      let columns = pass.columns(of: header)
      let rows = pass.rows(of: header)
      guard columns > 0 else { continue }
      var filter = PNGFilter(
        bytesPerRow: header.bytesPerRow(width: columns),
        bitsPerPixel: header.bitsPerPixel
      )
      for row in 0..<rows {
        try filter.withNextRow { try fill($0) }
        let pixel = (pass.y0 + row * pass.dy) * header.width + pass.x0
        expansion.expand(filter.row, columns: columns, into: &raster, from: pixel, step: pass.dx)
      }
    }
    return raster
  }

  /// Deflate shrinks at most 1032 to 1, so a header may not promise more than its data can hold.
  private func checkPlausible() throws {
    let compressed = chunks.imageData.reduce(0) { $0 + $1.count }
    let rows = chunks.header.bytesPerRow(width: chunks.header.width) * chunks.header.height
    guard rows / 1032 <= compressed else {
      throw ImageError(
        .truncated,
        "\(compressed) bytes of data cannot hold \(chunks.header.width)x\(chunks.header.height) pixels"
      )
    }
  }

  private mutating func fill(_ output: UnsafeMutableRawBufferPointer) throws {
    var filled = 0
    while filled < output.count {
      if input.isEmpty, nextChunk < chunks.imageData.count {
        input = chunks.imageData[nextChunk]
        nextChunk += 1
        continue
      }
      guard !inflater.isFinished else { throw truncated }
      let rest = UnsafeMutableRawBufferPointer(rebasing: output[filled...])
      let (consumed, produced) = try inflater.inflate(input, into: rest)
      input = UnsafeRawBufferPointer(rebasing: input[consumed...])
      filled += produced
      guard consumed > 0 || produced > 0 || nextChunk < chunks.imageData.count else { throw truncated }
    }
  }

  private var truncated: ImageError {
    ImageError(.truncated, "the PNG file ends before the image does; copy or download it again")
  }
}

/// The chunks of a PNG file that pixels depend on, found and checked but not decoded.
struct PNGChunks {
  let header: PNGHeader
  /// Red, green and blue of each palette entry.
  private(set) var palette: [UInt8] = []
  private(set) var transparency: [UInt8] = []
  /// EXIF's orientation 1...8; 1 is upright.
  private(set) var orientation = 1
  private(set) var imageData: [UnsafeRawBufferPointer] = []

  init(_ bytes: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(bytes)
    try cursor.skip(8)
    let first = try Self.next(&cursor)
    guard first.name == "IHDR" else {
      throw ImageError(.damaged, "the PNG file does not begin with its header")
    }
    header = try PNGHeader(first.body)
    while let chunk = try Self.nextOrEnd(&cursor, hasData: !imageData.isEmpty), chunk.name != "IEND" {
      switch chunk.name {
      case "PLTE": palette = Array(chunk.body.prefix(768))
      case "tRNS": transparency = Array(chunk.body.prefix(256))
      case "eXIf": orientation = ExifOrientation.find(in: chunk.body)
      case "IDAT": imageData.append(chunk.body)
      default: break
      }
    }
    guard !imageData.isEmpty else { throw ImageError(.truncated, "the PNG file holds no pixels") }
    guard header.colour != .palette || !palette.isEmpty else {
      throw ImageError(.damaged, "the PNG file has no palette")
    }
  }

  private typealias Chunk = (name: String, body: UnsafeRawBufferPointer)

  /// The next chunk; nil at the end of a file that only lacks its tail behind the pixels.
  private static func nextOrEnd(_ cursor: inout ByteCursor, hasData: Bool) throws -> Chunk? {
    let start = cursor
    do {
      return try next(&cursor)
    } catch is ByteCursor.OutOfBounds {
      guard hasData else { throw ByteCursor.OutOfBounds() }
      cursor = start
      return try truncatedData(&cursor)
    }
  }

  /// What is left of a last IDAT chunk; whether it suffices shows when it is inflated.
  private static func truncatedData(_ cursor: inout ByteCursor) throws -> Chunk? {
    guard cursor.remaining > 8 else { return nil }
    try cursor.skip(4)
    let name = String(decoding: try cursor.take(4), as: UTF8.self)
    return name == "IDAT" ? (name, try cursor.take(cursor.remaining)) : nil
  }

  private static func next(_ cursor: inout ByteCursor) throws -> Chunk {
    let length = Int(try cursor.bigEndian(UInt32.self))
    let typeAndBody = try cursor.take(length + 4)
    let expected = try cursor.bigEndian(UInt32.self)
    let name = String(decoding: typeAndBody.prefix(4), as: UTF8.self)
    let isCritical = typeAndBody[0] & 0x20 == 0
    if isCritical, checksum(typeAndBody) != expected {
      throw ImageError(.damaged, "the PNG chunk \(printable(name)) fails its checksum; the file is damaged")
    }
    return (name, UnsafeRawBufferPointer(rebasing: typeAndBody.dropFirst(4)))
  }

  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
  }

  private static func printable(_ name: String) -> String {
    name.allSatisfy { $0.isASCII && $0.isLetter } ? name : "with an unreadable name"
  }
}

/// The IHDR chunk of a PNG file (PNG specification, third edition, section 11.2.1).
struct PNGHeader {
  enum Colour: UInt8 {
    case grey = 0
    case rgb = 2
    case palette = 3
    case greyAlpha = 4
    case rgba = 6

    var channels: Int {
      switch self {
      case .grey, .palette: 1
      case .greyAlpha: 2
      case .rgb: 3
      case .rgba: 4
      }
    }

    var bitDepths: Set<Int> {
      switch self {
      case .grey: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      case .rgb, .greyAlpha, .rgba: [8, 16]
      }
    }
  }

  let width: Int
  let height: Int
  let bitDepth: Int
  let colour: Colour
  let isInterlaced: Bool

  init(_ chunk: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(chunk)
    width = Int(try cursor.bigEndian(UInt32.self))
    height = Int(try cursor.bigEndian(UInt32.self))
    bitDepth = Int(try cursor.byte())
    let colourType = try cursor.byte()
    let compression = try cursor.byte()
    let filter = try cursor.byte()
    let interlace = try cursor.byte()
    guard let colour = Colour(rawValue: colourType), colour.bitDepths.contains(bitDepth),
      compression == 0, filter == 0, interlace <= 1
    else {
      throw ImageError(
        .damaged,
        "the PNG header has colour type \(colourType) with \(bitDepth) bits, which PNG does not define"
      )
    }
    self.colour = colour
    isInterlaced = interlace == 1
  }

  var bitsPerPixel: Int { bitDepth * colour.channels }

  func bytesPerRow(width: Int) -> Int { (width * bitsPerPixel + 7) / 8 }

  /// One pass of rows: the whole image, or one of Adam7's seven.
  struct Pass {
    let x0: Int
    let y0: Int
    let dx: Int
    let dy: Int

    func columns(of header: PNGHeader) -> Int { max(0, (header.width - x0 + dx - 1) / dx) }
    func rows(of header: PNGHeader) -> Int { max(0, (header.height - y0 + dy - 1) / dy) }
  }

  var passes: [Pass] {
    guard isInterlaced else { return [Pass(x0: 0, y0: 0, dx: 1, dy: 1)] }
    return [
      Pass(x0: 0, y0: 0, dx: 8, dy: 8), Pass(x0: 4, y0: 0, dx: 8, dy: 8),
      Pass(x0: 0, y0: 4, dx: 4, dy: 8), Pass(x0: 2, y0: 0, dx: 4, dy: 4),
      Pass(x0: 0, y0: 2, dx: 2, dy: 4), Pass(x0: 1, y0: 0, dx: 2, dy: 2),
      Pass(x0: 0, y0: 1, dx: 1, dy: 2),
    ]
  }
}

/// Undoes PNG's row filters (PNG specification, section 9), one row after another.
struct PNGFilter {
  /// The unfiltered bytes of the latest row.
  private(set) var row: [UInt8]
  private var above: [UInt8]
  private var filtered: [UInt8]
  private let pixelStride: Int

  init(bytesPerRow: Int, bitsPerPixel: Int) {
    row = [UInt8](repeating: 0, count: bytesPerRow)
    above = row
    filtered = [UInt8](repeating: 0, count: bytesPerRow + 1)
    pixelStride = max(1, bitsPerPixel / 8)
  }

  /// Lets `read` fill in the filter byte and the filtered bytes of the next row, and unfilters them.
  mutating func withNextRow(_ read: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    try filtered.withUnsafeMutableBytes { try read($0) }
    swap(&row, &above)
    let stride = pixelStride
    try filtered.withUnsafeBufferPointer { source in
      try above.withUnsafeBufferPointer { above in
        try row.withUnsafeMutableBufferPointer { row in
          try Self.unfilter(source, above, row, stride)
        }
      }
    }
  }

  private static func unfilter(
    _ source: UnsafeBufferPointer<UInt8>,
    _ above: UnsafeBufferPointer<UInt8>,
    _ row: UnsafeMutableBufferPointer<UInt8>,
    _ stride: Int
  ) throws {
    let count = row.count
    let head = min(stride, count)
    switch source[0] {
    case 0:
      for i in 0..<count { row[i] = source[i + 1] }
    case 1:
      for i in 0..<head { row[i] = source[i + 1] }
      for i in head..<count { row[i] = source[i + 1] &+ row[i - stride] }
    case 2:
      for i in 0..<count { row[i] = source[i + 1] &+ above[i] }
    case 3:
      for i in 0..<head { row[i] = source[i + 1] &+ above[i] / 2 }
      for i in head..<count {
        row[i] = source[i + 1] &+ UInt8((UInt16(row[i - stride]) + UInt16(above[i])) / 2)
      }
    case 4:
      for i in 0..<head { row[i] = source[i + 1] &+ above[i] }
      for i in head..<count {
        row[i] = source[i + 1] &+ paeth(row[i - stride], above[i], above[i - stride])
      }
    default:
      throw ImageError(.damaged, "the PNG file has a row filter \(source[0]), which PNG does not define")
    }
  }

  static func paeth(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
    let a = Int32(left)
    let b = Int32(above)
    let c = Int32(corner)
    let toLeft = abs(b - c)
    let toAbove = abs(a - c)
    let toCorner = abs(a + b - 2 * c)
    if toLeft <= toAbove, toLeft <= toCorner { return left }
    return toAbove <= toCorner ? above : corner
  }
}

/// Turns unfiltered PNG rows of any colour type and depth into RGB (and alpha, when wanted).
struct PNGExpansion {
  private let header: PNGHeader
  private let keepsAlpha: Bool
  private let grey16: Image.DecodingOptions.Grey16
  /// Red, green, blue, alpha of each of 256 palette entries; entries that the file leaves out are black.
  private let palette: [UInt8]
  /// The one transparent grey or colour of a tRNS chunk, in the file's own depth.
  private let transparentSamples: [Int]

  init(_ chunks: PNGChunks, keepsAlpha: Bool, grey16: Image.DecodingOptions.Grey16) {
    header = chunks.header
    self.keepsAlpha = keepsAlpha
    self.grey16 = grey16
    var entries = [UInt8](repeating: 0, count: 1024)
    for entry in 0..<256 {
      for channel in 0..<3 where entry * 3 + channel < chunks.palette.count {
        entries[entry * 4 + channel] = chunks.palette[entry * 3 + channel]
      }
      entries[entry * 4 + 3] = entry < chunks.transparency.count ? chunks.transparency[entry] : 255
    }
    palette = entries
    let bytes = chunks.transparency
    transparentSamples = stride(from: 0, to: bytes.count - 1, by: 2)
      .map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
  }

  func emptyRaster() -> Raster {
    let pixels = header.width * header.height
    let hasAlpha = header.colour == .greyAlpha || header.colour == .rgba || header.colour == .palette
    let isTransparent = keepsAlpha && (hasAlpha || !transparentSamples.isEmpty)
    return Raster(
      width: header.width,
      height: header.height,
      rgb: [UInt8](repeating: 0, count: pixels * 3),
      alpha: isTransparent ? [UInt8](repeating: 255, count: pixels) : nil
    )
  }

  /// Expands one row into the pixels `from`, `from + step`, ….
  func expand(_ row: [UInt8], columns: Int, into raster: inout Raster, from: Int, step: Int) {
    var alpha = raster.alpha
    raster.alpha = nil
    row.withUnsafeBufferPointer { row in
      raster.rgb.withUnsafeMutableBufferPointer { rgb in
        if header.bitDepth == 8, header.colour == .rgb, step == 1 {
          for i in 0..<columns * 3 { rgb[from * 3 + i] = row[i] }
        } else {
          expand(row, columns, rgb, from, step)
        }
      }
      if alpha != nil {
        alpha?.withUnsafeMutableBufferPointer { expandAlpha(row, columns, $0, from, step) }
      }
    }
    raster.alpha = alpha
  }

  private func expand(
    _ row: UnsafeBufferPointer<UInt8>,
    _ columns: Int,
    _ rgb: UnsafeMutableBufferPointer<UInt8>,
    _ from: Int,
    _ step: Int
  ) {
    let sampleBytes = header.bitDepth == 16 ? 2 : 1
    let pixelBytes = header.colour.channels * sampleBytes
    for column in 0..<columns {
      let target = (from + column * step) * 3
      switch header.colour {
      case .rgb, .rgba:
        for channel in 0..<3 { rgb[target + channel] = row[column * pixelBytes + channel * sampleBytes] }
      case .greyAlpha:
        for channel in 0..<3 { rgb[target + channel] = row[column * pixelBytes] }
      case .grey:
        let level = grey(sample(row, column))
        for channel in 0..<3 { rgb[target + channel] = level }
      case .palette:
        let entry = sample(row, column) * 4
        for channel in 0..<3 { rgb[target + channel] = palette[entry + channel] }
      }
    }
  }

  /// The value of a one-channel pixel in the file's own depth.
  private func sample(_ row: UnsafeBufferPointer<UInt8>, _ column: Int) -> Int {
    switch header.bitDepth {
    case 8: return Int(row[column])
    case 16: return Int(row[column * 2]) << 8 | Int(row[column * 2 + 1])
    default:
      let bit = column * header.bitDepth
      let shift = 8 - header.bitDepth - bit % 8
      return Int(row[bit / 8]) >> shift & ((1 << header.bitDepth) - 1)
    }
  }

  private func grey(_ sample: Int) -> UInt8 {
    switch header.bitDepth {
    case 16: return grey16.level(sample)
    case 8: return UInt8(sample)
    default: return UInt8(sample * 255 / ((1 << header.bitDepth) - 1))
    }
  }

  private func expandAlpha(
    _ row: UnsafeBufferPointer<UInt8>,
    _ columns: Int,
    _ alpha: UnsafeMutableBufferPointer<UInt8>,
    _ from: Int,
    _ step: Int
  ) {
    let sampleBytes = header.bitDepth == 16 ? 2 : 1
    let channels = header.colour.channels
    for column in 0..<columns {
      let target = from + column * step
      switch header.colour {
      case .rgba, .greyAlpha:
        alpha[target] = row[(column * channels + channels - 1) * sampleBytes]
      case .palette:
        alpha[target] = palette[sample(row, column) * 4 + 3]
      case .grey:
        alpha[target] = transparentSamples.first == sample(row, column) ? 0 : 255
      case .rgb:
        alpha[target] = isTransparentColour(row, column) ? 0 : 255
      }
    }
  }

  private func isTransparentColour(_ row: UnsafeBufferPointer<UInt8>, _ column: Int) -> Bool {
    guard transparentSamples.count >= 3 else { return false }
    return (0..<3).allSatisfy { sample(row, column * 3 + $0) == transparentSamples[$0] }
  }
}
