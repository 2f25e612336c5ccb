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
