import Basics
import CJPEG
internal import Glibc

/// JPEG to RGB through libjpeg-turbo: accurate integer DCT and smooth upsampling, as Pillow.
///
/// A reduced image is made by transforming 4x4, 2x2 or 1x1 values of each 8x8 block, and by averages from there on. For 1x1 values
/// most of a file need only be passed over, which takes half of libjpeg-turbo's time and gives the same pixels (`block_means.h`).
enum JPEGDecoder {
  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    let header = try JPEGHeader(bytes)
    try options.checkSize(width: header.width, height: header.height)
    if let problem = adbvec_jpeg_problem() { throw ImageError(.unsupported, String(cString: problem)) }
    guard let reader = adbvec_jpeg_open(bytes.baseAddress, bytes.count) else {
      throw ImageError(.unreadable, "libjpeg-turbo cannot start; there may be no memory left")
    }
    defer { adbvec_jpeg_close(reader) }
    let reduction = options.reduction(width: header.width, height: header.height)
    let denominator = [8, 4, 2].first { $0 <= reduction } ?? 1
    var scaled = adbvec_jpeg_header()
    try check(adbvec_jpeg_start(reader, Int32(denominator), 1, &scaled), reader, header, bytes)
    guard Int(scaled.width) == (header.width + denominator - 1) / denominator,
      Int(scaled.height) == (header.height + denominator - 1) / denominator
    else { throw ImageError(.damaged, "the JPEG file is damaged (two frame headers)") }
    let factor = reduction / denominator
    var reducer = RowReducer(
      width: Int(scaled.width),
      height: Int(scaled.height),
      factor: factor,
      source: Image.Source(width: header.width, height: header.height, averaging: denominator),
      window: options.window(width: header.width, height: header.height, reduction: denominator * factor)
    )
    let rowBytes = Int(scaled.width) * Int(scaled.channels)
    let strip = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: rowBytes * stripRows)
    defer { strip.deallocate() }
    var row = reducer.firstNeededRow
    try check(adbvec_jpeg_read_rows(reader, nil, UInt32(row)), reader, header, bytes)
    reducer.skip(row)
    while row < reducer.neededRows {
      let count = min(stripRows, reducer.neededRows - row)
      try check(
        adbvec_jpeg_read_rows(reader, strip.baseAddress, UInt32(count)),
        reader,
        header,
        bytes
      )
      let rows = UnsafeBufferPointer(rebasing: strip[..<(count * rowBytes)])
      if scaled.channels == 4 { reducer.add(convertInvertedCMYK(rows)) } else { reducer.add(rows) }
      row += count
    }
    if row == Int(scaled.height) {
      try check(adbvec_jpeg_finish(reader), reader, header, bytes)
    } else if !header.hasEnd(bytes) {
      throw truncated
    }
    let image = try reducer.image().converted(options) { header.profile }
    return options.appliesOrientation ? image.oriented(header.orientation) : image
  }

  /// Rows that are decoded at once.
  private static let stripRows = 64

  /// A warning (a spoiled block, stray bytes) leaves an image, as it does in Pillow; a missing end does not.
  private static func check(
    _ status: Int32,
    _ reader: OpaquePointer,
    _ header: JPEGHeader,
    _ bytes: UnsafeRawBufferPointer
  ) throws {
    guard status != 0 || adbvec_jpeg_warnings(reader) > 0 else { return }
    guard header.hasEnd(bytes) else { throw truncated }
    guard status != 0 else { return }
    throw ImageError(
      .damaged,
      "the JPEG file is damaged (libjpeg-turbo: \(String(cString: adbvec_jpeg_message(reader))))"
    )
  }

  private static var truncated: ImageError {
    ImageError(.truncated, "the JPEG file ends before the image does; copy or download it again")
  }

  /// Adobe's polarity (0 is full ink), and Pillow's `cmyk2rgb`: `(255 - k) - c * (255 - k) / 255`, rounded.
  private static func convertInvertedCMYK(_ samples: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    let pixels = samples.count / 4
    return [UInt8](unsafeUninitializedCapacity: pixels * 3) { rgb, count in
      for pixel in 0..<pixels {
        let light = Int(samples[pixel * 4 + 3])
        for channel in 0..<3 {
          let ink = 255 - Int(samples[pixel * 4 + channel])
          let product = ink * light + 128
          rgb[pixel * 3 + channel] = UInt8(max(0, light - ((product >> 8) + product) >> 8))
        }
      }
      count = pixels * 3
    }
  }
}

/// What a JPEG file says before its pixels (ITU-T T.81, annex B), and where its end-of-image marker is.
struct JPEGHeader {
  private(set) var width = 0
  private(set) var height = 0
  private(set) var components = 0
  private(set) var precision = 8
  /// Whether blocks come whole, one after the other: baseline and extended sequential files.
  private(set) var isSequential = true
  /// EXIF's orientation 1...8; 1 is upright.
  private(set) var orientation = 1
  /// The parts of an ICC profile: number, count, and bytes (ICC.1, annex B.4).
  private var profileParts: [(number: UInt8, count: UInt8, bytes: [UInt8])] = []
  /// Where the bytes behind the frame header begin.
  private var frameEnd = 0

  init(_ bytes: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(bytes)
    try cursor.skip(2)
    while true {
      let marker = try Self.nextMarker(&cursor)
      if marker == 0xD9 || marker == 0xDA { break }
      if marker == 0x01 || (0xD0...0xD8).contains(marker) { continue }
      let length = Int(try cursor.bigEndian(UInt16.self))
      guard length >= 2 else { throw ImageError(.damaged, "the JPEG file has a segment without a length") }
      let segment = try cursor.take(length - 2)
      switch marker {
      case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(marker):
        try readFrame(segment)
        isSequential = [0xC0, 0xC1, 0xC9].contains(marker)
        frameEnd = cursor.position
        return
      case 0xE1:
        if orientation == 1 { orientation = ExifOrientation.find(in: segment) }
      case 0xE2:
        if segment.count > 14, segment.starts(with: "ICC_PROFILE\0".utf8) {
          profileParts.append((segment[12], segment[13], Array(segment[14...])))
        }
      default: break
      }
    }
    throw ImageError(.damaged, "the JPEG file has no frame header; the file is damaged")
  }

  /// The ICC profile; nil when there is none, or a part of it is missing.
  var profile: ColourProfile? {
    let parts = profileParts.sorted { $0.number < $1.number }
    guard let first = parts.first, parts.map(\.number) == (1...max(1, first.count)).map({ $0 }) else {
      return nil
    }
    return .icc(parts.flatMap(\.bytes))
  }

  private mutating func readFrame(_ segment: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(segment)
    precision = Int(try cursor.byte())
    height = Int(try cursor.bigEndian(UInt16.self))
    width = Int(try cursor.bigEndian(UInt16.self))
    components = Int(try cursor.byte())
    guard precision == 8 else {
      throw ImageError(.unsupported, "JPEG with \(precision) bits a sample; convert it to 8 bits")
    }
    guard [1, 3, 4].contains(components) else {
      throw ImageError(.unsupported, "JPEG with \(components) colour components; convert it to RGB")
    }
  }

  /// Bytes between segments are skipped, as libjpeg does.
  private static func nextMarker(_ cursor: inout ByteCursor) throws -> UInt8 {
    while true {
      while try cursor.byte() != 0xFF {}
      var code = try cursor.byte()
      while code == 0xFF { code = try cursor.byte() }
      if code != 0 { return code }
    }
  }

  /// Whether an end-of-image marker follows the frame header (one in an EXIF thumbnail lies before it).
  func hasEnd(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = bytes.count - 1
    while index > frameEnd {
      if bytes[index] == 0xD9, bytes[index - 1] == 0xFF { return true }
      index -= 1
    }
    return false
  }
}

/// The orientation tag (274) of EXIF data (CIPA DC-008): a TIFF directory, in JPEG behind `Exif\0\0`.
enum ExifOrientation {
  /// The orientation 2...8, or 1 when there is none.
  static func find(in segment: UnsafeRawBufferPointer) -> Int {
    let isMarked = segment.starts(with: Array("Exif\0\0".utf8))
    return (try? search(UnsafeRawBufferPointer(rebasing: segment.dropFirst(isMarked ? 6 : 0)))) ?? 1
  }

  private static func search(_ tiff: UnsafeRawBufferPointer) throws -> Int? {
    guard tiff.count >= 8 else { return nil }
    let isLittle = tiff[0] == 0x49
    var cursor = ByteCursor(tiff, at: 4)
    let directory = Int(try isLittle ? cursor.littleEndian(UInt32.self) : cursor.bigEndian(UInt32.self))
    cursor = ByteCursor(tiff, at: directory)
    let entries = try isLittle ? cursor.littleEndian(UInt16.self) : cursor.bigEndian(UInt16.self)
    for _ in 0..<entries {
      var entry = ByteCursor(try cursor.take(12))
      let tag = try isLittle ? entry.littleEndian(UInt16.self) : entry.bigEndian(UInt16.self)
      guard tag == 274 else { continue }
      try entry.skip(6)
      let value = Int(try isLittle ? entry.littleEndian(UInt16.self) : entry.bigEndian(UInt16.self))
      return (1...8).contains(value) ? value : nil
    }
    return nil
  }
}

/// Writes RGB as baseline JPEG.
enum JPEGEncoder {
  static func encode(_ image: Image, quality: Int) throws -> [UInt8] {
    guard (1...100).contains(quality) else {
      throw ImageError(.encoding, "JPEG quality must lie in 1...100, not \(quality)")
    }
    guard max(image.width, image.height) <= 65_500 else {
      throw ImageError(
        .encoding,
        "JPEG holds at most 65500 pixels a side, not \(image.width)x\(image.height)"
      )
    }
    if let problem = adbvec_jpeg_problem() { throw ImageError(.encoding, String(cString: problem)) }
    var size = 0
    let file = image.rgb.withUnsafeBufferPointer {
      adbvec_jpeg_encode(
        $0.baseAddress,
        UInt32(image.width),
        UInt32(image.height),
        Int32(quality),
        quality > 90 ? 1 : 0,
        &size
      )
    }
    guard let file else {
      throw ImageError(.encoding, "the image cannot be written as JPEG; there may be no memory left")
    }
    defer { free(file) }
    return Array(UnsafeBufferPointer(start: file, count: size))
  }
}
