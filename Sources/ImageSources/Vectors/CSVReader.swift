import Basics

/// Reads comma-separated rows: id, class, and the vector as text in one column (`"[1,2]"`, `"{1,2}"`) or as a column a
/// number. A header may name and order the columns, also of a vector alone (`e0,e1,e2`); without an id column ids are row
/// numbers.
final class CSVReader: FeatureReader {
  private let records: RecordStream
  private let textIDs: TextIDs
  private var columns: CSVColumns?
  private var position = 0
  private(set) var dimension: Int?

  var name: String { records.name }
  var expectedCount: Int? { nil }
  let byteCount: Int?
  var carriesClasses: Bool { columns?.label != nil }
  var notice: String? {
    guard let columns, columns.id == nil else { return nil }
    return UnreadColumns.notice(columns.unread, "column", of: name)
  }

  init(
    stream: ByteStream,
    byteCount: Int?,
    delimiter: UInt8 = UInt8(ascii: ","),
    textIDs: TextIDs = .none
  ) throws {
    self.textIDs = textIDs
    records = RecordStream(stream: stream, delimiter: delimiter)
    self.byteCount = byteCount
    try readColumns()
  }

  /// Looks at the first record and consumes it only when it is a header.
  private func readColumns() throws {
    _ = try records.peek { record, bytes in
      let fields = record.fields.map { $0.text(in: bytes) }
      for other in [UInt8(ascii: ";"), UInt8(ascii: "\t")] where fields[0].utf8.contains(other) {
        throw RowProblem(DelimitedScanner.otherDelimiter(other))
      }
      if let header = try CSVColumns(header: fields) {
        columns = header
        return true
      }
      columns = try CSVColumns(firstRow: fields, textIDs: textIDs)
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
        let problem = "it has \(record.fields.count) fields where the first has \(columns.count)"
        throw RowProblem(
          record.fields.contains { Self.quotesLate($0, bytes) }
            ? "\(problem): a quote behind a blank does not quote. Fix: remove the blanks before the quotes"
            : problem
        )
      }
      let id =
        try columns.id.map {
          try RowProblem.id(record.fields[$0], in: bytes, textIDs)
        } ?? ImageID(Int64(position))
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

  /// Whether a field has a quote behind blanks, as people write `1, "[1, 2]"`.
  private static func quotesLate(_ field: DelimitedScanner.Field, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let text = bytes[field.start..<field.end]
    return text.first == 0x20 && text.first { $0 != 0x20 } == UInt8(ascii: "\"")
  }

  private static func append(
    _ fields: ArraySlice<DelimitedScanner.Field>,
    _ bytes: UnsafeRawBufferPointer,
    to values: inout [Float]
  ) throws {
    let before = values.count
    for field in fields {
      let text = UnsafeRawBufferPointer(rebasing: bytes[field.start..<field.end])
      guard fields.count > 1 || text.contains(where: { $0 != 0x20 }) else {
        throw RowProblem("it has no vector. Fix: leave rows without a vector out of the file")
      }
      if fields.count == 1, let first = text.first(where: { $0 != 0x20 }), first == 0x7B || first == 0x5B {
        try VectorText.append(text, to: &values)
        continue
      }
      var index = 0
      while index < text.count, text[index] == 0x20 { index += 1 }
      guard let value = FloatScanner.scan(text, &index), text[index...].allSatisfy({ $0 == 0x20 }) else {
        if index < text.count, text[index] == UInt8(ascii: ","), fields.count > 1 {
          throw RowProblem(
            "its numbers have decimal commas. Fix: write them with points, such as tr , . < FILE | adbvec load -"
          )
        }
        throw RowProblem("its vector has something other than a number at element \(values.count - before)")
      }
      values.append(value)
    }
  }
}

/// Which column of a CSV file is what.
struct CSVColumns {
  let id: Int?
  let label: Int?
  /// One column with a vector's text, or all columns with its numbers.
  let vector: Range<Int>
  let count: Int
  /// The names of columns that are neither.
  private(set) var unread: [String] = []

  // The name that says it best comes first.
  private static let idNames = ["id", "image_id", "position"]
  private static let labelNames = ["class", "label", "category", "name"]
  private static let vectorNames = ["image_vector", "vector", "embedding", "features", "feature"]

  /// From the names in a header; nil when the fields are not a header.
  init?(header names: [String]) throws {
    let names = names.map { $0.lowercased().filter { $0 != " " } }
    let id = try Self.column(Self.idNames, in: names)
    let label = try Self.column(Self.labelNames, in: names)
    let vector = try Self.column(Self.vectorNames, in: names)
    let runs = vector == nil ? Self.numberedRuns(names) : []
    guard id != nil || label != nil || vector != nil || !runs.isEmpty else { return nil }
    // pandas gives the column of its index no name.
    let index = id == nil && !runs.isEmpty && names[0].isEmpty ? 0 : nil
    (self.id, self.label, count) = (id ?? index, label, names.count)
    if runs.count > 1 {
      throw RowProblem(
        "the header has several runs of numbered columns, from \(names[runs[0].lowerBound]) and from "
          + "\(names[runs[1].lowerBound]). Fix: leave all but the vector's out of the file"
      )
    }
    if let vector {
      self.vector = vector..<vector + 1
    } else if let run = runs.first {
      self.vector = run
    } else {
      let others = names.indices.filter { $0 != id && $0 != label }
      guard let first = others.first, let last = others.last, last - first + 1 == others.count else {
        throw RowProblem(
          "the header names no vector column (vector, embedding, features) and no run of numbers"
        )
      }
      self.vector = first..<last + 1
    }
    let (known, range) = ([self.id, label], self.vector)
    unread = names.indices.filter { !known.contains($0) && !range.contains($0) }.map { names[$0] }
  }

  /// The column with the first of some names that the header has.
  private static func column(_ wanted: [String], in names: [String]) throws -> Int? {
    guard let name = wanted.first(where: names.contains) else { return nil }
    let columns = names.indices.filter { names[$0] == name }
    guard columns.count == 1 else {
      throw RowProblem(
        "the header has \(columns.count) columns \(name). Fix: leave all but one out of the file"
      )
    }
    return columns[0]
  }

  /// Columns of a common stem whose numbers count up, such as `e0,e1,e2`; also without a stem where the first column has no
  /// name, as pandas writes them. A stem that has other columns makes no run.
  private static func numberedRuns(_ names: [String]) -> [Range<Int>] {
    guard !names.contains(where: { $0.hasPrefix("[") || $0.hasPrefix("{") }) else { return [] }
    let parts = names.map { name -> (stem: Substring, number: Int?) in
      let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
      let stem = name.dropLast(digits)
      let isName = stem.isEmpty ? names[0].isEmpty : stem.first == "_" || stem.first?.isLetter == true
      return (stem, isName ? Int(name.suffix(digits)) : nil)
    }
    var runs: [Range<Int>] = []
    var start = 0
    for column in stride(from: 1, through: names.count, by: 1) {
      if column < names.count, let before = parts[column - 1].number, let number = parts[column].number,
        number - 1 == before, parts[column].stem == parts[column - 1].stem
      {
        continue
      }
      if column - start > 1 { runs.append(start..<column) }
      start = column
    }
    // Columns of the stem beside a run may be numbers of the vector too.
    return runs.filter { run in
      names.indices.count { parts[$0].number != nil && parts[$0].stem == parts[run.lowerBound].stem }
        == run.count
    }
  }

  /// From the first row of a file without a header: id, class, vector; the class may be missing.
  /// - Throws: `RowProblem`, also when a second field of digits may be a class as well as the vector's first number.
  init(firstRow fields: [String], textIDs: TextIDs = .none) throws {
    count = fields.count
    let isVector = fields.last?.first { $0 != " " }.map { "{[".contains($0) } ?? false
    guard fields.count >= 2, Int64(fields[0]) != nil || textIDs != .none && isVector else {
      throw RowProblem("without a header a row is id,class,vector; the first field is not an integer")
    }
    id = 0
    let second = fields[1].drop { $0 == " " }
    let secondIsVector = second.first.map { "{[".contains($0) } ?? false
    let thirdIsVector = fields.count == 3 && fields[2].first { $0 != " " }.map { "{[".contains($0) } ?? false
    if fields.count > 2, !thirdIsVector, Int64(second) != nil {
      throw RowProblem(
        "without a header the second field, \(second), may be a class or a number; name the columns: id,class,x1,x2…"
      )
    }
    label = secondIsVector || (fields.count > 2 && !thirdIsVector && Float(second) != nil) ? nil : 1
    let first = label == nil ? 1 : 2
    guard first < fields.count else { throw RowProblem("there is no vector behind id and class") }
    vector = first..<fields.count
  }
}
