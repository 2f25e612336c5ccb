import Basics

/// Reads one JSON object per line. The members `id`, `class` (or `label`) and `vector` (or `embedding`, `image_vector`,
/// `features`) are taken, others passed over; without `id` ids are row numbers.
final class JSONLinesReader: FeatureReader {
  private let records: RecordStream
  private let textIDs: TextIDs
  private var position = 0
  private(set) var dimension: Int?

  var name: String { records.name }
  var expectedCount: Int? { nil }
  let byteCount: Int?
  /// As the first row has it.
  private(set) var carriesClasses = true
  private(set) var notice: String?

  init(stream: ByteStream, byteCount: Int?, textIDs: TextIDs = .none) throws {
    self.textIDs = textIDs
    records = RecordStream(lines: stream)
    self.byteCount = byteCount
    try records.peek { record, bytes in
      var row = Row(id: 0, textIDs: textIDs)
      let field = record.fields[0]
      try row.read(UnsafeRawBufferPointer(rebasing: bytes[field.start..<field.end]))
      carriesClasses = row.hasClass
      if !row.hasID { notice = UnreadColumns.notice(row.others, "member", of: records.name) }
      return false
    }
  }

  func skip(to place: SourcePlace) throws {
    position = place.position
    try records.skip(to: place)
  }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    try records.fill(&batch, limit: limit) { record, bytes, batch in
      let line = UnsafeRawBufferPointer(rebasing: bytes[record.fields[0].start..<record.fields[0].end])
      var row = Row(id: ImageID(Int64(position)), textIDs: textIDs)
      try row.read(line)
      guard carriesClasses || !row.hasClass else {
        throw RowProblem("it has a class and the first row has none; give every row a class, or null")
      }
      try batch.appendRow(id: row.id, label: row.label, &dimension) { $0.append(contentsOf: row.vector) }
      position += 1
    }
  }

  /// The members of a line that matter.
  private struct Row {
    var id: ImageID
    let textIDs: TextIDs
    var label: String?
    var hasID = false
    var hasClass = false
    /// Members that mean nothing here.
    var others: [String] = []
    var vector: [Float] = []

    mutating func read(_ line: UnsafeRawBufferPointer) throws {
      do {
        try readMembers(line)
      } catch let problem as JSONScanner.Problem {
        throw RowProblem(problem.reason)
      }
    }

    private mutating func readMembers(_ line: UnsafeRawBufferPointer) throws {
      var scanner = JSONScanner(line)
      guard scanner.take("{") else { throw RowProblem("a line is a JSON object {…}") }
      repeat {
        let key = try scanner.string()
        guard scanner.take(":") else { throw RowProblem("a colon was expected behind \"\(key.prefix(24))\"") }
        switch key {
        case "id": id = try readID(&scanner)
        case "class", "label":
          label = try Self.label(&scanner)
          hasClass = true
        case "vector", "embedding", "image_vector", "features":
          vector.removeAll()
          if scanner.isAtNull {
            throw RowProblem(
              "its \(key) is null. Fix: leave rows without a vector out, such as jq -c 'select(.\(key))' FILE | adbvec load -"
            )
          }
          // PostgreSQL's row_to_json and pandas write pgvector's vectors as texts.
          if scanner.isAtString {
            var text = try scanner.string()
            try text.withUTF8 { try VectorText.append(UnsafeRawBufferPointer($0), to: &vector) }
          } else {
            try scanner.numbers(into: &vector)
          }
        default:
          try scanner.skipValue()
          others.append(key)
        }
      } while scanner.take(",")
      guard scanner.take("}") else { throw RowProblem("the JSON object is cut short") }
      scanner.skipBlanks()
      guard scanner.isAtEnd else { throw RowProblem("text follows the JSON object") }
      guard !vector.isEmpty else { throw RowProblem("it has no member \"vector\" with numbers") }
    }

    /// Digits in quotes are an integer too, as a database may print ids that JavaScript cannot hold.
    private mutating func readID(_ scanner: inout JSONScanner) throws -> ImageID {
      hasID = true
      let isText = scanner.isAtString
      let text = isText ? try scanner.string() : (try? scanner.word()) ?? ""
      if isText, textIDs != .none { return try RowProblem.id(text, allowsEmpty: textIDs == .any) }
      guard let number = Int64(text) else {
        throw RowProblem(
          "the id \(isText ? "\"\(text.prefix(24))\"" : String(text.prefix(24))) is not an integer"
        )
      }
      return ImageID(number)
    }

    private static func label(_ scanner: inout JSONScanner) throws -> String? {
      if scanner.isAtString { return try scanner.string() }
      let word = (try? scanner.word()) ?? ""
      guard word != "null" else { return nil }
      guard word == "true" || word == "false" || Double(word) != nil else {
        throw RowProblem("its class is neither text nor a number")
      }
      return word
    }
  }
}

extension JSONScanner {
  /// Whether the next value is `null`.
  fileprivate var isAtNull: Bool {
    var ahead = self
    return (try? ahead.word()) == "null"
  }

  /// An array of numbers.
  mutating func numbers(into values: inout [Float]) throws {
    guard take("[") else { throw Problem("an array of numbers was expected at byte \(index)") }
    repeat {
      skipBlanks()
      guard let value = FloatScanner.scan(bytes, &index) else {
        throw Problem("its vector has something other than a number at element \(values.count)")
      }
      values.append(value)
    } while take(",")
    guard take("]") else { throw Problem("its vector is cut short") }
  }
}
