/// Text from databases, files and servers, made fit for a terminal.
///
/// A class name or a file name may hold escape sequences, which a terminal would obey, or line feeds, which would break
/// a table.
package enum PrintableText {
  /// The text on one line: every control character is written out, as `\x1B` or `\n`.
  package static func line(_ text: String) -> String {
    escaped(text) { isControl($0) }
  }

  /// The text with its lines and tabs; every other control character is written out.
  package static func lines(_ text: String) -> String {
    escaped(text) { isControl($0) && $0 != "\n" && $0 != "\t" }
  }

  private static func escaped(_ text: String, where isEscaped: (Unicode.Scalar) -> Bool) -> String {
    guard text.unicodeScalars.contains(where: isEscaped) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isEscaped(scalar) {
        result.append(contentsOf: escape(scalar).unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default:
      let digits = String(scalar.value, radix: 16, uppercase: true)
      let width = scalar.value < 0x100 ? 2 : 4
      let padding = String(repeating: "0", count: max(0, width - digits.count))
      return (width == 2 ? "\\x" : "\\u") + padding + digits
    }
  }

  /// The C0 and C1 sets and DEL (ECMA-48), Unicode's line and paragraph separators, and the marks that turn the order
  /// of what follows (UAX #9).
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
