/// Takes values out of what the server says: PostgreSQL quotes rows, keys and inputs in some of its messages.
enum Redaction {
  /// `invalid input syntax for type integer: "abc"` keeps everything but the quoted input (SQLSTATE class 22), and so
  /// does `value "99999999999" is out of range for type integer`.
  static func message(_ text: String, sqlState: String) -> String {
    guard sqlState.hasPrefix("22") else { return text }
    guard text.hasSuffix("\""), let start = text.firstRange(of: ": \"") else { return masked(text) }
    return String(text[..<start.lowerBound])
  }

  /// `Key (id)=(5) already exists.` loses the values, whatever `failing row contains` goes, and `Token "abc" is invalid.`
  /// its token.
  static func detail(_ text: String, sqlState: String) -> String? {
    if text.lowercased().contains("failing row contains") { return nil }
    if sqlState.hasPrefix("22") { return masked(text) }
    guard text.hasPrefix("Key ("), let start = text.firstRange(of: ")=(") else { return text }
    let key = text[..<start.lowerBound] + ")"
    // A value may hold anything, the words behind it too: the last place that could end it does.
    if sqlState == exclusionViolation { return key + " conflicts with an existing key." }
    guard let end = text.ranges(of: ") ").last?.upperBound, end > start.upperBound else { return String(key) }
    return key + " " + text[end...]
  }

  private static let exclusionViolation = "23P01"

  /// Everything from the first double quote to the last: the value between them may hold quotes, too.
  private static func masked(_ text: String) -> String {
    guard let first = text.firstIndex(of: "\""), let last = text.lastIndex(of: "\""), first < last else {
      return text
    }
    return text[...first] + "…" + text[last...]
  }

  /// Lines with parameters go; `COPY t, line 3, column v: "…"` and `JSON data, line 1: …` keep their place.
  static func context(_ text: String) -> String? {
    let lines = text.split(separator: "\n").compactMap { line -> Substring? in
      if line.contains("portal"), line.contains("parameter") { return nil }
      if line.hasPrefix("JSON data"), let colon = line.firstIndex(of: ":") { return line[..<colon] }
      guard line.hasPrefix("COPY "), let quote = line.firstRange(of: ": \"") else { return line }
      return line[..<quote.lowerBound]
    }
    return lines.isEmpty ? nil : lines.joined(separator: "\n")
  }
}
