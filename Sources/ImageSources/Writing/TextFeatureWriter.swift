/// Writes `id|class|{…}` or CSV. Floats are written in the shortest form that reads back to the same float.
final class TextFeatureWriter: FeatureWriter {
  private let file: OutputFile
  private let separator: Character
  private let quotesVector: Bool

  init(_ file: OutputFile, separator: Character) {
    self.file = file
    self.separator = separator
    quotesVector = separator == ","
  }

  convenience init(_ file: OutputFile, separator: Character, header: String) throws {
    self.init(file, separator: separator)
    try file.append(header)
  }

  func write(id: Int64, label: String?, vector: [Float]) throws {
    let quote = quotesVector ? "\"" : ""
    try file.append { bytes in
      bytes.append(contentsOf: "\(id)\(separator)\(quoted(label))\(separator)\(quote){".utf8)
      FloatText.append(vector, to: &bytes)
      bytes.append(contentsOf: "}\(quote)\n".utf8)
    }
  }

  /// NULL is nothing; a class is quoted wherever reading it bare would give another one.
  private func quoted(_ label: String?) -> String {
    guard let label else { return "" }
    let isPlain =
      !label.isEmpty && label != "\\N" && PythonLiteral.unquoted(label) == label
      && !label.unicodeScalars.contains { "\"\n\r".unicodeScalars.contains($0) || Character($0) == separator }
    return isPlain ? label : "\"" + label.replacing("\"", with: "\"\"") + "\""
  }

  func finish() throws {
    try file.finish()
  }
}

/// Writes a JSON object a line.
final class JSONLinesWriter: FeatureWriter {
  private let file: OutputFile

  init(_ file: OutputFile) {
    self.file = file
  }

  func write(id: Int64, label: String?, vector: [Float]) throws {
    guard vector.allSatisfy(\.isFinite) else {
      throw CollectionError(
        .unknownFormat,
        file: file.name,
        "JSON cannot hold the NaN or infinity of id \(id)"
      )
    }
    try file.append { bytes in
      bytes.append(
        contentsOf: "{\"id\":\(id),\"class\":\(label.map(Self.string) ?? "null"),\"vector\":[".utf8
      )
      FloatText.append(vector, to: &bytes)
      bytes.append(contentsOf: "]}\n".utf8)
    }
  }

  func finish() throws {
    try file.finish()
  }

  private static func string(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\u{0}"..."\u{1F}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
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
