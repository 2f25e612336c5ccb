import Basics
internal import SQLLexer

/// Turns a table of `parameters.toml` into a definition.
struct ParameterDeclaration {
  let file: SourceFile
  let table: TOMLTable
  let overriding: TOMLTable?

  private static let keys = [
    "type", "range", "at_least", "choices", "renders", "default", "optional", "dialects", "help",
  ]

  func definition() throws -> ParameterDefinition {
    try checkKeys()
    guard let kind = ParameterDefinition.Kind(rawValue: try string("type") ?? "") else {
      let known = ParameterDefinition.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw ParameterManifest.error("[\(table.path[0])] needs type = one of \(known)", table.offset, file)
    }
    var definition = ParameterDefinition(
      name: table.path[0],
      kind: kind,
      location: SourceLocation(file: file.path, text: file.text, offset: table.offset)
    )
    definition.range = try range()
    definition.atLeast = try multiple()
    definition.choices = try strings("choices")
    definition.renders = try strings("renders")
    definition.defaultValue = try defaultValue()
    definition.isOptional = try boolean("optional")
    definition.dialects = try strings("dialects")
    definition.help = try string("help") ?? ""
    try check(definition)
    return definition
  }

  private func check(_ definition: ParameterDefinition) throws {
    switch definition.kind {
    case .choice where definition.choices.isEmpty:
      throw ParameterManifest.error("a choice needs choices = [\"…\", \"…\"]", table.offset, file)
    case .choice where !definition.renders.isEmpty && definition.renders.count != definition.choices.count:
      throw ParameterManifest.error("renders needs a text for each choice", table.offset, file)
    case .bool where !definition.renders.isEmpty && definition.renders.count != 2:
      throw ParameterManifest.error("renders needs two texts, for false and true", table.offset, file)
    default: break
    }
  }

  private func checkKeys() throws {
    for entry in table.values + (overriding?.values ?? []) where !Self.keys.contains(entry.key) {
      let near = Suggestion.nearest(to: entry.key, in: Self.keys)
      throw ParameterManifest.error("unknown key \(entry.key)\(near)", entry.value.offset, file)
    }
  }

  private func value(_ key: String) -> TOMLValue? {
    (overriding?.values ?? []).first { $0.key == key }?.value ?? table.values.first { $0.key == key }?.value
  }

  private func string(_ key: String) throws -> String? {
    guard let value = value(key) else { return nil }
    guard case .string(let text) = value.content else { throw wrong(key, "a string in quotes", value) }
    return text
  }

  private func boolean(_ key: String) throws -> Bool {
    guard let value = value(key) else { return false }
    guard case .boolean(let flag) = value.content else { throw wrong(key, "true or false", value) }
    return flag
  }

  private func strings(_ key: String) throws -> [String] {
    guard let value = value(key) else { return [] }
    guard case .array(let items) = value.content else { throw wrong(key, "a list of strings", value) }
    return try items.map { item in
      guard case .string(let text) = item else { throw wrong(key, "a list of strings", value) }
      return text
    }
  }

  private func range() throws -> ClosedRange<Int>? {
    guard let value = value("range") else { return nil }
    guard case .array(let items) = value.content, items.count == 2,
      case .integer(let low) = items[0], case .integer(let high) = items[1], low <= high
    else { throw wrong("range", "[least, most]", value) }
    return low...high
  }

  private func defaultValue() throws -> String? {
    guard let value = value("default") else { return nil }
    switch value.content {
    case .string(let text): return text
    case .integer(let number): return String(number)
    case .boolean(let flag): return String(flag)
    case .array: throw wrong("default", "one value", value)
    }
  }

  private func multiple() throws -> ParameterDefinition.Multiple? {
    guard let text = try string("at_least"), let value = value("at_least") else { return nil }
    let parts = text.split(separator: "*").map { $0.filter { $0 != " " } }
    if parts.count == 1 { return .init(factor: 1, parameter: parts[0]) }
    guard parts.count == 2, let factor = Int(parts[0]) else {
      throw wrong("at_least", "\"number * parameter\"", value)
    }
    return .init(factor: factor, parameter: parts[1])
  }

  private func wrong(_ key: String, _ expected: String, _ value: TOMLValue) -> MigrationError {
    ParameterManifest.error("\(key) is \(expected)", value.offset, file)
  }
}
