/// Reads comma-separated rows: id, class, and the vector as text in one column (`"[1,2]"`, `"{1,2}"`) or as a column a
/// number. A header may name and order the columns; without an id column ids are row numbers.
final class CSVReader: FeatureReader {
  private let records: RecordStream
  private var columns: CSVColumns?
  private var position = 0
  private(set) var dimension: Int?

  var name: String { records.name }
  var expectedCount: Int? { nil }
  let byteCount: Int?

  init(stream: ByteStream, byteCount: Int?) throws {
    records = RecordStream(stream: stream, delimiter: UInt8(ascii: ","))
    self.byteCount = byteCount
    try readColumns()
  }

  /// Looks at the first record and consumes it only when it is a header.
  private func readColumns() throws {
    _ = try records.peek { record, bytes in
      let fields = record.fields.map { $0.text(in: bytes) }
      if let header = try CSVColumns(header: fields) {
        columns = header
        return true
      }
      columns = try CSVColumns(firstRow: fields)
      return false
    }
  }

  func skip(to place: SourcePlace) throws {
    position = place.position
    if place.position > 0 { try records.skip(to: place) }
  }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    guard let columns else { return false }
    return try records.fill(&batch, limit: limit) { record, bytes, batch in
      guard record.fields.count == columns.count else {
        throw RowProblem("it has \(record.fields.count) fields where the first has \(columns.count)")
      }
      let id = try columns.id.map { try RowProblem.id(record.fields[$0], in: bytes) } ?? Int64(position)
      let label = try columns.label.flatMap { column -> String? in
        let field = record.fields[column]
        return field.isQuoted || field.end > field.start ? try RowProblem.label(field, in: bytes) : nil
      }
      if record.isUnterminated, !Self.closesVector(bytes[record.end - 1]) {
        throw RowProblem(
          "the last line has no line end, so its last number may be cut short; end the line if it is whole"
        )
      }
      try batch.appendRow(id: id, label: label, &dimension) { values in
        try Self.append(record.fields[columns.vector], bytes, to: &values)
      }
      position += 1
    }
  }

  /// Whether a last byte shows that a vector's text, or its quotes, came to their end.
  private static func closesVector(_ byte: UInt8) -> Bool {
    "}]\"".utf8.contains(byte)
  }

  private static func append(
    _ fields: ArraySlice<DelimitedScanner.Field>,
    _ bytes: UnsafeRawBufferPointer,
    to values: inout [Float]
  ) throws {
    let before = values.count
    for field in fields {
      let text = UnsafeRawBufferPointer(rebasing: bytes[field.start..<field.end])
      if fields.count == 1, let first = text.first(where: { $0 != 0x20 }), first == 0x7B || first == 0x5B {
        try VectorText.append(text, to: &values)
        continue
      }
      var index = 0
      while index < text.count, text[index] == 0x20 { index += 1 }
      guard let value = FloatScanner.scan(text, &index), text[index...].allSatisfy({ $0 == 0x20 }) else {
        throw RowProblem("its vector has something other than a number at element \(values.count - before)")
      }
      values.append(value)
    }
  }
}
