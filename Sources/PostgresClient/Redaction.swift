/// Takes values out of what the server says: PostgreSQL quotes rows, keys and inputs in some of its messages.
enum Redaction {
  /// `invalid input syntax for type integer: "abc"` keeps everything but the quoted input (SQLSTATE class 22).
  static func message(_ text: String, sqlState: String) -> String {
    guard sqlState.hasPrefix("22"), text.hasSuffix("\""), let start = text.firstRange(of: ": \"") else {
      return text
    }
    return String(text[..<start.lowerBound])
  }

  /// `Key (id)=(5) already exists.` loses the values, `Failing row contains (…).` goes.
  static func detail(_ text: String) -> String? {
    if text.hasPrefix("Failing row contains") { return nil }
    guard text.hasPrefix("Key ("), let start = text.firstRange(of: ")=("),
      let end = text.ranges(of: ") ").last?.upperBound, end > start.upperBound
    else { return text }
    return text[..<start.lowerBound] + ") " + text[end...]
  }

  /// Lines with parameters go; `COPY t, line 3, column v: "…"` keeps its place.
  static func context(_ text: String) -> String? {
    let lines = text.split(separator: "\n").compactMap { line -> Substring? in
      if line.contains("portal"), line.contains("with parameter") { return nil }
      guard line.hasPrefix("COPY "), let quote = line.firstRange(of: ": \"") else { return line }
      return line[..<quote.lowerBound]
    }
    return lines.isEmpty ? nil : lines.joined(separator: "\n")
  }
}
