extension SQLScript {
  /// A psql variable and what `\set` gives it.
  struct Variable: Sendable, Hashable {
    let name: String
    let text: String
  }

  /// Statements with psql's variables in them, and what to set those to.
  static func psqlParts(
    _ statements: [SQL],
    _ dialect: Dialect
  ) throws(RenderingError) -> (texts: [String], variables: [Variable]) {
    var renderer = Renderer(dialect: dialect, layout: .pretty) { number, name, value in
      value.psqlReference(to: variable(number, name))
    }
    var texts: [String] = []
    for statement in statements {
      try renderer.render(statement)
      texts.append(renderer.takeText())
    }
    var variables: [Variable] = []
    for (index, value) in renderer.binds.enumerated() {
      guard let text = value.psqlText else { continue }
      variables.append(Variable(name: variable(index + 1, renderer.names[index]), text: text))
    }
    return (texts, variables)
  }

  static func variable(_ number: Int, _ name: String?) -> String {
    name ?? "p\(number)"
  }

  /// A value as `\set` reads it: in single quotes, where psql knows C's escapes and expands nothing.
  static func psqlQuoted(_ text: String) -> String {
    var result = "'"
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'": result += "''"
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "'"
  }

  /// A text as comment lines; line breaks inside it cannot end the comment.
  static func commentLines(_ comment: String?) -> String {
    guard let comment else { return "" }
    return comment.split(whereSeparator: \.isNewline).map { "-- \($0)\n" }.joined()
  }

  static func transaction(_ settings: [Statement], _ body: String) -> String {
    guard !settings.isEmpty else { return body }
    return "BEGIN;\n" + settings.map { $0.text + ";\n" }.joined() + body + "COMMIT;\n"
  }
}

extension SQLValue {
  /// What `\set` is given; nil for NULL, which needs no variable.
  var psqlText: String? {
    switch self {
    case .int2, .int4, .int8: textFormat
    default: textFormat.map(SQLScript.psqlQuoted)
    }
  }

  /// The variable as the query mentions it: numbers bare, everything else quoted by psql and typed by a cast.
  func psqlReference(to variable: String) -> String {
    switch self {
    case .null: "NULL"
    case .int2, .int4, .int8: ":" + variable
    case .text, .vector, .halfvec, .sparsevec, .float4Array, .int2Array: ":'\(variable)'"
    case .bit: ":'\(variable)'::varbit"
    default: ":'\(variable)'::" + (typeName ?? "text")
    }
  }

  /// A constant for a place where the text goes on with a cast, or where the type is declared.
  var literalBeforeCast: String {
    switch self {
    case .vector, .halfvec, .sparsevec, .float4Array, .int2Array: Self.quotedLiteral(textFormat ?? "")
    default: literal
    }
  }

  var json: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .int2, .int4, .int8: textFormat ?? "null"
    case .float4(let value) where value.isFinite: textFormat ?? "null"
    case .float8(let value) where value.isFinite: textFormat ?? "null"
    case .float4Array(let values), .vector(let values), .halfvec(let values), .sparsevec(let values):
      "[" + values.map(Self.text(of:)).joined(separator: ",") + "]"
    default: JSONText.string(textFormat ?? "")
    }
  }
}

/// JSON text without a dependency.
enum JSONText {
  static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20: result += "\\u" + SQLValue.hex(UInt64(scalar.value), digits: 4)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
