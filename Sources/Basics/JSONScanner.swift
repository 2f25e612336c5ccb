/// Walks over JSON (RFC 8259) without building a tree: for headers and lines that may be hostile or huge.
///
/// Time and memory are linear in what is read, nesting is limited, and nothing outside the bytes is touched.
package struct JSONScanner {
  /// What is wrong, for a sentence of the reader's own.
  package struct Problem: Error, Hashable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
  }

  /// The deepest nesting of arrays and objects that is passed over.
  package static let depthLimit = 512

  package let bytes: UnsafeRawBufferPointer
  /// The next byte to read.
  package var index = 0

  package init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

  package mutating func skipBlanks() {
    while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
  }

  package var isAtEnd: Bool { index >= bytes.count }

  /// - Throws: ``Problem`` when anything but blanks follows.
  package mutating func end() throws {
    skipBlanks()
    guard isAtEnd else { throw Problem("text follows the JSON value") }
  }

  /// Takes a punctuation mark and the blanks before it, if it comes next.
  package mutating func take(_ mark: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard byte == UInt8(ascii: mark) else { return false }
    index += 1
    return true
  }

  /// Whether a string comes next.
  package var isAtString: Bool {
    var ahead = self
    return ahead.take("\"")
  }

  /// Reads an object; `member` reads the value of each key.
  package mutating func object(_ member: (String, inout JSONScanner) throws -> Void) throws {
    guard take("{") else { throw Problem("a JSON object was expected at byte \(index)") }
    if take("}") { return }
    repeat {
      let key = try string()
      guard take(":") else { throw Problem("a colon was expected at byte \(index)") }
      try member(key, &self)
    } while take(",")
    guard take("}") else { throw Problem("the JSON object is cut short") }
  }

  /// Reads an array; `element` reads each value.
  package mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
    guard take("[") else { throw Problem("a JSON array was expected at byte \(index)") }
    if take("]") { return }
    repeat { try element(&self) } while take(",")
    guard take("]") else { throw Problem("the JSON array is cut short") }
  }

  /// A number, `true`, `false` or `null` as it is written.
  package mutating func word() throws -> String {
    skipBlanks()
    let start = index
    while let byte, Self.isWordByte(byte) { index += 1 }
    guard index > start else { throw Problem("a JSON value was expected at byte \(start)") }
    return String(decoding: bytes[start..<index], as: UTF8.self)
  }

  /// A whole number.
  package mutating func integer() throws -> Int64 {
    skipBlanks()
    let start = index
    while let byte, byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) { index += 1 }
    guard let value = Int64(String(decoding: bytes[start..<index], as: UTF8.self)) else {
      throw Problem("an integer was expected at byte \(start)")
    }
    return value
  }

  /// A finite number.
  package mutating func number() throws -> Double {
    let start = index
    guard let value = Double(try word()), value.isFinite else {
      throw Problem("a number was expected at byte \(start)")
    }
    return value
  }

  /// Reads a string.
  /// - Throws: ``Problem``, also for half of a surrogate pair: two texts that differ in such halves would become one.
  package mutating func string() throws -> String { try string(isRead: true) }

  /// - Parameter isRead: false for a string that is passed over; halves of surrogate pairs, as Python's `surrogateescape`
  ///   leaves in names of files, do no harm there.
  private mutating func string(isRead: Bool) throws -> String {
    guard take("\"") else { throw Problem("a JSON string was expected at byte \(index)") }
    var content: [UInt8] = []
    while let byte {
      index += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw Problem("a JSON string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(into: &content, isRead)
      case 0..<0x20: throw Problem("a control character stands in a JSON string")
      default: content.append(byte)
      }
    }
    throw Problem("a JSON string does not end")
  }

  /// Passes over a value of any kind.
  package mutating func skipValue() throws {
    // The closing marks that are still due, the innermost last.
    var open: [UInt8] = []
    repeat {
      skipBlanks()
      guard let byte else { throw Problem("the JSON value is cut short") }
      switch byte {
      case UInt8(ascii: "\""): _ = try string(isRead: false)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard open.count < Self.depthLimit else {
          throw Problem("the JSON value nests deeper than \(Self.depthLimit) levels")
        }
        open.append(byte == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]"))
        index += 1
        if byte == UInt8(ascii: "{"), !take("}") {
          try key()
          continue
        }
        if byte == UInt8(ascii: "["), !take("]") { continue }
        open.removeLast()
      default: _ = try word()
      }
      try closeOrContinue(&open)
    } while !open.isEmpty
  }

  /// Behind a value: closing marks, or the comma and key before the next value.
  private mutating func closeOrContinue(_ open: inout [UInt8]) throws {
    while let closing = open.last {
      if take(",") {
        if closing == UInt8(ascii: "}") { try key() }
        return
      }
      guard take(Unicode.Scalar(closing)) else {
        throw Problem("a comma or a closing bracket was expected at byte \(index)")
      }
      open.removeLast()
    }
  }

  private mutating func key() throws {
    _ = try string(isRead: false)
    guard take(":") else { throw Problem("a colon was expected at byte \(index)") }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func escape(into content: inout [UInt8], _ isRead: Bool) throws {
    guard let byte else { throw Problem("a JSON string does not end") }
    index += 1
    switch byte {
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "u"): content.append(contentsOf: String(Character(try unicodeEscape(isRead))).utf8)
    default: throw Problem("a JSON string has an unknown escape")
    }
  }

  /// A scalar from `\uXXXX`, or from a surrogate pair of them. Half of a pair is not a character.
  private mutating func unicodeEscape(_ isRead: Bool) throws -> Unicode.Scalar {
    let start = index - 2
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index + 1] == UInt8(ascii: "u")
    {
      index += 2
      let second = try hexadecimal()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    guard !isRead else {
      throw Problem(
        "a JSON string has half of a surrogate pair at byte \(start). Fix: write the text without it"
      )
    }
    return "\u{FFFD}"
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw Problem("a JSON string has a broken \\u escape")
      }
      value = value << 4 | UInt32(digit)
      index += 1
    }
    return value
  }
}
