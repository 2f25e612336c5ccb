/// Classes for a format that carries none: a line each, in the order of the rows. An empty line is NULL.
struct LabelLines {
  private let labels: [String?]
  private let path: String

  init(path: String) throws {
    self.path = path
    let bytes = try WholeFile.read(Array(path.utf8), limit: 1 << 31)
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty ?? false { lines.removeLast() }
    labels = lines.map { line in
      let text = String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
      return text.isEmpty ? nil : text
    }
  }

  /// - Throws: `CollectionError` with code `labels` when there are fewer lines than rows.
  func label(_ position: Int) throws -> String? {
    guard position < labels.count else {
      throw CollectionError(.labels, file: path, "it has \(labels.count) lines and the source has more rows")
    }
    return labels[position]
  }

  /// - Throws: `CollectionError` with code `labels` when the counts differ.
  func check(count: Int) throws {
    guard labels.count == count else {
      throw CollectionError(.labels, file: path, "it has \(labels.count) lines and the source \(count) rows")
    }
  }
}
