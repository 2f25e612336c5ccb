/// Delimited records from a byte stream, with the places that a resumed run needs.
final class RecordStream {
  var name: String { stream.name }
  private let stream: ByteStream
  private var scanner: DelimitedScanner
  private var line = 1

  init(stream: ByteStream, delimiter: UInt8) {
    self.stream = stream
    scanner = DelimitedScanner(delimiter: delimiter)
  }

  func skip(to place: SourcePlace) throws {
    try stream.skip(to: place.offset)
    line = place.line
  }

  typealias Row = (DelimitedScanner.Record, UnsafeRawBufferPointer, inout FeatureBatch) throws -> Void

  /// Hands records to `row` until the batch has `limit` rows more or the data ends; blank lines are passed over.
  func fill(_ batch: inout FeatureBatch, limit: Int, _ row: Row) throws -> Bool {
    let target = batch.count + limit
    while batch.count < target {
      guard try next({ try row($0, $1, &batch) }) else {
        mark(&batch)
        return false
      }
    }
    mark(&batch)
    return true
  }

  /// Hands the next record that is not blank to `body`.
  /// - Returns: false at the end of the data.
  func next(
    _ body: (DelimitedScanner.Record, UnsafeRawBufferPointer) throws -> Void
  ) throws -> Bool {
    while true {
      if stream.availableCount == 0, !stream.reachedEnd { try stream.fill() }
      if stream.availableCount == 0, stream.reachedEnd { return false }
      let used: (bytes: Int, lines: Int, blank: Bool)? = try stream.withAvailable { bytes in
        let record = try scanner.record(in: bytes, final: stream.reachedEnd, file: name, line: line)
        guard let record else { return nil }
        let blank = record.fields.count == 1 && record.fields[0].start == record.fields[0].end
        if !blank { try located { try body(record, bytes) } }
        return (record.end, record.lines, blank)
      }
      guard let used else {
        try stream.fill()
        continue
      }
      stream.consume(used.bytes)
      line += used.lines
      if !used.blank { return true }
    }
  }

  private func located(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let problem as RowProblem {
      throw CollectionError(.damaged, file: name, line: line, problem.reason)
    }
  }

  private func mark(_ batch: inout FeatureBatch) {
    batch.endOffset = stream.offset
    batch.endLine = line
  }
}

/// What is wrong with a row; the reader adds file and line.
struct RowProblem: Error {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }

  /// A field as an id.
  static func id(_ field: DelimitedScanner.Field, in bytes: UnsafeRawBufferPointer) throws(RowProblem)
    -> Int64
  {
    let text = field.text(in: bytes)
    guard let id = Int64(text) ?? Int64(text.filter { $0 != " " && $0 != "\u{FEFF}" }) else {
      throw RowProblem("the id \"\(text.prefix(24))\" is no integer")
    }
    return id
  }
}

extension FeatureBatch {
  /// Appends a row that must be as long as every row before it in the source.
  /// - Throws: `RowProblem`.
  mutating func appendRow(
    id: Int64,
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
