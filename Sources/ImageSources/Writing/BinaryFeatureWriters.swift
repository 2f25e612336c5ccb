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

  func write(id: Int64, label: String?, vector: [Float]) throws {
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

  /// 128 bytes, whatever the numbers are.
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

  func write(id: Int64, label: String?, vector: [Float]) throws {
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

  private func smallNumbers(_ vector: [Float], id: Int64) throws -> [UInt8] {
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
  /// Appends a class as a line of its own; an empty line is NULL.
  fileprivate func append(line label: String?, id: Int64) throws {
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
