/// Quoting by Unicode scalars, for text that becomes SQL, CSV, JSON, HTML or a shell's words.
///
/// A quote with a combining mark behind it is one `Character` that equals no quote, and is still a quote to everybody who
/// reads the text. `Character`s are therefore never what is compared.
package enum Quoting {
  /// A text between two `mark`s, each `mark` inside doubled: an identifier of SQL, a field of CSV.
  package static func doubling(_ text: String, _ mark: Unicode.Scalar = "\"") -> String {
    "\(mark)" + replacing(text) { $0 == mark ? "\(mark)\(mark)" : nil } + "\(mark)"
  }

  /// A field of CSV (RFC 4180), in quotes only where it needs them.
  package static func csvField(_ text: String, separator: Unicode.Scalar = ",") -> String {
    let needsQuotes = text.unicodeScalars.contains { scalar in
      scalar == separator || scalar == "\"" || scalar.properties.isWhitespace && scalar != " "
    }
    return needsQuotes ? doubling(text) : text
  }

  /// One word of a POSIX shell's command line.
  package static func shellWord(_ text: String) -> String {
    "'" + replacing(text) { $0 == "'" ? "'\\''" : nil } + "'"
  }

  /// A string of JSON (RFC 8259).
  package static func json(_ text: String) -> String {
    "\""
      + replacing(text) { scalar in
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case _ where scalar.value < 0x20:
          "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
        default: nil
        }
      } + "\""
  }

  /// Text of HTML, or the value of an attribute between quotes; control characters become U+FFFD.
  package static func html(_ text: String) -> String {
    replacing(text) { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      case "'": "&#39;"
      case "\n", "\t": nil
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": "\u{FFFD}"
      default: nil
      }
    }
  }

  /// The value of a label in Prometheus' text format.
  package static func prometheus(_ text: String) -> String {
    replacing(text) { $0 == "\\" ? "\\\\" : $0 == "\"" ? "\\\"" : $0 == "\n" ? "\\n" : nil }
  }

  /// A text with some of its scalars replaced; nil keeps one.
  package static func replacing(_ text: String, _ replacement: (Unicode.Scalar) -> String?) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if let text = replacement(scalar) {
        result.append(contentsOf: text.unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }
}
