internal import Basics
internal import SQLLexer

/// The parameters that a set of migrations declares in its `parameters.toml`.
public struct ParameterManifest: Sendable, Hashable {
  /// The declarations in the order of the file, as they hold for one dialect.
  public let definitions: [ParameterDefinition]
  /// The file's path, for messages.
  public let path: String
  /// SHA-256 of the file and the dialect, in hexadecimal.
  let hash: String

  /// The declaration of a name.
  public subscript(name: String) -> ParameterDefinition? { definitions.first { $0.name == name } }

  /// Reads the declarations as they hold for a dialect: `[name]`, then what `[name.dialect]` says otherwise.
  /// - Throws: `MigrationError` with code `invalidManifest`, pointing at the line.
  public init(_ file: SourceFile, dialect: MigrationDialect) throws {
    var reader = TOMLReader(file)
    let tables = try reader.read()
    path = file.path
    hash = SHA256.hexadecimal(of: "\(dialect.rawValue)\n\(file.hash)")
    let declared = tables.filter { $0.path.count == 1 }
    let names = declared.map { $0.path[0] }
    var found: [ParameterDefinition] = []
    for (index, table) in declared.enumerated() {
      guard !names[..<index].contains(table.path[0]) else {
        throw Self.error("the parameter \(table.path[0]) is declared twice", table.offset, file)
      }
      try Self.checkName(table, file)
      let refining = tables.filter { $0.path.count > 1 && $0.path[0] == table.path[0] }
      try Self.checkDialects(refining, dialect, file)
      // Each dialect's declaration is read, so that a mistake shows before somebody uses that dialect.
      for other in refining where other.path[1] != dialect.rawValue {
        _ = try ParameterDeclaration(file: file, table: table, overriding: other, dialect: dialect)
          .definition()
      }
      let overriding = refining.first { $0.path[1] == dialect.rawValue }
      found.append(
        try ParameterDeclaration(file: file, table: table, overriding: overriding, dialect: dialect)
          .definition()
      )
    }
    for table in tables where !names.contains(table.path[0]) {
      throw Self.error("there is no table [\(table.path[0])] for this one to refine", table.offset, file)
    }
    definitions = found
    for (index, definition) in found.enumerated() {
      if let problem = Self.wrongReference(of: definition, at: index, in: found) {
        throw MigrationError(.invalidManifest, problem, at: definition.location)
      }
    }
  }

  /// A name has to be one that a tag can hold, and none of the tags' own words.
  private static func checkName(_ table: TOMLTable, _ file: SourceFile) throws {
    let name = table.path[0]
    let words = ["if", "else", "capability", "dialect"]
    guard TemplateTag.isName(name), !words.contains(name) else {
      let problem = words.contains(name) ? "is a word of the template language" : "cannot stand in {{…}}"
      throw error("the name \(name) \(problem)", table.offset, file)
    }
  }

  private static func checkDialects(_ tables: [TOMLTable], _ dialect: MigrationDialect, _ file: SourceFile)
    throws
  {
    for (index, table) in tables.enumerated() {
      let known = dialect.namesBesideIt
      guard table.path.count == 2, known.contains(table.path[1]) else {
        let near = Suggestion.nearest(to: table.path[1], in: known)
        throw error("unknown dialect in [\(table.path.joined(separator: "."))]\(near)", table.offset, file)
      }
      guard !tables[..<index].contains(where: { $0.path == table.path }) else {
        throw error("[\(table.path.joined(separator: "."))] stands here a second time", table.offset, file)
      }
    }
  }

  /// What is wrong with the other parameters that a declaration names.
  private static func wrongReference(
    of definition: ParameterDefinition,
    at index: Int,
    in all: [ParameterDefinition]
  ) -> String? {
    func other(_ name: String) -> ParameterDefinition? { all.first { $0.name == name } }
    if let multiple = definition.atLeast {
      guard let target = other(multiple.parameter) else {
        let near = Suggestion.nearest(to: multiple.parameter, in: all.map(\.name))
        return "at_least of \(definition.name) names \(multiple.parameter), which is not declared\(near)"
      }
      guard target.kind == .int, target.name != definition.name else {
        return "at_least of \(definition.name) needs another parameter of type int, not \(target.name)"
      }
    }
    for name in definition.namesInDefault {
      guard let target = other(name) else {
        let near = Suggestion.nearest(to: name, in: all.map(\.name))
        return "the default of \(definition.name) names {\(name)}, which is not declared\(near)"
      }
      let isLater = all[index...].contains { $0.name == name }
      if isLater, !target.namesInDefault.isEmpty {
        return "the default of \(definition.name) names {\(name)}, which has to be declared before it"
      }
    }
    return nil
  }

  static func error(_ message: String, _ offset: Int, _ file: SourceFile) -> MigrationError {
    MigrationError(
      .invalidManifest,
      message,
      at: file.location(offset)
    )
  }
}

/// Turns a table of `parameters.toml` into a definition.
struct ParameterDeclaration {
  let file: SourceFile
  let table: TOMLTable
  let overriding: TOMLTable?
  let dialect: MigrationDialect

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
      location: file.location(table.offset)
    )
    for entry in table.values + (overriding?.values ?? []) where !Self.kinds(entry.key).contains(kind) {
      throw ParameterManifest.error(
        "\(entry.key) has no meaning for type = \"\(kind.rawValue)\"",
        entry.value.offset,
        file
      )
    }
    definition.range = try range()
    definition.atLeast = try multiple()
    definition.choices = try strings("choices")
    definition.renders = try strings("renders")
    definition.defaultValue = try defaultValue()
    definition.isOptional = try boolean("optional")
    definition.dialects = try dialects()
    definition.help = try string("help") ?? ""
    try check(definition)
    try checkRendered(definition)
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

  /// A text that stands for a value may not end a statement, open a comment or leave anything open.
  private func checkRendered(_ definition: ParameterDefinition) throws {
    for text in definition.renders.isEmpty ? definition.choices : definition.renders {
      let script = Script(text)
      var depth = 0
      var isClosed = script.errors.isEmpty
      for token in script.tokens {
        let first = text.utf8[text.utf8.index(text.utf8.startIndex, offsetBy: token.range.lowerBound)]
        if token.kind == .lineComment || token.kind == .blockComment || token.kind == .unknown {
          isClosed = false
        }
        guard token.kind == .punctuation else { continue }
        if first == UInt8(ascii: ";") { isClosed = false }
        if first == UInt8(ascii: "(") || first == UInt8(ascii: "[") { depth += 1 }
        if first == UInt8(ascii: ")") || first == UInt8(ascii: "]") { depth -= 1 }
        if depth < 0 { isClosed = false }
      }
      guard isClosed, depth == 0 else {
        let key = definition.renders.isEmpty ? "choices" : "renders"
        throw ParameterManifest.error("\(key) holds a text that is not closed SQL", place(key), file)
      }
    }
  }

  /// The keys that mean something for one type alone.
  private static func kinds(_ key: String) -> [ParameterDefinition.Kind] {
    switch key {
    case "range", "at_least": [.int]
    case "choices": [.choice]
    case "renders": [.bool, .choice]
    default: ParameterDefinition.Kind.allCases
    }
  }

  private func place(_ key: String) -> Int { value(key)?.offset ?? table.offset }

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

  private func dialects() throws -> [String] {
    let names = try strings("dialects")
    let known = dialect.namesBesideIt
    if let unknown = names.first(where: { !known.contains($0) }) {
      let near = Suggestion.nearest(to: unknown, in: known)
      throw ParameterManifest.error("unknown dialect \(unknown)\(near)", place("dialects"), file)
    }
    return names
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
    let parts = text.split(separator: "*", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
    if parts.count == 1, TemplateTag.isName(parts[0]) { return .init(factor: 1, parameter: parts[0]) }
    guard parts.count == 2, let factor = Int(parts[0]), TemplateTag.isName(parts[1]) else {
      throw wrong("at_least", "\"number * parameter\"", value)
    }
    return .init(factor: factor, parameter: parts[1])
  }

  private func wrong(_ key: String, _ expected: String, _ value: TOMLValue) -> MigrationError {
    ParameterManifest.error("\(key) is \(expected)", value.offset, file)
  }
}

/// The declaration of one parameter, for one dialect.
public struct ParameterDefinition: Sendable, Hashable {
  /// What values a parameter takes, and with it how they are written into SQL.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A whole number, written as digits.
    case int
    /// `true` or `false`.
    case bool
    /// A name, written with quotes where SQL needs them.
    case identifier
    /// Text, written as a string literal.
    case literal
    /// One word of a list.
    case choice
  }

  /// The name between the braces.
  public var name: String
  /// What values it takes.
  public var kind: Kind
  /// The allowed numbers, both ends included; nil for any.
  public var range: ClosedRange<Int>?
  /// `2 * hnsw_m`: the least value, as a multiple of another parameter.
  public var atLeast: Multiple?
  /// The words of a choice.
  public var choices: [String] = []
  /// What each choice is in SQL, in the order of `choices` (`false`, `true` for a bool); empty writes the value itself.
  public var renders: [String] = []
  /// The value where none is given; for an identifier `{other}` stands for another parameter's value.
  public var defaultValue: String?
  /// Whether it may be left without a value; `{{#if name}}` then tells.
  public var isOptional = false
  /// The dialects in which it has a meaning; empty for all.
  public var dialects: [String] = []
  /// What it is for, one line.
  public var help: String = ""
  /// Where it is declared.
  public var location: SourceLocation

  /// A number of times another parameter.
  public struct Multiple: Sendable, Hashable, CustomStringConvertible {
    /// How many times.
    public var factor: Int
    /// The other parameter.
    public var parameter: String

    /// `2 * hnsw_m`.
    public var description: String { factor == 1 ? parameter : "\(factor) * \(parameter)" }
  }
}

extension ParameterDefinition {
  /// The parameters that the default of an identifier names in braces.
  var namesInDefault: [String] {
    guard kind == .identifier, let text = defaultValue else { return [] }
    return text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().compactMap { part in
      part.firstIndex(of: "}").map { String(part[..<$0]) }
    }
  }

  /// Whether it may be given for a dialect.
  public func hasMeaning(for dialect: MigrationDialect) -> Bool {
    dialects.isEmpty || dialects.contains(dialect.rawValue)
  }

  /// The allowed values, for help and messages: `2…100`, `l2 | ip | cosine`.
  public var domain: String {
    switch kind {
    case .int:
      let bounds = range.map { "\($0.lowerBound)…\($0.upperBound)" } ?? "a whole number"
      return atLeast.map { "\(bounds), at least \($0)" } ?? bounds
    case .bool: return "true | false"
    case .choice: return choices.joined(separator: " | ")
    case .identifier: return "a name of at most 63 bytes"
    case .literal: return "text"
    }
  }
}
