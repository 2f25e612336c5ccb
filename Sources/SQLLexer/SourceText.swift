/// A text held as UTF-8, which knows where its lines begin.
public struct SourceText: Sendable, Hashable {
  /// The text's bytes.
  public let utf8: [UInt8]

  /// What stands before each block of bytes but the first, so that a place is found without reading all before it: a
  /// file of many statements is asked for the place of each.
  private let blocks: [Place]

  /// Line and column before a byte, both from 0.
  private struct Place: Sendable {
    var line = 0
    var column = 0

    mutating func pass(_ byte: UInt8) {
      if byte == Byte.newline {
        line += 1
        column = 0
      } else if !Byte.isContinuation(byte) {
        column += 1
      }
    }
  }

  private static let blockSize = 4096

  /// The text of a string.
  public init(_ text: String) {
    self.init(utf8: Array(text.utf8))
  }

  /// The text of bytes that are known to be UTF-8.
  public init(utf8: [UInt8]) {
    self.utf8 = utf8
    var blocks: [Place] = []
    var place = Place()
    if utf8.count > Self.blockSize {
      blocks.reserveCapacity(utf8.count / Self.blockSize)
      utf8.withUnsafeBufferPointer { bytes in
        for start in stride(from: 0, to: bytes.count - Self.blockSize, by: Self.blockSize) {
          for index in start..<start + Self.blockSize { place.pass(bytes[index]) }
          blocks.append(place)
        }
      }
    }
    self.blocks = blocks
  }

  /// Texts of the same bytes are equal.
  public static func == (left: SourceText, right: SourceText) -> Bool { left.utf8 == right.utf8 }

  /// Hashes the bytes.
  public func hash(into hasher: inout Hasher) { hasher.combine(utf8) }

  /// The whole text as a string.
  public var string: String { String(decoding: utf8, as: UTF8.self) }

  /// The text in a range of bytes.
  public subscript(range: Range<Int>) -> String {
    String(decoding: utf8[range.clamped(to: 0..<utf8.count)], as: UTF8.self)
  }

  /// The place of a byte; offsets beyond the end give the place after the last byte.
  public func position(at offset: Int) -> SourcePosition {
    let offset = min(max(offset, 0), utf8.count)
    let block = min(offset / Self.blockSize, blocks.count)
    var place = block > 0 ? blocks[block - 1] : Place()
    for index in block * Self.blockSize..<offset { place.pass(utf8[index]) }
    return SourcePosition(utf8Offset: offset, line: place.line + 1, column: place.column + 1)
  }

  /// The line that holds a byte, without its line end.
  public func line(at offset: Int) -> String {
    let offset = min(max(offset, 0), utf8.count)
    let start = utf8[..<offset].lastIndex(of: Byte.newline).map { $0 + 1 } ?? 0
    let end = utf8[offset...].firstIndex(of: Byte.newline) ?? utf8.count
    return self[start..<(end > start && utf8[end - 1] == Byte.carriageReturn ? end - 1 : end)]
  }

  /// The byte offset of a character counted from 1, as PostgreSQL counts in its error positions.
  public func offset(ofCharacter character: Int, from start: Int = 0) -> Int {
    var remaining = character - 1
    var offset = start
    while offset < utf8.count {
      if !Byte.isContinuation(utf8[offset]) {
        if remaining == 0 { return offset }
        remaining -= 1
      }
      offset += 1
    }
    return offset
  }
}

/// A place in a text, as editors and compilers count it.
public struct SourcePosition: Sendable, Hashable {
  /// Bytes before it in UTF-8, from 0.
  public let utf8Offset: Int
  /// The line, from 1.
  public let line: Int
  /// The column in Unicode scalars, from 1.
  public let column: Int

  /// A place given by all three counts.
  public init(utf8Offset: Int, line: Int, column: Int) {
    self.utf8Offset = utf8Offset
    self.line = line
    self.column = column
  }
}
