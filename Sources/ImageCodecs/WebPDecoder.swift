import Basics
import CWebP

/// WebP through libwebp's animation decoder, which gives the first frame of an animation and still images alike.
enum WebPDecoder {
  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    let canvas = try canvasSize(bytes)
    try options.checkSize(width: canvas.width, height: canvas.height)
    var settings = WebPAnimDecoderOptions()
    guard WebPAnimDecoderOptionsInit(&settings) != 0 else {
      throw ImageError(.unreadable, "libwebp has another version than this program was built with")
    }
    settings.color_mode = MODE_RGBA
    settings.use_threads = 0
    var file = WebPData(bytes: bytes.bindMemory(to: UInt8.self).baseAddress, size: bytes.count)
    guard let decoder = WebPAnimDecoderNew(&file, &settings) else { throw damaged }
    defer { WebPAnimDecoderDelete(decoder) }
    var info = WebPAnimInfo()
    var frame: UnsafeMutablePointer<UInt8>?
    var time: Int32 = 0
    guard WebPAnimDecoderGetInfo(decoder, &info) != 0, WebPAnimDecoderGetNext(decoder, &frame, &time) != 0,
      let frame
    else { throw damaged }
    let width = Int(info.canvas_width)
    let height = Int(info.canvas_height)
    try options.checkSize(width: width, height: height)
    let pixels = UnsafeBufferPointer(start: frame, count: width * height * 4)
    let raster = Raster(rgba: pixels, width: width, height: height, keepsAlpha: options.background != nil)
    let image = raster.composited(on: options.background)
    return options.appliesOrientation ? image.oriented(orientation(bytes)) : image
  }

  /// The orientation in the chunk `EXIF`; 1 when there is none.
  private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Int {
    var cursor = ByteCursor(bytes, at: 12)
    while let name = try? cursor.take(4), let length = try? cursor.littleEndian(UInt32.self),
      let body = try? cursor.take(Int(length))
    {
      if name.elementsEqual("EXIF".utf8) { return ExifOrientation.find(in: body) }
      if !length.isMultiple(of: 2), (try? cursor.skip(1)) == nil { break }
    }
    return 1
  }

  /// The canvas's size from the first chunk, before libwebp reserves memory for it (RFC 9649, section 2).
  static func canvasSize(_ bytes: UnsafeRawBufferPointer) throws -> (width: Int, height: Int) {
    var cursor = ByteCursor(bytes)
    try cursor.skip(12)
    let chunk = String(decoding: try cursor.take(4), as: UTF8.self)
    try cursor.skip(4)
    switch chunk {
    case "VP8X":
      try cursor.skip(4)
      let width = try uint24(&cursor)
      return (width + 1, try uint24(&cursor) + 1)
    case "VP8L":
      try cursor.skip(1)
      let bits = Int(try cursor.littleEndian(UInt32.self))
      return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    case "VP8 ":
      try cursor.skip(6)
      let width = Int(try cursor.littleEndian(UInt16.self)) & 0x3FFF
      return (width, Int(try cursor.littleEndian(UInt16.self)) & 0x3FFF)
    default: throw damaged
    }
  }

  private static func uint24(_ cursor: inout ByteCursor) throws -> Int {
    let low = Int(try cursor.littleEndian(UInt16.self))
    return low | Int(try cursor.byte()) << 16
  }

  private static var damaged: ImageError {
    ImageError(.damaged, "the WebP file is cut off or damaged; copy or download it again")
  }
}
