import FoundationEssentials
internal import Glibc

/// Finds the fields of one record of delimited text: CSV as RFC 4180 and Python's `csv` module write it, with any
/// delimiter.
///
/// A field in double quotes may hold delimiters, line ends and doubled quotes. A record ends at LF, CR LF or the end of
/// the data.
struct DelimitedScanner {
  /// Nil where a line is one field and quotes mean nothing.
  let delimiter: UInt8?

  /// Where a field's content lies, quotes left out.
  struct Field {
    var start: Int
    var end: Int
    var isQuoted: Bool
    /// Whether a doubled quote stands in it.
    var hasDoubledQuotes: Bool

    /// The content as text; bytes that are not UTF-8 become U+FFFD.
    func text(in bytes: UnsafeRawBufferPointer) -> String {
      validText(in: bytes) ?? String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// The content as text; nil when it is not UTF-8.
    func validText(in bytes: UnsafeRawBufferPointer) -> String? {
      let content = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      guard hasDoubledQuotes else { return String(validating: content, as: UTF8.self) }
      var plain: [UInt8] = []
      var quotePending = false
      for byte in content {
        quotePending = byte == UInt8(ascii: "\"") && !quotePending
        if !quotePending { plain.append(byte) }
      }
      return String(validating: plain, as: UTF8.self)
    }
  }

  /// A record's fields, where the next record starts, how many lines it took and how it ends.
  struct Record {
    let fields: [Field]
    let end: Int
    let lines: Int
    /// Whether the data ended where a line end was expected.
    let isUnterminated: Bool
  }

  private var fields: [Field] = []
  /// Where the line that is being read ends, once it was looked for.
  private var lineEnd: Int?

  init(delimiter: UInt8?) {
    self.delimiter = delimiter
  }

  /// The first record of `bytes`, or nil when it is not complete and `final` is false.
  /// - Throws: `CollectionError` for a quote that is not closed, or closed inside a field.
  mutating func record(
    in bytes: UnsafeRawBufferPointer,
    final: Bool,
    file: String,
    line: Int
  ) throws -> Record? {
    fields.removeAll(keepingCapacity: true)
    lineEnd = nil
    var index = 0
    var lines = 1
    while true {
      let quoted = delimiter != nil && index < bytes.count && bytes[index] == UInt8(ascii: "\"")
      let field =
        quoted
        ? try Self.quotedField(in: bytes, from: index, final: final, &lines, file: file, line: line)
        : plainField(in: bytes, from: index)
      guard let field, let next = separator(after: field, in: bytes, final: final) else { return nil }
      fields.append(trimmed(field, in: bytes))
      switch next {
      case .field(let start): index = start
      case .record(let start):
        let isUnterminated = start == bytes.count && bytes.last != UInt8(ascii: "\n")
        return Record(fields: fields, end: start, lines: lines, isUnterminated: isUnterminated)
      case .none:
        let byte = bytes[field.end + (field.isQuoted ? 1 : 0)]
        if byte == UInt8(ascii: ";") || byte == UInt8(ascii: "\t") {
          throw CollectionError(.damaged, file: file, line: line, Self.otherDelimiter(byte))
        }
        throw CollectionError(
          .damaged,
          file: file,
          line: line,
          "text follows a closing quote; inside quotes a quote is written twice"
        )
      }
    }
  }

  /// What to say of fields that seem to be separated by another byte.
  static func otherDelimiter(_ byte: UInt8) -> String {
    "its fields are not separated by this delimiter. Fix: --delimiter '\(byte == UInt8(ascii: "\t") ? "\\t" : ";")'"
  }

  private enum Separator {
    case field(start: Int)
    case record(start: Int)
    case none
  }

  /// What follows a field; nil when that is not known yet.
  private func separator(after field: Field, in bytes: UnsafeRawBufferPointer, final: Bool) -> Separator? {
    let index = field.end + (field.isQuoted ? 1 : 0)
    guard index < bytes.count else { return final ? .record(start: bytes.count) : nil }
    switch bytes[index] {
    case let byte where byte == delimiter: return .field(start: index + 1)
    case UInt8(ascii: "\n"): return .record(start: index + 1)
    case UInt8(ascii: "\r"):
      guard index + 1 < bytes.count else { return final ? .record(start: bytes.count) : nil }
      return bytes[index + 1] == UInt8(ascii: "\n") ? .record(start: index + 2) : Separator.none
    default: return Separator.none
    }
  }

  /// Up to the next delimiter or line end.
  private mutating func plainField(in bytes: UnsafeRawBufferPointer, from start: Int) -> Field {
    if lineEnd.map({ $0 < start }) ?? true {
      lineEnd = Self.find(UInt8(ascii: "\n"), in: bytes, start..<bytes.count) ?? bytes.count
    }
    let limit = lineEnd ?? bytes.count
    let end = delimiter.flatMap { Self.find($0, in: bytes, start..<limit) } ?? limit
    return Field(start: start, end: end, isQuoted: false, hasDoubledQuotes: false)
  }

  private static func find(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
    guard let base = bytes.baseAddress, !range.isEmpty else { return nil }
    return memchr(base + range.lowerBound, Int32(byte), range.count).map { UnsafeRawPointer($0) - base }
  }

  /// Leaves the CR of a CR LF out of a plain field.
  private func trimmed(_ field: Field, in bytes: UnsafeRawBufferPointer) -> Field {
    guard !field.isQuoted, field.end > field.start, bytes[field.end - 1] == UInt8(ascii: "\r"),
      field.end == bytes.count || bytes[field.end] == UInt8(ascii: "\n")
    else { return field }
    var shorter = field
    shorter.end -= 1
    return shorter
  }

  private static func quotedField(
    in bytes: UnsafeRawBufferPointer,
    from start: Int,
    final: Bool,
    _ lines: inout Int,
    file: String,
    line: Int
  ) throws -> Field? {
    let quote = UInt8(ascii: "\"")
    var index = start + 1
    var doubled = false
    while index < bytes.count {
      if bytes[index] == quote {
        guard index + 1 < bytes.count, bytes[index + 1] == quote else {
          // At the end of what is known the next byte may still double it.
          if index + 1 == bytes.count, !final { return nil }
          return Field(start: start + 1, end: index, isQuoted: true, hasDoubledQuotes: doubled)
        }
        doubled = true
        index += 1
      } else if bytes[index] == UInt8(ascii: "\n") {
        lines += 1
      }
      index += 1
    }
    guard !final else {
      throw CollectionError(.damaged, file: file, line: line, "a quote opens here and never closes")
    }
    return nil
  }
}
