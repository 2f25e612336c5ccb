internal import Basics

/// A search written for people: text that runs in psql as it stands.
///
/// The rows are the same as those of the bound search, because both come from one tree.
public struct SQLScript: Sendable, Hashable {
  /// The text, with a line feed at its end.
  public let text: String

  /// How the values of a query are written.
  public enum Form: String, Sendable, Hashable, CaseIterable {
    /// `\set` variables above the query, `:'id'` inside it; runs in psql.
    case psql
    /// `PREPARE` and `EXECUTE`; runs in any client.
    case prepare
    /// Typed constants inside the query; runs in any client.
    case literal
    /// The text as it is sent, with `$1`, and its values as JSON.
    case parameters
  }
}

extension VectorSearch {
  /// The search in one of the forms that people use.
  /// - Throws: `RenderingError`, as ``rendered(for:layout:)``.
  public func script(
    _ form: SQLScript.Form,
    for dialect: Dialect,
    comment: String? = nil
  ) throws(RenderingError) -> SQLScript {
    try sql.script(form, for: dialect, comment: comment)
  }
}

extension SQL {
  /// A query in one of the forms that people use.
  ///
  /// - Parameters:
  ///   - form: How the values are written.
  ///   - dialect: The dialect to write.
  ///   - comment: What the script does; written as comment lines.
  /// - Throws: `RenderingError` when the dialect lacks something that the query needs.
  public func script(
    _ form: SQLScript.Form,
    for dialect: Dialect,
    comment: String? = nil
  ) throws(RenderingError) -> SQLScript {
    let settings = try rendered(for: dialect).settings.map { Statement(trusted: $0) }
    let body: String
    switch form {
    case .psql: body = try psqlBody(dialect, settings)
    case .prepare: body = try prepareBody(dialect, settings)
    case .literal: body = try literalBody(dialect, settings)
    case .parameters: return try parametersScript(dialect, settings)
    }
    return SQLScript(text: SQLScript.commentLines(comment) + body)
  }

  private func psqlBody(_ dialect: Dialect, _ settings: [Statement]) throws(RenderingError) -> String {
    let parts = try SQLScript.psqlParts([self], dialect)
    let lines = parts.variables.map { "\\set \($0.name) \($0.text)\n" }
    return SQLScript.inUTF8(
      lines.joined() + SQLScript.transaction(settings, parts.texts.joined() + ";\n")
    )
  }

  private func literalBody(_ dialect: Dialect, _ settings: [Statement]) throws(RenderingError) -> String {
    var renderer = Renderer(dialect: dialect, layout: .pretty) { _, _, value in value.literalBeforeCast }
    try renderer.render(self)
    return SQLScript.transaction(settings, renderer.text + ";\n")
  }

  /// The statement with every value as a constant: for a server that cannot plan it with parameters, for a message of several
  /// statements, and for DDL, which have none.
  package func renderedWithConstants(for dialect: Dialect = .pgvector) throws(RenderingError) -> Statement {
    var renderer = Renderer(dialect: dialect, layout: .compact) { _, _, value in value.literalBeforeCast }
    try renderer.render(self)
    return Statement(trusted: renderer.text)
  }

  private func prepareBody(_ dialect: Dialect, _ settings: [Statement]) throws(RenderingError) -> String {
    let statement = try rendered(for: dialect, layout: .pretty)
    let extensionTypes: Set<String> = ["vector", "halfvec", "sparsevec"]
    let types = statement.binds.map { bind in
      let name = bind.typeName ?? "unknown"
      return extensionTypes.contains(name) ? dialect.extensionName(name) : name
    }.joined(separator: ", ")
    let values = statement.binds.map(\.literalBeforeCast).joined(separator: ", ")
    let (typeList, valueList) = statement.binds.isEmpty ? ("", "") : (" (\(types))", "(\(values))")
    return "PREPARE adbvec_search\(typeList) AS\n\(statement.text);\n"
      + SQLScript.transaction(settings, "EXECUTE adbvec_search\(valueList);\n")
      + "DEALLOCATE adbvec_search;\n"
  }

  private func parametersScript(
    _ dialect: Dialect,
    _ settings: [Statement]
  ) throws(RenderingError) -> SQLScript {
    let statement = try rendered(for: dialect)
    let binds = statement.binds.map { bind in
      "{\"type\":\(Quoting.json(bind.typeName ?? "unknown")),\"value\":\(bind.json)}"
    }
    let set = settings.map { Quoting.json($0.text) }.joined(separator: ",")
    return SQLScript(
      text: "{\"settings\":[\(set)],\"text\":\(Quoting.json(statement.text)),"
        + "\"parameters\":[\(binds.joined(separator: ","))]}\n"
    )
  }
}

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
    "'"
      + Quoting.replacing(text) { scalar in
        switch scalar {
        case "'": "''"
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: nil
        }
      } + "'"
  }

  /// A text as comment lines; line breaks inside it cannot end the comment.
  static func commentLines(_ comment: String?) -> String {
    guard let comment else { return "" }
    return comment.split(whereSeparator: \.isNewline).map { "-- \($0)\n" }.joined()
  }

  /// A script for psql that reads alike in every locale.
  static func inUTF8(_ script: String) -> String {
    script.utf8.allSatisfy { $0 < 0x80 } ? script : "\\encoding UTF8\n" + script
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

  /// The variable as the query mentions it: quoted by psql, for `psql -v` may give it any text, and typed by a cast.
  func psqlReference(to variable: String) -> String {
    switch self {
    case .null: "NULL"
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
    default: Quoting.json(textFormat ?? "")
    }
  }
}
