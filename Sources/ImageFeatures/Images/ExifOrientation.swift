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
