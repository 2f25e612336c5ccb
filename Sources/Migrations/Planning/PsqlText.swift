internal import SQLLexer

/// Text for psql that reaches the server as it stands: psql puts variables in where a colon meets a word, reads a literal
/// line by line, and ends comments and COPY data at line ends.
enum PsqlText {
  /// SQL without what psql would take for itself, and with the same meaning.
  static func sql(_ text: String) -> String {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    result.reserveCapacity(source.count)
    for token in Script.tokens(of: source) {
      let bytes = source[token.range]
      switch token.kind {
      case .string, .escapeString, .unicodeString, .bitString:
        result += Script.joiningLines(of: bytes, token.kind)
      case .punctuation where bytes.elementsEqual([UInt8(ascii: ":")]):
        result.append(UInt8(ascii: ":"))
        if token.range.upperBound < source.count, startsVariable(source[token.range.upperBound]) {
          result.append(UInt8(ascii: " "))
        }
      default:
        result += bytes
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// A text for a comment's line: a file's name may hold line ends.
  static func comment(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default:
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// `:name`, `:'name'`, `:"name"`, `:{?name}`.
  private static func startsVariable(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...0xFF, UInt8(ascii: "_"), UInt8(ascii: "'"),
      UInt8(ascii: "\""), UInt8(ascii: "{"):
      true
    default: false
    }
  }
}
