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
    let settings = try effectiveSettings(for: dialect).statements(for: dialect)
    return try sql.script(form, for: dialect, settings: settings, comment: comment)
  }
}

extension SQL {
  /// A query in one of the forms that people use.
  ///
  /// - Parameters:
  ///   - form: How the values are written.
  ///   - dialect: The dialect to write.
  ///   - settings: `SET LOCAL` statements that share a transaction with the query.
  ///   - comment: What the script does; written as comment lines.
  /// - Throws: `RenderingError` when the dialect lacks something that the query needs.
  public func script(
    _ form: SQLScript.Form,
    for dialect: Dialect,
    settings: [Statement] = [],
    comment: String? = nil
  ) throws(RenderingError) -> SQLScript {
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
    return lines.joined() + SQLScript.transaction(settings, parts.texts.joined() + ";\n")
  }

  private func literalBody(_ dialect: Dialect, _ settings: [Statement]) throws(RenderingError) -> String {
    var renderer = Renderer(dialect: dialect, layout: .pretty) { _, _, value in value.literalBeforeCast }
    try renderer.render(self)
    return SQLScript.transaction(settings, renderer.text + ";\n")
  }

  private func prepareBody(_ dialect: Dialect, _ settings: [Statement]) throws(RenderingError) -> String {
    let statement = try rendered(for: dialect, layout: .pretty)
    let types = statement.binds.map { $0.typeName ?? "unknown" }.joined(separator: ", ")
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
      "{\"type\":\(JSONText.string(bind.typeName ?? "unknown")),\"value\":\(bind.json)}"
    }
    let set = settings.map { JSONText.string($0.text) }.joined(separator: ",")
    return SQLScript(
      text: "{\"settings\":[\(set)],\"text\":\(JSONText.string(statement.text)),"
        + "\"parameters\":[\(binds.joined(separator: ","))]}\n"
    )
  }
}
