import FoundationEssentials
internal import Glibc

/// Reads the tutorial's feature file: `id|class|{0.1,0.2,…}`, one row per line.
///
/// A class is read as PostgreSQL's COPY reads it: `\N` is NULL, nothing is the empty text, and backslash escapes count.
/// Fields may also be quoted as Python's `csv` module does under any of its policies, and a class may be written as
/// Python prints it (`'cat'`, `b'cat'`). Without quotes a class may even hold the delimiter, because neither id nor
/// vector can.
final class FeatureFileReader: FeatureReader {
  private let records: RecordStream
  private let textIDs: TextIDs
  private(set) var dimension: Int?
  var name: String { records.name }
  var expectedCount: Int? { nil }
  let byteCount: Int?

  init(stream: ByteStream, byteCount: Int?, textIDs: TextIDs = .none) {
    self.textIDs = textIDs
    records = RecordStream(stream: stream, delimiter: UInt8(ascii: "|"))
    self.byteCount = byteCount
  }

  func skip(to place: SourcePlace) throws {
    try records.skip(to: place)
  }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    try records.fill(&batch, limit: limit) { record, bytes, batch in
      guard record.fields.count >= 3 else {
        throw RowProblem("expected id|class|{vector} and found \(record.fields.count) fields")
      }
      let vector = record.fields[record.fields.count - 1]
      let text = UnsafeRawBufferPointer(rebasing: bytes[vector.start..<vector.end])
      let id = try RowProblem.id(record.fields[0], in: bytes, textIDs)
      try batch.appendRow(id: id, label: try Self.label(record.fields, in: bytes), &dimension) {
        try VectorText.append(text, to: &$0)
      }
    }
  }

  /// The fields between id and vector; several are one class with delimiters in it.
  private static func label(
    _ fields: [DelimitedScanner.Field],
    in bytes: UnsafeRawBufferPointer
  ) throws(RowProblem) -> String? {
    guard fields.count > 3 || fields[1].isQuoted else {
      let text = try RowProblem.label(fields[1], in: bytes)
      return text == "\\N" ? nil : try CopyText.label(text)
    }
    guard fields.count > 3 else { return try RowProblem.label(fields[1], in: bytes) }
    let whole = DelimitedScanner.Field(
      start: fields[1].start,
      end: fields[fields.count - 2].end,
      isQuoted: false,
      hasDoubledQuotes: false
    )
    return try CopyText.label(try RowProblem.label(whole, in: bytes))
  }
}

extension FeatureFileReader {
  /// Whether bytes are how the tutorial's feature file begins: `id|class|{`, with a number as the id.
  static func recognises(_ head: [UInt8]) -> Bool {
    let text = String(decoding: head, as: UTF8.self)
    return text.prefix { $0 != "\n" }.split(separator: "|", maxSplits: 2).count == 3
      && text.first { !$0.isWhitespace && $0 != "\"" }?.isNumber == true
  }
}

extension FeatureSource {
  /// Whether the first bytes of a file are those of the tutorial's feature file.
  package static func isFeatureFile(_ path: String) -> Bool {
    // Opening a pipe that nobody writes to would wait for ever.
    let descriptor = Glibc.open(FileSystem.terminated(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let head = [UInt8](unsafeUninitializedCapacity: 4096) {
      $1 = max(0, Glibc.read(descriptor, $0.baseAddress, $0.count))
    }
    return FeatureFileReader.recognises(head)
  }
}

/// The text format of PostgreSQL's COPY.
enum CopyText {
  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t", "v": "\u{B}",
  ]

  /// A class from a field without quotes.
  /// - Throws: `RowProblem` where the bytes that it names are not text.
  static func label(_ field: String) throws(RowProblem) -> String {
    guard field.utf8.contains(UInt8(ascii: "\\")) else { return PythonLiteral.unquoted(field) }
    // A field that Python printed has Python's escapes, of which quotes and backslashes mean the same.
    let text = field.utf8.first == UInt8(ascii: "\\") ? field : PythonLiteral.unquoted(field)
    var plain: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let escaped = rest.first else {
        plain.append(byte)
        continue
      }
      if let (value, length) = code(rest) {
        plain.append(value)
        rest = rest.dropFirst(length)
      } else if let meaning = escapes[Unicode.Scalar(escaped)] {
        plain.append(UInt8(ascii: meaning))
        rest = rest.dropFirst()
      } else {
        plain.append(escaped)
        rest = rest.dropFirst()
      }
    }
    guard let label = String(validating: plain, as: UTF8.self) else {
      throw RowProblem("its class is not UTF-8")
    }
    return label
  }

  /// The byte that `101` or `x41` behind a backslash names, and the characters that do it.
  private static func code(_ rest: ArraySlice<UInt8>) -> (UInt8, length: Int)? {
    let isHexadecimal = rest.first == UInt8(ascii: "x")
    let (skipped, longest, radix) = isHexadecimal ? (1, 2, 16) : (0, 3, 8)
    let digits = rest.dropFirst(skipped).prefix(longest)
      .prefix { Character(Unicode.Scalar($0)).hexDigitValue.map { $0 < radix } ?? false }
    guard !digits.isEmpty else { return nil }
    let value = Int(String(decoding: digits, as: UTF8.self), radix: radix) ?? 0
    return (UInt8(truncatingIfNeeded: value), skipped + digits.count)
  }

  /// A class as a field; NULL is `\N`.
  static func field(_ label: String?, delimiter: Unicode.Scalar) -> String {
    guard let label else { return "\\N" }
    let isPythons = PythonLiteral.unquoted(label) != label
    var text = String.UnicodeScalarView()
    for (index, scalar) in label.unicodeScalars.enumerated() {
      if let letter = escapes.first(where: { $0.value == scalar })?.key {
        text.append(contentsOf: ["\\", letter])
      } else if scalar == "\\" || scalar == delimiter || index == 0 && scalar == "\""
        || isPythons && (scalar == "'" || scalar == "\"")
      {
        text.append(contentsOf: ["\\", scalar])
      } else {
        text.append(scalar)
      }
    }
    return String(text)
  }
}

/// The forms that Python's `repr` gives a short text.
enum PythonLiteral {
  /// The content of `'cat'` or `b'cat'`; any other text as it is.
  static func unquoted(_ text: String) -> String {
    let body = text.hasPrefix("b'") || text.hasPrefix("b\"") ? text.dropFirst() : text[...]
    guard body.count >= 2, let quote = body.first, quote == "'" || (quote == "\"" && text.first == "b"),
      body.last == quote
    else { return text }
    return String(body.dropFirst().dropLast())
  }
}

/// Reads a vector from its text: `{1,2}` (PostgreSQL arrays), `[1, 2]` (pgvector, Python, JSON), `[1. 2.]` (NumPy as
/// pandas writes it), with any blanks and line ends.
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
        throw oddElement(values.count - before, text, index)
      }
      values.append(value)
      let end = index
      skipBlanks(text, &index)
      guard index < text.count else { throw RowProblem("its vector is cut short") }
      let byte = text[index]
      if byte == UInt8(ascii: ",") {
        index += 1
        continue
      }
      // NumPy puts blanks alone between numbers.
      if byte != close, index > end, close == UInt8(ascii: "]") { continue }
      guard byte == close else {
        if byte == UInt8(ascii: ":") {
          throw RowProblem(
            "its vector is sparse. Fix: write it in full, such as vector::vector in PostgreSQL"
          )
        }
        throw RowProblem("its vector has something other than a comma between numbers")
      }
      index += 1
      skipBlanks(text, &index)
      guard index == text.count else {
        if close == UInt8(ascii: "}"), text[index] == UInt8(ascii: "/") {
          throw RowProblem(
            "its vector is sparse. Fix: write it in full, such as vector::vector in PostgreSQL"
          )
        }
        throw RowProblem("text follows the vector")
      }
      return
    }
  }

  private static func oddElement(_ element: Int, _ text: UnsafeRawBufferPointer, _ index: Int) -> RowProblem {
    let rest = text[index...]
    if rest.starts(with: Array("...".utf8)) {
      return RowProblem(
        "its vector was shortened by NumPy, which prints ... for what is left out. Fix: write array.tolist()"
      )
    }
    if element == 0, let byte = rest.first, byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
      return RowProblem("its vector is empty. Fix: leave rows without a vector out of the file")
    }
    if rest.first == UInt8(ascii: "[") {
      return RowProblem("its vector holds vectors. Fix: write one vector a row, such as array[0]")
    }
    if rest.starts(with: Array("NULL".utf8)) || rest.starts(with: Array("null".utf8)) {
      return RowProblem("its vector has NULL at element \(element). Fix: leave such rows out of the file")
    }
    return RowProblem("its vector has something other than a number at element \(element)")
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
    while index < text.count, text[index] == 0x20 || (0x09...0x0D).contains(text[index]) { index += 1 }
  }
}
