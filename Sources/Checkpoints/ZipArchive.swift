import Basics

/// The directory of a ZIP file (PKWARE APPNOTE 6.3.10), with ZIP64, as far as PyTorch writes it: entries stored as
/// they are, which are read in place, or deflated, which are inflated within a limit.
struct ZipArchive {
  struct Entry {
    let method: UInt16
    let compressedSize: Int
    let size: Int
    let headerOffset: Int
    let checksum: UInt32
  }

  /// The most bytes that all deflated entries together may grow to.
  static let inflationLimit = 2 << 30

  let image: FileImage
  private(set) var entries: [String: Entry] = [:]

  init(_ image: FileImage, inflationLimit: Int = inflationLimit) throws {
    self.image = image
    let directory = try ZipEndRecord(image.bytes)
    var cursor = ByteCursor(image.bytes, at: directory.offset)
    var inflated = 0
    for _ in 0..<directory.entries {
      let (name, entry) = try Self.readEntry(&cursor)
      if entry.method != 0 { inflated = inflated.addingReportingOverflow(entry.size).partialValue }
      guard (0...inflationLimit).contains(inflated) else {
        throw CheckpointError(
          .tooLarge,
          "the archive would inflate to more than \(inflationLimit >> 30) GiB"
        )
      }
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw CheckpointError(.damaged, "the archive holds \"\(CheckpointError.printable(name))\" twice")
      }
    }
  }

  /// An entry's bytes.
  func region(of name: String) throws -> FileRegion {
    guard let entry = entries[name] else {
      throw CheckpointError(.damaged, "the archive lacks \"\(CheckpointError.printable(name))\"")
    }
    let stored = try storedRegion(of: entry)
    switch entry.method {
    case 0:
      guard entry.size == entry.compressedSize else { throw Self.inconsistent(name) }
      return stored
    case 8:
      return try inflate(stored, to: entry.size, name)
    default:
      throw CheckpointError(
        .unsupported,
        "the archive uses compression method \(entry.method); save it uncompressed"
      )
    }
  }

  fileprivate func storedRegion(of entry: Entry) throws -> FileRegion {
    var cursor = ByteCursor(image.bytes, at: entry.headerOffset)
    guard try cursor.littleEndian(UInt32.self) == 0x0403_4B50 else {
      throw CheckpointError(.damaged, "the archive's directory points nowhere")
    }
    try cursor.skip(22)
    let nameLength = Int(try cursor.littleEndian(UInt16.self))
    let extraLength = Int(try cursor.littleEndian(UInt16.self))
    try cursor.skip(nameLength + extraLength)
    let start = cursor.position
    try cursor.skip(entry.compressedSize)
    return try FileRegion(image, start..<cursor.position)
  }

  private func inflate(_ stored: FileRegion, to size: Int, _ name: String) throws -> FileRegion {
    guard size / 1032 <= stored.range.count else {
      throw CheckpointError(
        .tooLarge,
        "\"\(CheckpointError.printable(name))\" would inflate from \(stored.range.count) to \(size) bytes"
      )
    }
    var bytes = [UInt8](repeating: 0, count: size)
    let inflater = try Inflater(.none)
    let produced = try stored.withBytes { input in
      try bytes.withUnsafeMutableBytes { try inflater.inflate(input, into: $0).produced }
    }
    guard produced == size else { throw Self.inconsistent(name) }
    return try FileRegion(FileImage(copying: bytes), 0..<size)
  }

  private static func inconsistent(_ name: String) -> CheckpointError {
    CheckpointError(.damaged, "the sizes of \"\(CheckpointError.printable(name))\" in the archive disagree")
  }

  private static func readEntry(_ cursor: inout ByteCursor) throws -> (String, Entry) {
    guard try cursor.littleEndian(UInt32.self) == 0x0201_4B50 else {
      throw CheckpointError(.damaged, "the archive's directory is damaged")
    }
    try cursor.skip(4)
    let flags = try cursor.littleEndian(UInt16.self)
    guard flags & 1 == 0 else { throw CheckpointError(.unsupported, "the archive is encrypted") }
    let method = try cursor.littleEndian(UInt16.self)
    try cursor.skip(4)
    let checksum = try cursor.littleEndian(UInt32.self)
    let compressed = try cursor.littleEndian(UInt32.self)
    let size = try cursor.littleEndian(UInt32.self)
    let nameLength = Int(try cursor.littleEndian(UInt16.self))
    let extraLength = Int(try cursor.littleEndian(UInt16.self))
    let commentLength = Int(try cursor.littleEndian(UInt16.self))
    try cursor.skip(8)
    let offset = try cursor.littleEndian(UInt32.self)
    let name = String(decoding: try cursor.take(nameLength), as: UTF8.self)
    let wide = try widened([size, compressed, offset], by: try cursor.take(extraLength))
    try cursor.skip(commentLength)
    let entry = Entry(
      method: method,
      compressedSize: wide[1],
      size: wide[0],
      headerOffset: wide[2],
      checksum: checksum
    )
    return (name, entry)
  }

  /// Replaces each saturated 32-bit field by the ZIP64 extra field's, in its order.
  private static func widened(_ fields: [UInt32], by extra: UnsafeRawBufferPointer) throws -> [Int] {
    var values = fields.map(Int.init)
    guard fields.contains(.max) else { return values }
    var cursor = ByteCursor(extra)
    while cursor.remaining >= 4 {
      let tag = try cursor.littleEndian(UInt16.self)
      var body = ByteCursor(try cursor.take(Int(try cursor.littleEndian(UInt16.self))))
      guard tag == 1 else { continue }
      for index in fields.indices where fields[index] == .max {
        guard let value = Int(exactly: try body.littleEndian(UInt64.self)) else {
          throw ByteCursor.OutOfBounds()
        }
        values[index] = value
      }
      return values
    }
    return values
  }
}

/// A file in a ZIP archive, to be read where it lies.
package struct ZipMember: Sendable, Hashable {
  /// Its path in the archive.
  package let name: String
  /// Where its bytes are in the archive's file.
  package let range: Range<Int>
  /// Whether they are deflated; stored as they are otherwise.
  package let isDeflated: Bool
  /// The CRC-32 of the content.
  package let checksum: UInt32

  /// The members of the archive in an open file, in the order of their places.
  /// - Throws: `CheckpointError`.
  package static func all(in descriptor: Int32, name: String) throws -> [ZipMember] {
    try CheckpointError.naming(name) {
      // Nothing is inflated here.
      let archive = try ZipArchive(FileImage(mapping: descriptor, name: name), inflationLimit: .max)
      let members = try archive.entries.map { name, entry in
        guard entry.method == 0 || entry.method == 8 else {
          throw CheckpointError(.unsupported, "the archive uses compression method \(entry.method)")
        }
        let range = try archive.storedRegion(of: entry).range
        return ZipMember(name: name, range: range, isDeflated: entry.method == 8, checksum: entry.checksum)
      }
      return members.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }
  }
}

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
