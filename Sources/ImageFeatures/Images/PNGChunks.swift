import CZlib

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
