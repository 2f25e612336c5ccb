/// A text held as UTF-8, which knows where its lines begin.
public struct SourceText: Sendable, Hashable {
  /// The text's bytes.
  public let utf8: [UInt8]

  /// The text of a string.
  public init(_ text: String) {
    utf8 = Array(text.utf8)
  }

  /// The text of bytes that are known to be UTF-8.
  public init(utf8: [UInt8]) {
    self.utf8 = utf8
  }

  /// The whole text as a string.
  public var string: String { String(decoding: utf8, as: UTF8.self) }

  /// The text in a range of bytes.
  public subscript(range: Range<Int>) -> String {
    String(decoding: utf8[range.clamped(to: 0..<utf8.count)], as: UTF8.self)
  }

  /// The place of a byte; offsets beyond the end give the place after the last byte.
  public func position(at offset: Int) -> SourcePosition {
    let offset = min(max(offset, 0), utf8.count)
    var line = 1
    var start = 0
    for index in 0..<offset where utf8[index] == Byte.newline {
      line += 1
      start = index + 1
    }
    return SourcePosition(utf8Offset: offset, line: line, column: scalarCount(in: start..<offset) + 1)
  }

  /// The line that holds a byte, without its line end.
  public func line(at offset: Int) -> String {
    let offset = min(max(offset, 0), utf8.count)
    let start = utf8[..<offset].lastIndex(of: Byte.newline).map { $0 + 1 } ?? 0
    let end = utf8[offset...].firstIndex(of: Byte.newline) ?? utf8.count
    let line = self[start..<end]
    return line.hasSuffix("\r") ? String(line.dropLast()) : line
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

  private func scalarCount(in range: Range<Int>) -> Int {
    utf8[range].reduce(0) { $0 + (Byte.isContinuation($1) ? 0 : 1) }
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
