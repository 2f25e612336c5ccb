/// A JSON object of strings, without Foundation.
enum FlatJSON {
  static func write(_ values: [String: String]) -> String {
    let members = values.sorted { $0.key < $1.key }.map { "\(quote($0.key)):\(quote($0.value))" }
    return "{" + members.joined(separator: ",") + "}"
  }

  /// Reads what `write` wrote; nil for anything else.
  static func read(_ text: String) -> [String: String]? {
    var reader = Reader(rest: Array(text.unicodeScalars)[...])
    return reader.object()
  }

  private static func quote(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  private struct Reader {
    var rest: ArraySlice<Unicode.Scalar>

    mutating func object() -> [String: String]? {
      guard take("{") else { return nil }
      if take("}") { return rest.isEmpty ? [:] : nil }
      var values: [String: String] = [:]
      repeat {
        guard let key = string(), take(":"), let value = string() else { return nil }
        values[key] = value
      } while take(",")
      return take("}") && rest.isEmpty ? values : nil
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
      guard rest.first == scalar else { return false }
      rest.removeFirst()
      return true
    }

    private mutating func string() -> String? {
      guard take("\"") else { return nil }
      var text = String.UnicodeScalarView()
      while let scalar = rest.popFirst() {
        if scalar == "\"" { return String(text) }
        guard scalar == "\\" else {
          text.append(scalar)
          continue
        }
        guard let escaped = rest.popFirst() else { return nil }
        if escaped == "u" {
          let digits = String(String.UnicodeScalarView(rest.prefix(4)))
          guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else { return nil }
          rest = rest.dropFirst(4)
          text.append(scalar)
        } else {
          text.append(escaped)
        }
      }
      return nil
    }
  }
}
