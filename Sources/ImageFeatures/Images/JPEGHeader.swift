/// What a JPEG file says before its pixels (ITU-T T.81, annex B), and where its end-of-image marker is.
struct JPEGHeader {
  private(set) var width = 0
  private(set) var height = 0
  private(set) var components = 0
  private(set) var precision = 8
  /// EXIF's orientation 1...8; 1 is upright.
  private(set) var orientation = 1
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
        frameEnd = cursor.position
        return
      case 0xE1:
        if orientation == 1 { orientation = ExifOrientation.find(in: segment) }
      default: break
      }
    }
    throw ImageError(.damaged, "the JPEG file has no frame header; the file is damaged")
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
