import Basics
import CWebP

/// WebP through libwebp: its animation decoder gives the first frame of an animation and still images alike; a reduced
/// still image comes from its own scaling decoder.
enum WebPDecoder {
  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    let canvas = try canvasSize(bytes)
    try options.checkSize(width: canvas.width, height: canvas.height)
    if let problem = adbvec_webp_problem() { throw ImageError(.unsupported, String(cString: problem)) }
    let reduction = options.reduction(width: canvas.width, height: canvas.height)
    // Colours behind a background must be blended before they are averaged.
    let isScaled =
      reduction > 1 && options.background == nil
      && adbvec_webp_is_animated(bytes.baseAddress, bytes.count) == 0
    let image =
      isScaled
      ? try scaled(bytes, canvas, by: reduction)
      : try firstFrame(bytes, options).reduced(by: reduction)
    let converted = try image.converted(options) { chunk("ICCP", of: bytes).map { .icc(Array($0)) } }
    guard options.appliesOrientation, let exif = chunk("EXIF", of: bytes) else { return converted }
    return converted.oriented(ExifOrientation.find(in: exif))
  }

  private static func firstFrame(
    _ bytes: UnsafeRawBufferPointer,
    _ options: Image.DecodingOptions
  ) throws -> Image {
    guard let canvas = adbvec_webp_first_frame(bytes.baseAddress, bytes.count) else { throw damaged }
    defer { adbvec_webp_close(canvas) }
    let (width, height) = (Int(adbvec_webp_width(canvas)), Int(adbvec_webp_height(canvas)))
    try options.checkSize(width: width, height: height)
    let pixels = UnsafeBufferPointer(start: adbvec_webp_rgba(canvas), count: width * height * 4)
    return Raster(rgba: pixels, width: width, height: height, keepsAlpha: options.background != nil)
      .composited(on: options.background)
  }

  private static func scaled(
    _ bytes: UnsafeRawBufferPointer,
    _ canvas: (width: Int, height: Int),
    by factor: Int
  ) throws -> Image {
    let (width, height) = ((canvas.width + factor - 1) / factor, (canvas.height + factor - 1) / factor)
    let source = Image.Source(width: canvas.width, height: canvas.height, averaging: factor)
    var status: Int32 = 0
    let rgb = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      buffer.initialize(repeating: 0)
      count = buffer.count
      status = adbvec_webp_decode_scaled(
        bytes.baseAddress,
        bytes.count,
        Int32(width),
        Int32(height),
        buffer.baseAddress
      )
    }
    guard status == 0 else { throw damaged }
    return Image(trustedWidth: width, height: height, rgb: rgb, source: source)
  }

  /// The body of the first chunk of a name.
  private static func chunk(_ wanted: String, of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var cursor = ByteCursor(bytes, at: 12)
    while let name = try? cursor.take(4), let length = try? cursor.littleEndian(UInt32.self),
      let body = try? cursor.take(Int(length))
    {
      if name.elementsEqual(wanted.utf8) { return body }
      if !length.isMultiple(of: 2), (try? cursor.skip(1)) == nil { break }
    }
    return nil
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
