import Basics

/// A strict scanner for the little JSON that headers hold: objects, strings and lists of non-negative integers.
///
/// Foundation's parser would read it too, but builds a tree of a hostile 100 MB header before anything is checked.
struct JSONScanner {
  private var cursor: ByteCursor

  static var malformed: CheckpointError {
    CheckpointError(.damaged, "the header is not the JSON that .safetensors uses")
  }

  init(_ bytes: UnsafeRawBufferPointer) {
    cursor = ByteCursor(bytes)
  }

  /// Reads an object; `member` reads the value of each key.
  mutating func object(_ member: (String, inout JSONScanner) throws -> Void) throws {
    try expect("{")
    if accept("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(key, &self)
    } while accept(",")
    try expect("}")
  }

  /// At most 64 of them.
  mutating func integers() throws -> [Int] {
    var values: [Int] = []
    try expect("[")
    if accept("]") { return values }
    repeat {
      guard values.count < 64 else { throw Self.malformed }
      values.append(try integer())
    } while accept(",")
    try expect("]")
    return values
  }

  mutating func string() throws -> String {
    try expect("\"")
    var text: [UInt8] = []
    while true {
      let byte = try next()
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw Self.malformed }
        return string
      case UInt8(ascii: "\\"): text += try escape()
      case 0..<0x20: throw Self.malformed
      default: text.append(byte)
      }
    }
  }

  /// Nothing but spaces may follow.
  mutating func end() throws {
    skipSpaces()
    guard cursor.remaining == 0 else { throw Self.malformed }
  }

  private mutating func integer() throws -> Int {
    skipSpaces()
    var value = 0
    var digits = 0
    while let digit = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = tens.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
      guard !overflow, !carried else { throw Self.malformed }
      value = sum
      digits += 1
      _ = try next()
    }
    guard digits > 0 else { throw Self.malformed }
    return value
  }

  private mutating func escape() throws -> [UInt8] {
    switch try next() {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return try unicode()
    default: throw Self.malformed
    }
  }

  private mutating func unicode() throws -> [UInt8] {
    var value = try hexadecimal()
    if (0xD800...0xDBFF).contains(value) {
      guard try next() == UInt8(ascii: "\\"), try next() == UInt8(ascii: "u") else { throw Self.malformed }
      let low = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(low) else { throw Self.malformed }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw Self.malformed }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try next())).hexDigitValue else { throw Self.malformed }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard accept(character) else { throw Self.malformed }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpaces()
    guard peek() == UInt8(ascii: character) else { return false }
    return (try? cursor.skip(1)) != nil
  }

  private mutating func skipSpaces() {
    while let byte = peek(), [0x20, 0x09, 0x0A, 0x0D].contains(byte), (try? cursor.skip(1)) != nil {}
  }

  private func peek() -> UInt8? {
    cursor.remaining > 0 ? cursor.bytes[cursor.position] : nil
  }

  private mutating func next() throws -> UInt8 {
    guard cursor.remaining > 0 else { throw Self.malformed }
    return try cursor.byte()
  }
}
