/// Reads a JSON object a line. The members `id`, `class` (or `label`) and `vector` (or `embedding`, `image_vector`,
/// `features`) are taken, others passed over; without `id` ids are row numbers.
final class JSONLinesReader: FeatureReader {
  private let records: RecordStream
  private var position = 0
  private(set) var dimension: Int?

  var name: String { records.name }
  var expectedCount: Int? { nil }
  let byteCount: Int?

  init(stream: ByteStream, byteCount: Int?) {
    records = RecordStream(lines: stream)
    self.byteCount = byteCount
  }

  func skip(to place: SourcePlace) throws {
    position = place.position
    try records.skip(to: place)
  }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    try records.fill(&batch, limit: limit) { record, bytes, batch in
      let line = UnsafeRawBufferPointer(rebasing: bytes[record.fields[0].start..<record.fields[0].end])
      var row = Row(id: Int64(position))
      try row.read(line)
      try batch.appendRow(id: row.id, label: row.label, &dimension) { $0.append(contentsOf: row.vector) }
      position += 1
    }
  }

  /// The members of a line that matter.
  private struct Row {
    var id: Int64
    var label: String?
    var vector: [Float] = []

    mutating func read(_ line: UnsafeRawBufferPointer) throws {
      var scanner = JSONScanner(line)
      guard scanner.take("{") else { throw RowProblem("a line is a JSON object {…}") }
      repeat {
        let key = try scanner.string()
        guard scanner.take(":") else { throw RowProblem("a colon was expected behind \"\(key.prefix(24))\"") }
        switch key {
        case "id": id = try scanner.integer()
        case "class", "label": label = try Self.label(&scanner)
        case "vector", "embedding", "image_vector", "features":
          vector.removeAll()
          try scanner.numbers(into: &vector)
        default: try scanner.skipValue()
        }
      } while scanner.take(",")
      guard scanner.take("}") else { throw RowProblem("the JSON object is cut short") }
      scanner.skipBlanks()
      guard scanner.isAtEnd else { throw RowProblem("text follows the JSON object") }
      guard !vector.isEmpty else { throw RowProblem("it has no member \"vector\" with numbers") }
    }

    private static func label(_ scanner: inout JSONScanner) throws -> String? {
      if scanner.isAtString { return try scanner.string() }
      let word = try scanner.word()
      guard word != "null" else { return nil }
      guard word == "true" || word == "false" || Double(word) != nil else {
        throw RowProblem("its class is neither text nor a number")
      }
      return word
    }
  }
}

/// Walks over one JSON object (RFC 8259) without building a tree.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private(set) var index = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

  mutating func skipBlanks() {
    while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
  }

  var isAtEnd: Bool { index == bytes.count }

  /// Takes a punctuation mark, blanks before it.
  mutating func take(_ mark: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard byte == UInt8(ascii: mark) else { return false }
    index += 1
    return true
  }

  /// Whether a string follows, blanks before it.
  var isAtString: Bool {
    var ahead = self
    return ahead.take("\"")
  }

  /// A number, `true`, `false` or `null` as it is written.
  mutating func word() throws -> String {
    skipBlanks()
    let start = index
    skipWord()
    return String(decoding: bytes[start..<min(index, bytes.count)], as: UTF8.self)
  }

  mutating func string() throws -> String {
    guard take("\"") else { throw RowProblem("a JSON string was expected at byte \(index)") }
    var content: [UInt8] = []
    while let byte {
      index += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw RowProblem("a JSON string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(into: &content)
      case 0..<0x20: throw RowProblem("a control character stands in a JSON string")
      default: content.append(byte)
      }
    }
    throw RowProblem("a JSON string does not end")
  }

  private mutating func escape(into content: inout [UInt8]) throws {
    guard let byte else { throw RowProblem("a JSON string does not end") }
    index += 1
    switch byte {
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "u"): content.append(contentsOf: String(try unicodeEscape()).utf8)
    default: throw RowProblem("a JSON string has an unknown escape")
    }
  }

  /// A scalar from `\uXXXX`, or from a surrogate pair of them; a lone surrogate becomes U+FFFD.
  private mutating func unicodeEscape() throws -> Unicode.Scalar {
    let first = try hexadecimal()
    if (0xD800..<0xDC00).contains(first), index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index + 1] == UInt8(ascii: "u")
    {
      let mark = index
      index += 2
      let second = try hexadecimal()
      if (0xDC00..<0xE000).contains(second) {
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
      }
      index = mark
    }
    return Unicode.Scalar(first) ?? "\u{FFFD}"
  }

  private mutating func hexadecimal() throws -> UInt32 {
    guard index + 4 <= bytes.count,
      let value = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
    else { throw RowProblem("a JSON string has a broken \\u escape") }
    index += 4
    return value
  }

  /// A number that is a whole one.
  mutating func integer() throws -> Int64 {
    skipBlanks()
    let start = index
    while let byte, byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) { index += 1 }
    guard let value = Int64(String(decoding: bytes[start..<index], as: UTF8.self)) else {
      throw RowProblem("an integer was expected at byte \(start)")
    }
    return value
  }

  /// An array of numbers.
  mutating func numbers(into values: inout [Float]) throws {
    guard take("[") else { throw RowProblem("an array of numbers was expected at byte \(index)") }
    repeat {
      skipBlanks()
      guard let value = FloatScanner.scan(bytes, &index) else {
        throw RowProblem("its vector has something other than a number at element \(values.count)")
      }
      values.append(value)
    } while take(",")
    guard take("]") else { throw RowProblem("its vector is cut short") }
  }

  /// Passes over a value of any kind.
  mutating func skipValue() throws {
    var depth = 0
    repeat {
      skipBlanks()
      switch byte {
      case UInt8(ascii: "\""): _ = try string()
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        index += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"): index += 1
      case .some: skipWord()
      case nil: throw RowProblem("the JSON object is cut short")
      }
    } while depth > 0
  }

  private mutating func skipWord() {
    repeat { index += 1 } while byte.map { !",:]}[{\" \t\r\n".utf8.contains($0) } ?? false
  }
}
