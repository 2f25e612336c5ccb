import Basics

/// Delimited records from a byte stream, with the places that a resumed run needs.
final class RecordStream {
  var name: String { stream.name }
  private let stream: ByteStream
  private var scanner: DelimitedScanner
  private var line = 1
  /// The line at which the record begins that `forEach` hands out, counted from 1.
  var currentLine: Int { line }

  /// - Parameter delimiter: nil for lines that are one field.
  init(stream: ByteStream, delimiter: UInt8?) {
    self.stream = stream
    scanner = DelimitedScanner(delimiter: delimiter)
  }

  func skip(to place: SourcePlace) throws {
    try stream.skip(to: place.offset)
    line = place.line
  }

  /// Lines without fields: quotes mean nothing.
  convenience init(lines stream: ByteStream) {
    self.init(stream: stream, delimiter: nil)
  }

  /// Lends the next record and consumes it only when `body` says so.
  func peek(_ body: (DelimitedScanner.Record, UnsafeRawBufferPointer) throws -> Bool) throws {
    _ = try next(consuming: body)
  }

  typealias Row = (DelimitedScanner.Record, UnsafeRawBufferPointer, inout FeatureBatch) throws -> Void

  /// Hands records to `row` until the batch has `limit` rows more or the data ends; blank lines are passed over.
  func fill(_ batch: inout FeatureBatch, limit: Int, _ row: Row) throws -> Bool {
    let target = batch.count + limit
    while batch.count < target {
      let used = try next { record, bytes in
        try row(record, bytes, &batch)
        return true
      }
      guard used else {
        mark(&batch)
        return false
      }
    }
    mark(&batch)
    return true
  }

  /// Hands the next record that is not blank to `body`, which tells whether it is used up.
  /// - Returns: false at the end of the data.
  private func next(
    consuming body: (DelimitedScanner.Record, UnsafeRawBufferPointer) throws -> Bool
  ) throws -> Bool {
    if stream.offset == 0 { try stream.skipByteOrderMark() }
    while true {
      if stream.availableCount == 0, !stream.reachedEnd { try stream.fill() }
      if stream.availableCount == 0, stream.reachedEnd { return false }
      let used: (bytes: Int, lines: Int, blank: Bool, kept: Bool)? = try stream.withAvailable { bytes in
        let record = try scanner.record(in: bytes, final: stream.reachedEnd, file: name, line: line)
        guard let record else { return nil }
        let blank = record.fields.count == 1 && record.fields[0].start == record.fields[0].end
        let isUsed = try blank || located { try body(record, bytes) }
        return (record.end, record.lines, blank, !isUsed)
      }
      guard let used else {
        try stream.fill()
        continue
      }
      if used.kept { return true }
      stream.consume(used.bytes)
      line += used.lines
      if !used.blank { return true }
    }
  }

  /// Hands every record that is not blank to `body`.
  /// - Throws: `CollectionError` with file and line for a `RowProblem`.
  func forEach(_ body: (DelimitedScanner.Record, UnsafeRawBufferPointer) throws -> Void) throws {
    while try next(consuming: { record, bytes in
      try body(record, bytes)
      return true
    }) {}
  }

  private func located(_ body: () throws -> Bool) throws -> Bool {
    do {
      return try body()
    } catch let problem as RowProblem {
      throw CollectionError(.damaged, file: name, line: line, problem.reason)
    }
  }

  private func mark(_ batch: inout FeatureBatch) {
    batch.endOffset = stream.offset
    batch.endLine = line
  }
}

/// Which texts may be ids, in formats that are text and in arrays of texts.
public enum TextIDs: Sendable {
  /// Ids are integers.
  case none
  /// Every text except the empty one.
  case filled
  /// Every text. In formats with fields the empty one is in quotes.
  case any
}

/// What is wrong with a row; the reader adds file and line.
struct RowProblem: Error {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }

  /// A field as a class.
  static func label(_ field: DelimitedScanner.Field, in bytes: UnsafeRawBufferPointer) throws(RowProblem)
    -> String
  {
    guard let text = field.validText(in: bytes) else { throw RowProblem("its class is not UTF-8") }
    return text
  }

  /// A field as an id.
  static func id(
    _ field: DelimitedScanner.Field,
    in bytes: UnsafeRawBufferPointer,
    _ textIDs: TextIDs
  ) throws(RowProblem) -> ImageID {
    if textIDs != .none {
      guard let text = field.validText(in: bytes) else { throw RowProblem("its id is not UTF-8") }
      // Quotes with nothing in them are a text; an empty field without them is a missing id.
      return try Self.id(text, allowsEmpty: field.isQuoted && textIDs == .any)
    }
    let text = field.text(in: bytes)
    guard let id = Int64(text) ?? Int64(text.filter { $0 != " " }) else {
      throw RowProblem("the id \"\(text.prefix(24))\" is not an integer")
    }
    return ImageID(id)
  }

  /// A text as an id.
  static func id(_ text: String, allowsEmpty: Bool = false) throws(RowProblem) -> ImageID {
    guard allowsEmpty || !text.isEmpty else { throw RowProblem("it has no id") }
    guard !text.utf8.contains(0) else { throw RowProblem("its id holds a NUL character") }
    return ImageID(text)
  }
}

/// What a file has beside vectors and classes, where it has no ids.
enum UnreadColumns {
  /// Says that ids are numbers of rows, as far as something else in the file may have been meant for them.
  static func notice(_ names: [String], _ kind: String, of file: String) -> String? {
    guard let first = names.first else { return nil }
    let others = names.count > 1 ? " and \(names.count - 1) more are" : " is"
    return
      "\(file) has no \(kind) id, so the rows are numbered from 0; the \(kind) \(first.prefix(24))\(others) not read"
  }
}

extension FeatureBatch {
  /// Appends a row that must be as long as every row before it in the source.
  /// - Throws: `RowProblem`.
  mutating func appendRow(
    id: ImageID,
    label: String?,
    _ dimension: inout Int?,
    _ fill: (inout [Float]) throws -> Void
  ) throws {
    var length = 0
    let fits = try append(id: id, label: label) { values in
      let before = values.count
      do {
        try fill(&values)
      } catch {
        values.removeLast(values.count - before)
        throw error
      }
      length = values.count - before
    }
    guard fits, length == dimension ?? length else {
      throw RowProblem(
        "its vector has \(length) numbers where the rows before have \(dimension ?? self.dimension)"
      )
    }
    dimension = length
  }
}
