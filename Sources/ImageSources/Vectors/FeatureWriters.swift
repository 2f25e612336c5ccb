public import Basics

/// Writes rows of (id, class, vector) in a format that `FeatureSource` reads back to the same rows.
public protocol FeatureWriter: AnyObject {
  /// Writes a row.
  /// - Throws: `CollectionError` when the file cannot be written or the format cannot hold the row.
  func write(id: ImageID, label: String?, vector: [Float]) throws
  /// Completes the file; nothing is whole before.
  func finish() throws
}

/// Opens files for rows.
public enum FeatureOutput {
  /// Starts a file.
  ///
  /// - Parameters:
  ///   - path: `-` for standard output.
  ///   - format: nil goes by the file's extension, `features` for any that is not known.
  ///   - labels: a file for the classes, a line each, for the formats that carry none.
  /// - Throws: `CollectionError` when the path cannot be written or the format needs to go back in the file and it is
  ///   no regular file.
  public static func open(
    _ path: String,
    format: FeatureSource.Format?,
    labels: String? = nil
  ) throws -> any FeatureWriter {
    let format = format ?? FeatureSource.format(ofExtension: path) ?? .features
    guard [.npy, .fvecs, .bvecs].contains(format) || labels == nil else {
      throw CollectionError(
        .labels,
        file: path,
        "the format \(format) carries the classes; leave --labels out"
      )
    }
    guard FeatureSource.Format.written.contains(format) else {
      throw CollectionError(.unknownFormat, file: path, "the format \(format) can be read but not written")
    }
    let file = try OutputFile(path: path)
    switch format {
    case .csv: return try TextFeatureWriter(file, isCSV: true)
    case .jsonl: return JSONLinesWriter(file)
    case .npy: return try NumPyWriter(file, labels: labels.map { try OutputFile(path: $0) })
    case .fvecs, .bvecs:
      let element: NumPyHeader.Element = format == .bvecs ? .uint1 : .float4
      return VecsWriter(file, element: element, labels: try labels.map { try OutputFile(path: $0) })
    default: return try TextFeatureWriter(file)
    }
  }
}

/// Writes `id|class|{…}`, which COPY reads `WITH (DELIMITER '|')`, or CSV. Floats are written in the shortest form that
/// reads back to the same float.
final class TextFeatureWriter: FeatureWriter {
  private let file: OutputFile
  private let isCSV: Bool

  /// - Parameter isCSV: writes CSV with a header, as `psql --csv` does.
  init(_ file: OutputFile, isCSV: Bool = false) throws {
    self.file = file
    self.isCSV = isCSV
    if isCSV { try file.append("id,class,vector\n") }
  }

  func write(id: ImageID, label: String?, vector: [Float]) throws {
    let (separator, quote) = isCSV ? (",", "\"") : ("|", "")
    let field = isCSV ? Self.quoted(label) : CopyText.field(label, delimiter: "|")
    let name = id.number == nil ? try text(of: id) : "\(id)"
    try file.append { bytes in
      bytes.append(contentsOf: "\(name)\(separator)\(field)\(separator)\(quote){".utf8)
      FloatText.append(vector, to: &bytes)
      bytes.append(contentsOf: "}\(quote)\n".utf8)
    }
  }

  /// Only a class may have COPY's escapes.
  private func text(of id: ImageID) throws -> String {
    guard !isCSV else { return Self.quoted("\(id)") }
    let text = "\(id)"
    guard !text.isEmpty, !text.unicodeScalars.contains(where: { "|\\\"\n\r".unicodeScalars.contains($0) })
    else {
      throw CollectionError(
        .unknownFormat,
        file: file.name,
        "the format features holds no id "
          + (text.isEmpty
            ? "that is empty" : "with a line end, |, \\ or \", such as \(PrintableText.line(text))")
          + ". Fix: write .csv or .jsonl"
      )
    }
    return text
  }

  /// NULL is nothing; an empty text is a pair of quotes.
  private static func quoted(_ text: String?) -> String {
    guard let text else { return "" }
    return text.isEmpty ? "\"\"" : Quoting.csvField(text)
  }

  func finish() throws {
    try file.finish()
  }
}

/// Writes one JSON object per line.
final class JSONLinesWriter: FeatureWriter {
  private let file: OutputFile

  init(_ file: OutputFile) {
    self.file = file
  }

  func write(id: ImageID, label: String?, vector: [Float]) throws {
    guard vector.allSatisfy(\.isFinite) else {
      throw CollectionError(
        .unknownFormat,
        file: file.name,
        "JSON cannot hold the NaN or infinity of id \(id)"
      )
    }
    try file.append { bytes in
      bytes.append(
        contentsOf:
          "{\"id\":\(id.number == nil ? Self.string("\(id)") : "\(id)"),\"class\":\(label.map(Self.string) ?? "null"),\"vector\":["
          .utf8
      )
      FloatText.append(vector, to: &bytes)
      bytes.append(contentsOf: "]}\n".utf8)
    }
  }

  func finish() throws {
    try file.finish()
  }

  /// With Unicode's line separators written out: some programs take them for line ends.
  private static func string(_ text: String) -> String {
    let quoted = Quoting.json(text)
    let separators: ClosedRange<Unicode.Scalar> = "\u{2028}"..."\u{2029}"
    guard quoted.unicodeScalars.contains(where: separators.contains) else { return quoted }
    return Quoting.replacing(quoted) { separators.contains($0) ? "\\u" + String($0.value, radix: 16) : nil }
  }
}

/// Floats as text.
enum FloatText {
  /// Appends numbers with commas between them; `nan` and `inf` as PostgreSQL reads them.
  static func append(_ values: [Float], to bytes: inout [UInt8]) {
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      let text = value.description
      bytes.append(contentsOf: (text.hasSuffix(".0") ? text.dropLast(2) : text[...]).utf8)
    }
  }
}

/// Writes a two-dimensional `<f4` NumPy array; the number of rows is filled in at the end.
final class NumPyWriter: FeatureWriter {
  private let file: OutputFile
  private let labels: OutputFile?
  private var rows = 0
  private var columns = 0

  init(_ file: OutputFile, labels: OutputFile?) throws {
    self.file = file
    self.labels = labels
    try file.append { $0.append(contentsOf: Self.header(rows: 0, columns: 0)) }
    // Going back to fill in the count needs a file, not a pipe.
    try file.rewriteStart(Self.header(rows: 0, columns: 0))
  }

  func write(id: ImageID, label: String?, vector: [Float]) throws {
    try file.requireNumber(id)
    guard columns == 0 || vector.count == columns else {
      throw CollectionError(
        .damaged,
        file: file.name,
        "the vector of id \(id) has \(vector.count) numbers, not \(columns)"
      )
    }
    columns = vector.count
    rows += 1
    try file.append { LittleEndian.append(vector, to: &$0) }
    try labels?.append(line: label, id: id)
  }

  func finish() throws {
    try file.rewriteStart(Self.header(rows: rows, columns: columns))
    try file.finish()
    try labels?.finish()
  }

  /// 128 bytes, for any shape.
  private static func header(rows: Int, columns: Int) -> [UInt8] {
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
    let padded = text + String(repeating: " ", count: 117 - text.utf8.count) + "\n"
    return NumPyHeader.magic + [1, 0, 118, 0] + Array(padded.utf8)
  }
}

/// Writes `.fvecs`, or `.bvecs` of vectors whose numbers are whole ones from 0 to 255.
final class VecsWriter: FeatureWriter {
  private let file: OutputFile
  private let labels: OutputFile?
  private let element: NumPyHeader.Element

  init(_ file: OutputFile, element: NumPyHeader.Element, labels: OutputFile?) {
    self.file = file
    self.element = element
    self.labels = labels
  }

  func write(id: ImageID, label: String?, vector: [Float]) throws {
    try file.requireNumber(id)
    let small = element == .uint1 ? try smallNumbers(vector, id: id) : []
    try file.append { bytes in
      withUnsafeBytes(of: Int32(vector.count).littleEndian) { bytes.append(contentsOf: $0) }
      if element == .uint1 {
        bytes.append(contentsOf: small)
      } else {
        LittleEndian.append(vector, to: &bytes)
      }
    }
    try labels?.append(line: label, id: id)
  }

  private func smallNumbers(_ vector: [Float], id: ImageID) throws -> [UInt8] {
    try vector.map { number in
      guard let small = UInt8(exactly: number) else {
        throw CollectionError(
          .unknownFormat,
          file: file.name,
          "bvecs holds whole numbers from 0 to 255 and the vector of id \(id) holds \(number); write fvecs"
        )
      }
      return small
    }
  }

  func finish() throws {
    try file.finish()
    try labels?.finish()
  }
}

private enum LittleEndian {
  static func append(_ values: [Float], to bytes: inout [UInt8]) {
    for value in values {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
  }
}

extension OutputFile {
  /// Rows of a file of vectors alone are numbered when they are read.
  fileprivate func requireNumber(_ id: ImageID) throws {
    guard id.number != nil else {
      throw CollectionError(
        .unknownFormat,
        file: name,
        "it holds vectors alone, and the ids of the table are texts. Fix: write .csv or .jsonl"
      )
    }
  }

  /// Appends a class as a line of its own; an empty line is NULL.
  fileprivate func append(line label: String?, id: ImageID) throws {
    let line = label ?? ""
    guard label != "", !line.utf8.contains(UInt8(ascii: "\n")), line.utf8.last != UInt8(ascii: "\r") else {
      throw CollectionError(
        .labels,
        file: name,
        "the class of id \(id) is empty or holds a line end, which a line cannot; write csv or jsonl"
      )
    }
    try append(line + "\n")
  }
}
