/// Reads a vector from its text: `{1,2}` (PostgreSQL arrays), `[1, 2]` (pgvector, Python, JSON), with any blanks.
enum VectorText {
  /// Appends the numbers.
  /// - Throws: `RowProblem`.
  static func append(_ text: UnsafeRawBufferPointer, to values: inout [Float]) throws {
    let before = values.count
    var index = 0
    skipBlanks(text, &index)
    guard index < text.count, let close = closing(text[index]) else {
      throw RowProblem("a vector is written {1,2,…} or [1,2,…]")
    }
    index += 1
    while true {
      skipBlanks(text, &index)
      guard let value = FloatScanner.scan(text, &index) else {
        throw RowProblem("its vector has something other than a number at element \(values.count - before)")
      }
      values.append(value)
      skipBlanks(text, &index)
      guard index < text.count else { throw RowProblem("its vector is cut short") }
      let byte = text[index]
      index += 1
      if byte == UInt8(ascii: ",") { continue }
      guard byte == close else {
        throw RowProblem("its vector has something other than a comma between numbers")
      }
      skipBlanks(text, &index)
      guard index == text.count else { throw RowProblem("text follows the vector") }
      return
    }
  }

  private static func closing(_ open: UInt8) -> UInt8? {
    switch open {
    case UInt8(ascii: "{"): UInt8(ascii: "}")
    case UInt8(ascii: "["): UInt8(ascii: "]")
    default: nil
    }
  }

  @inline(__always)
  private static func skipBlanks(_ text: UnsafeRawBufferPointer, _ index: inout Int) {
    while index < text.count, text[index] == 0x20 || text[index] == 0x09 || text[index] == 0x0D { index += 1 }
  }
}
