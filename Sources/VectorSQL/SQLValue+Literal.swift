extension SQLValue {
  /// The value as a typed constant for SQL text that people read or pipe to psql, and for messages of several
  /// statements, which carry no parameters.
  ///
  /// A constant carries its type, so that `'{1,2}'::integer[]` means the same as the bound value would.
  public var literal: String {
    switch self {
    case .null: "NULL"
    case .bool(let value): value ? "TRUE" : "FALSE"
    case .int2(let value): Self.parenthesizedIfNegative(String(value))
    case .int4(let value): Self.parenthesizedIfNegative(String(value))
    case .int8(let value): Self.parenthesizedIfNegative(String(value))
    case .text(let text): Self.quotedLiteral(text)
    case .bit(let bits): "B'" + bits.map { $0 ? "1" : "0" }.joined() + "'"
    default: Self.quotedLiteral(textFormat ?? "") + "::" + (typeName ?? "text")
    }
  }

  /// The text as a string constant; `E''` where it holds a backslash, so that no server setting changes its meaning.
  static func quotedLiteral(_ text: String) -> String {
    var result = "'"
    var hasBackslash = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'": result += "''"
      case "\\":
        hasBackslash = true
        result += "\\\\"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return (hasBackslash ? "E" : "") + result + "'"
  }

  private static func parenthesizedIfNegative(_ number: String) -> String {
    number.hasPrefix("-") ? "(\(number))" : number
  }
}
