internal import SQLLexer

/// Reads the part of TOML that parameter declarations need: tables, and keys with strings, integers, booleans and
/// one-line arrays. Each value keeps its place, so that a wrong declaration can be pointed at.
struct TOMLReader {
  let file: SourceFile
  private var offset = 0

  init(_ file: SourceFile) { self.file = file }

  mutating func read() throws -> [TOMLTable] {
    var tables: [TOMLTable] = []
    while true {
      skipBlank(acrossLines: true)
      guard let byte = peek() else { return tables }
      if byte == UInt8(ascii: "[") {
        tables.append(try header())
      } else {
        let entry = try keyAndValue()
        guard !tables.isEmpty else {
          throw error("a key stands before the first [table]", entry.value.offset)
        }
        guard !tables[tables.count - 1].values.contains(where: { $0.key == entry.key }) else {
          throw error("the key \(entry.key) is given twice", entry.value.offset)
        }
        tables[tables.count - 1].values.append(entry)
      }
      skipBlank(acrossLines: false)
      guard peek() == nil || peek() == UInt8(ascii: "\n") else { throw error("unexpected text", offset) }
    }
  }

  private mutating func header() throws -> TOMLTable {
    let start = offset
    offset += 1
    var path = [try bareKey()]
    while peek() == UInt8(ascii: ".") {
      offset += 1
      path.append(try bareKey())
    }
    try expect("]")
    return TOMLTable(path: path, offset: start, values: [])
  }

  private mutating func keyAndValue() throws -> (key: String, value: TOMLValue) {
    let key = try bareKey()
    skipBlank(acrossLines: false)
    try expect("=")
    skipBlank(acrossLines: false)
    let start = offset
    return (key, TOMLValue(content: try value(), offset: start))
  }

  private mutating func value(_ depth: Int = 0) throws -> TOMLValue.Content {
    switch peek() {
    case UInt8(ascii: "\""): return .string(try basicString())
    case UInt8(ascii: "'"): return .string(try literalString())
    case UInt8(ascii: "["): return .array(try array(depth))
    default: break
    }
    let start = offset
    while let byte = peek(), !Self.endsValue(byte) { offset += 1 }
    let word = file.text[start..<offset]
    if word == "true" || word == "false" { return .boolean(word == "true") }
    guard let number = Int(word.filter { $0 != "_" }) else {
      throw error("expected a string in quotes, an integer, true, false or [a list]", start)
    }
    return .integer(number)
  }

  private mutating func array(_ depth: Int) throws -> [TOMLValue.Content] {
    guard depth < 8 else { throw error("lists are nested too deep", offset) }
    var items: [TOMLValue.Content] = []
    offset += 1
    while true {
      skipBlank(acrossLines: true)
      if peek() == UInt8(ascii: "]") { break }
      items.append(try value(depth + 1))
      skipBlank(acrossLines: true)
      guard peek() == UInt8(ascii: ",") else { break }
      offset += 1
    }
    try expect("]")
    return items
  }

  private mutating func basicString() throws -> String {
    let start = offset
    offset += 1
    var bytes: [UInt8] = []
    while let byte = peek(), byte != UInt8(ascii: "\n") {
      offset += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") { bytes.append(try escape()) } else { bytes.append(byte) }
    }
    throw error("the string has no end", start)
  }

  private mutating func escape() throws -> UInt8 {
    defer { offset += 1 }
    switch peek() {
    case UInt8(ascii: "\""): return UInt8(ascii: "\"")
    case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
    case UInt8(ascii: "n"): return UInt8(ascii: "\n")
    case UInt8(ascii: "t"): return UInt8(ascii: "\t")
    default: throw error("unknown escape; known: \\\" \\\\ \\n \\t", offset - 1)
    }
  }

  private mutating func literalString() throws -> String {
    let start = offset
    offset += 1
    while let byte = peek(), byte != UInt8(ascii: "\n") {
      offset += 1
      if byte == UInt8(ascii: "'") { return file.text[start + 1..<offset - 1] }
    }
    throw error("the string has no end", start)
  }

  private mutating func bareKey() throws -> String {
    let start = offset
    while let byte = peek(), Self.isBareKey(byte) { offset += 1 }
    guard offset > start else { throw error("expected a name of letters, digits, _ or -", start) }
    return file.text[start..<offset]
  }

  private mutating func expect(_ symbol: Unicode.Scalar) throws {
    guard let byte = peek(), byte == UInt8(ascii: symbol) else { throw error("expected \(symbol)", offset) }
    offset += 1
  }

  private mutating func skipBlank(acrossLines: Bool) {
    while let byte = peek() {
      if byte == UInt8(ascii: "#") {
        while let next = peek(), next != UInt8(ascii: "\n") { offset += 1 }
      } else if byte == 0x20 || byte == 0x09 || (acrossLines && byte == UInt8(ascii: "\n")) {
        offset += 1
      } else {
        return
      }
    }
  }

  private func peek() -> UInt8? { offset < file.text.utf8.count ? file.text.utf8[offset] : nil }

  private static func isBareKey(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
  }

  private static func endsValue(_ byte: UInt8) -> Bool {
    [0x20, 0x09, 0x0A, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "#")].contains(byte)
  }

  private func error(_ message: String, _ offset: Int) -> MigrationError {
    MigrationError(
      .invalidManifest,
      message,
      at: file.location(offset)
    )
  }
}

/// A value of `parameters.toml`, with its place.
struct TOMLValue: Hashable {
  enum Content: Hashable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([Content])
  }

  var content: Content
  var offset: Int
}

/// A table of `parameters.toml`: `[dim]`, `[dim.pgvector]`.
struct TOMLTable: Hashable {
  var path: [String]
  var offset: Int
  var values: [(key: String, value: TOMLValue)]

  static func == (left: TOMLTable, right: TOMLTable) -> Bool {
    left.path == right.path && left.offset == right.offset
  }

  func hash(into hasher: inout Hasher) { hasher.combine(offset) }
}
