import Basics
import CPNG

/// PNG to RGB with the pixels that Pillow's `convert("RGB")` gives: every colour type, depth and interlacing, through
/// libpng.
enum PNGDecoder {
  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    let size = try size(bytes)
    try options.checkSize(width: size.width, height: size.height)
    try checkPlausible(bytes, size.width, size.height)
    if let problem = adbvec_png_problem() { throw ImageError(.unsupported, String(cString: problem)) }
    guard let reader = adbvec_png_open(bytes.baseAddress, bytes.count) else {
      throw ImageError(.unreadable, "libpng cannot start; there may be no memory left")
    }
    defer { adbvec_png_close(reader) }
    var header = adbvec_png_header()
    try check(adbvec_png_read_header(reader, options.background == nil ? 0 : 1, &header), reader)
    guard (Int(header.width), Int(header.height)) == size else { throw damaged("two headers") }
    let reduction = options.reduction(width: size.width, height: size.height)
    let image =
      reduction > 1 && header.is_interlaced == 0
      ? try reduced(reader, header, options, by: reduction, isWhole: chunk("IEND", of: bytes) != nil)
      : try raster(reader, header, options, rows: size.height) {
        adbvec_png_read_rows(reader, $0)
      }.composited(on: options.background).reduced(by: reduction)
    let converted = try image.converted(options) { ColourProfile(png: bytes) }
    return options.appliesOrientation ? converted.oriented(orientation(bytes)) : converted
  }

  /// Rows go into averages a strip at a time; those below the crop are not read.
  ///
  /// - Parameter isWhole: whether the file has its end: of one that is cut off, the rows say so.
  private static func reduced(
    _ reader: OpaquePointer,
    _ header: adbvec_png_header,
    _ options: Image.DecodingOptions,
    by factor: Int,
    isWhole: Bool
  ) throws -> Image {
    let (width, height) = (Int(header.width), Int(header.height))
    var reducer = RowReducer(
      width: width,
      height: height,
      factor: factor,
      window: isWhole ? options.window(width: width, height: height, reduction: factor) : nil
    )
    var row = 0
    while row < reducer.neededRows {
      let count = min(64, reducer.neededRows - row)
      let strip = try raster(reader, header, options, rows: count) {
        adbvec_png_read_next_rows(reader, $0, UInt32(count))
      }
      reducer.add(strip.composited(on: options.background).rgb)
      row += count
    }
    return reducer.image()
  }

  /// The size in the file's first chunk.
  static func size(_ bytes: UnsafeRawBufferPointer) throws -> (width: Int, height: Int) {
    var cursor = ByteCursor(bytes, at: 12)
    guard try cursor.take(4).elementsEqual("IHDR".utf8) else {
      throw ImageError(.damaged, "the PNG file does not begin with its header")
    }
    return (Int(try cursor.bigEndian(UInt32.self)), Int(try cursor.bigEndian(UInt32.self)))
  }

  /// Deflate shrinks at most 1032 to 1 and a pixel takes a bit or more, so a header may not promise more than its data can
  /// hold.
  private static func checkPlausible(_ bytes: UnsafeRawBufferPointer, _ width: Int, _ height: Int) throws {
    var cursor = ByteCursor(bytes, at: 24)
    let depth = Int(try cursor.byte())
    let channels = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][try cursor.byte()] ?? 1
    guard (width * depth * channels + 7) / 8 * height / 1032 <= bytes.count else {
      throw ImageError(.truncated, "\(bytes.count) bytes of data cannot hold \(width)x\(height) pixels")
    }
  }

  private static func raster(
    _ reader: OpaquePointer,
    _ header: adbvec_png_header,
    _ options: Image.DecodingOptions,
    rows height: Int,
    read: (UnsafeMutablePointer<UInt8>) -> adbvec_png_status
  ) throws -> Raster {
    let width = Int(header.width)
    let (channels, sampleBytes) = (Int(header.channels), Int(header.sample_bytes))
    var status = ADBVEC_PNG_OK
    let samples = [UInt8](unsafeUninitializedCapacity: width * height * channels * sampleBytes) {
      buffer,
      count in
      buffer.initialize(repeating: 0)
      count = buffer.count
      if let start = buffer.baseAddress { status = read(start) }
    }
    try check(status, reader)
    if sampleBytes == 2 { return grey16(samples, width, height, channels, options.grey16) }
    guard header.has_alpha != 0 else { return Raster(width: width, height: height, rgb: samples, alpha: nil) }
    return samples.withUnsafeBufferPointer {
      Raster(rgba: $0, width: width, height: height, keepsAlpha: true)
    }
  }

  private static func grey16(
    _ samples: [UInt8],
    _ width: Int,
    _ height: Int,
    _ channels: Int,
    _ way: Image.DecodingOptions.Grey16
  ) -> Raster {
    let pixels = width * height
    let rgb = [UInt8](unsafeUninitializedCapacity: pixels * 3) { target, count in
      for pixel in 0..<pixels {
        let start = pixel * channels * 2
        let level = way.level(Int(samples[start]) << 8 | Int(samples[start + 1]))
        for channel in 0..<3 { target[pixel * 3 + channel] = level }
      }
      count = pixels * 3
    }
    let alpha = channels == 2 ? (0..<pixels).map { samples[$0 * 4 + 2] } : nil
    return Raster(width: width, height: height, rgb: rgb, alpha: alpha)
  }

  private static func check(_ status: adbvec_png_status, _ reader: OpaquePointer) throws {
    switch status {
    case ADBVEC_PNG_OK: return
    case ADBVEC_PNG_TRUNCATED:
      throw ImageError(.truncated, "the PNG file ends before the image does; copy or download it again")
    default: throw damaged(String(cString: adbvec_png_message(reader)))
    }
  }

  private static func damaged(_ reason: String) -> ImageError {
    ImageError(.damaged, "the PNG file is damaged (libpng: \(reason)); copy or download it again")
  }

  /// EXIF's orientation 1…8 in the chunk `eXIf`; 1 when there is none.
  private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Int {
    chunk("eXIf", of: bytes).map { ExifOrientation.find(in: $0) } ?? 1
  }

  /// The body of the first chunk of a name.
  static func chunk(_ wanted: String, of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var cursor = ByteCursor(bytes, at: 8)
    while let length = try? cursor.bigEndian(UInt32.self), let name = try? cursor.take(4),
      let body = try? cursor.take(Int(length)), (try? cursor.skip(4)) != nil
    {
      if name.elementsEqual(wanted.utf8) { return UnsafeRawBufferPointer(rebasing: body[...]) }
    }
    return nil
  }
}
