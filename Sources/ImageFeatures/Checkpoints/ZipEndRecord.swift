/// Where a ZIP file's directory begins and how many entries it has: the end record, or ZIP64's.
struct ZipEndRecord {
  let offset: Int
  let entries: Int

  init(_ bytes: UnsafeRawBufferPointer) throws {
    let position = try Self.find(bytes)
    var cursor = ByteCursor(bytes, at: position + 10)
    let count = try cursor.littleEndian(UInt16.self)
    try cursor.skip(4)
    let start = try cursor.littleEndian(UInt32.self)
    if count == .max || start == .max, let wide = try Self.zip64(bytes, before: position) {
      self = wide
    } else {
      self.init(offset: Int(start), entries: Int(count))
    }
    guard offset <= bytes.count, entries <= (bytes.count - offset) / 46 else {
      throw CheckpointError(.damaged, "the archive's directory lies outside the file")
    }
  }

  private init(offset: Int, entries: Int) {
    self.offset = offset
    self.entries = entries
  }

  /// The end record stands in the last 65,557 bytes (22 and a comment).
  private static func find(_ bytes: UnsafeRawBufferPointer) throws -> Int {
    var position = bytes.count - 22
    let lowest = max(0, position - 65_535)
    while position >= lowest {
      if bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self).littleEndian == 0x0605_4B50 {
        return position
      }
      position -= 1
    }
    throw CheckpointError(
      .truncated,
      "the archive has no directory: it is cut off; copy or download it again"
    )
  }

  private static func zip64(_ bytes: UnsafeRawBufferPointer, before position: Int) throws -> ZipEndRecord? {
    guard position >= 20 else { return nil }
    var locator = ByteCursor(bytes, at: position - 20)
    guard try locator.littleEndian(UInt32.self) == 0x0706_4B50 else { return nil }
    try locator.skip(4)
    guard let place = Int(exactly: try locator.littleEndian(UInt64.self)), place <= bytes.count else {
      throw ByteCursor.OutOfBounds()
    }
    var record = ByteCursor(bytes, at: place)
    guard try record.littleEndian(UInt32.self) == 0x0606_4B50 else { throw ByteCursor.OutOfBounds() }
    try record.skip(28)
    let count = Int(exactly: try record.littleEndian(UInt64.self))
    try record.skip(8)
    let offset = Int(exactly: try record.littleEndian(UInt64.self))
    guard let count, let offset else { throw ByteCursor.OutOfBounds() }
    return ZipEndRecord(offset: offset, entries: count)
  }
}
