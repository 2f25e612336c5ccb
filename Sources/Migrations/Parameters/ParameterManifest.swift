internal import Basics
internal import SQLLexer

/// The parameters that a set of migrations declares in its `parameters.yaml`.
///
///     dim:
///       type: int
///       range: [1, 8192]
///       default: 1000
///       pgvector:
///         range: [1, 4000]
public struct ParameterManifest: Sendable, Hashable {
  /// The declarations in the order of the file, as they hold for one dialect.
  public let definitions: [ParameterDefinition]
  /// The file's path, for messages.
  public let path: String
  /// SHA-256 of the file and the dialect, in hexadecimal.
  let hash: String

  /// The declaration of a name.
  public subscript(name: String) -> ParameterDefinition? { definitions.first { $0.name == name } }

  /// Reads the declarations as they hold for a dialect: the lines below the name, then what the dialect's own lines there
  /// say otherwise.
  /// - Throws: `MigrationError` with code `invalidManifest`, pointing at the place.
  public init(_ file: SourceFile, dialect: MigrationDialect) throws {
    path = file.path
    hash = SHA256.hexadecimal(of: "\(dialect.rawValue)\n\(file.hash)")
    let reader = ManifestReader(file: file, dialect: dialect)
    let found = try reader.declarations().map { try reader.definition(of: $0) }
    definitions = found
    for (index, definition) in found.enumerated() {
      if let problem = Self.wrongReference(of: definition, at: index, in: found) {
        throw MigrationError(.invalidManifest, problem, at: definition.location)
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
}

/// The lines below a parameter's name, as they are written.
private struct Declaration {
  typealias Line = (key: YAMLNode, value: YAMLNode)

  let name: String
  let key: YAMLNode
  var lines: [Line] = []
  /// The lines that hold for one dialect instead.
  var refinements: [(dialect: String, lines: [Line])] = []
}

/// Reads a file of declarations.
private struct ManifestReader {
  let file: SourceFile
  let dialect: MigrationDialect

  private var isTOML: Bool { file.name == MigrationSource.oldManifestName }

  /// The file's declarations, each with its dialects.
  func declarations() throws -> [Declaration] {
    let lines = try lines(document(), "parameters are declared as name: with lines key: value below it")
    var found: [Declaration] = []
    var refining: [Declaration.Line] = []
    for (key, value) in lines {
      let name = key.scalar ?? ""
      if isTOML, name.contains(".") {
        refining.append((key, value))
        continue
      }
      try checkName(name, key)
      var declaration = Declaration(name: name, key: key)
      for line in try self.lines(value, "\(name) takes lines key: value") {
        let inner = line.key.scalar ?? ""
        if dialect.namesBesideIt.contains(inner) || line.value.isMapping && !Self.keys.contains(inner) {
          try refine(&declaration, inner, line)
        } else {
          declaration.lines.append(line)
        }
      }
      found.append(declaration)
    }
    for line in refining {
      let parts = (line.key.scalar ?? "").split(
        separator: ".",
        maxSplits: 1,
        omittingEmptySubsequences: false
      )
      guard let index = found.firstIndex(where: { $0.name == parts[0] }) else {
        throw error("\(parts[0]) is not declared, so that nothing of it can differ for a dialect", line.key)
      }
      try refine(&found[index], String(parts[1]), line)
    }
    return found
  }

  private func refine(_ declaration: inout Declaration, _ name: String, _ line: Declaration.Line) throws {
    let known = dialect.namesBesideIt
    guard known.contains(name) else {
      let near = Suggestion.nearest(to: name, in: known)
      throw error("unknown dialect \(name) of \(declaration.name)\(near)", line.key)
    }
    declaration.refinements.append((name, try lines(line.value, "\(name) takes lines key: value")))
  }

  private func document() throws -> YAMLNode? {
    let text = isTOML ? Self.yaml(ofTOML: file.text.string) : file.text.string
    do {
      return try YAMLNode(text)
    } catch let problem as YAMLError {
      throw error("cannot be read as \(isTOML ? "TOML" : "YAML"): \(problem.message)", at: problem.place)
    }
  }

  /// The lines of a mapping, each key once; none where nothing is written.
  private func lines(_ node: YAMLNode?, _ expected: String) throws -> [Declaration.Line] {
    guard let node, !node.isNull else { return [] }
    guard case .mapping(let lines) = node.content else { throw error(expected, node) }
    var seen: Set<String> = []
    for (key, _) in lines {
      guard let name = key.scalar else { throw error(expected, key) }
      guard seen.insert(name).inserted else { throw error("\(name) stands here a second time", key) }
    }
    return lines
  }

  /// A name has to be one that a tag can hold, and none of the tags' own words.
  private func checkName(_ name: String, _ key: YAMLNode) throws {
    let words = ["if", "else", "capability", "dialect"]
    guard TemplateTag.isName(name), !words.contains(name) else {
      let problem = words.contains(name) ? "is a word of the template language" : "cannot stand in {{…}}"
      throw error("the name \(name) \(problem)", key)
    }
  }

  /// What a declaration says for the dialect.
  func definition(of declaration: Declaration) throws -> ParameterDefinition {
    // Each dialect's lines are read, so that a mistake shows before somebody uses that dialect.
    for other in declaration.refinements where other.dialect != dialect.rawValue {
      _ = try DeclarationReader(reader: self, declaration: declaration, refinement: other.lines).definition()
    }
    let own = declaration.refinements.first { $0.dialect == dialect.rawValue }
    return try DeclarationReader(reader: self, declaration: declaration, refinement: own?.lines ?? [])
      .definition()
  }

  func error(_ message: String, _ node: YAMLNode) -> MigrationError { error(message, at: node.place) }

  private func error(_ message: String, at place: YAMLNode.Place) -> MigrationError {
    MigrationError(.invalidManifest, PrintableText.line(message), at: location(place))
  }

  func location(_ place: YAMLNode.Place) -> SourceLocation {
    let bytes = file.text.utf8
    var start = 0
    for _ in 1..<place.line {
      start = bytes[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.count
    }
    let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    return file.location(min(end, file.text.offset(ofCharacter: place.column + 1, from: start)))
  }

  static let keys = [
    "type", "range", "at_least", "choices", "renders", "default", "optional", "dialects", "help",
  ]

  /// Version 1's `parameters.toml`, line for line: `[dim.pgvector]` is the key `dim.pgvector:`, and `range = [1, 2]` below
  /// it ` range: [1, 2]`, so that values keep their columns. Strings and lists are written alike in both.
  private static func yaml(ofTOML text: String) -> String {
    func isKey(_ character: Character) -> Bool {
      character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == "-")
    }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let line = line.drop { $0 == " " || $0 == "\t" }
      if line.first == "[", let end = line.firstIndex(of: "]") {
        let name = line[..<end].dropFirst()
        let rest = line[end...].dropFirst().drop { $0 == " " || $0 == "\t" }
        if name.contains(where: isKey), name.allSatisfy({ isKey($0) || $0 == "." }), rest.first ?? "#" == "#"
        {
          return "\(name): \(rest)"
        }
      }
      let key = line.prefix(while: isKey)
      let rest = line[key.endIndex...].drop { $0 == " " || $0 == "\t" }
      guard !key.isEmpty, rest.first == "=" else { return " \(line)" }
      var value = rest.dropFirst()
      let start = value.first { $0 != " " && $0 != "\t" } ?? "#"
      // YAML takes a comment for part of what stands right before it.
      if !"\"'[#".contains(start), let comment = value.firstIndex(of: "#") { value.insert(" ", at: comment) }
      return " \(key):\(value.first == " " ? "" : " ")\(value)"
    }.joined(separator: "\n")
  }
}

/// Turns the lines of a declaration, and those of a dialect that go before them, into a definition.
private struct DeclarationReader {
  let reader: ManifestReader
  let declaration: Declaration
  let refinement: [Declaration.Line]

  func definition() throws -> ParameterDefinition {
    let lines = declaration.lines + refinement
    for line in lines where !ManifestReader.keys.contains(line.key.scalar ?? "") {
      let name = line.key.scalar ?? ""
      let near = Suggestion.nearest(to: name, in: ManifestReader.keys)
      throw reader.error("unknown key \(name)\(near)", line.key)
    }
    guard let kind = ParameterDefinition.Kind(rawValue: try string("type") ?? "") else {
      let known = ParameterDefinition.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw reader.error("\(declaration.name) needs type: one of \(known)", declaration.key)
    }
    for line in lines where !Self.kinds(line.key.scalar ?? "").contains(kind) {
      throw reader.error("\(line.key.scalar ?? "") has no meaning for type: \(kind.rawValue)", line.key)
    }
    var definition = ParameterDefinition(
      name: declaration.name,
      kind: kind,
      location: reader.location(declaration.key.place)
    )
    definition.range = try range()
    definition.atLeast = try multiple()
    definition.choices = try strings("choices")
    definition.renders = try strings("renders")
    definition.defaultValue = try string("default").map { kind == .int ? Self.digits($0) : $0 }
    definition.isOptional = try boolean("optional")
    definition.dialects = try dialects()
    definition.help =
      try string("help").map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") } ?? ""
    try check(definition)
    try checkRendered(definition)
    return definition
  }

  private func check(_ definition: ParameterDefinition) throws {
    switch definition.kind {
    case .choice where definition.choices.isEmpty:
      throw reader.error("a choice needs choices: [a, b]", declaration.key)
    case .choice where !definition.renders.isEmpty && definition.renders.count != definition.choices.count:
      throw reader.error("renders needs a text for each choice", place("renders"))
    case .bool where !definition.renders.isEmpty && definition.renders.count != 2:
      throw reader.error("renders needs two texts, for false and true", place("renders"))
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
        throw reader.error("\(key) holds a text that is not closed SQL", place(key))
      }
    }
  }

  /// The types for which a key has a meaning.
  private static func kinds(_ key: String) -> [ParameterDefinition.Kind] {
    switch key {
    case "range", "at_least": [.int]
    case "choices": [.choice]
    case "renders": [.bool, .choice]
    default: ParameterDefinition.Kind.allCases
    }
  }

  /// The value of a key; nil where nothing is written.
  private func value(_ key: String) -> YAMLNode? {
    for lines in [refinement, declaration.lines] {
      if let line = lines.first(where: { $0.key.scalar == key }) {
        return line.value.isNull ? nil : line.value
      }
    }
    return nil
  }

  private func place(_ key: String) -> YAMLNode { value(key) ?? declaration.key }

  private func string(_ key: String) throws -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.scalar else { throw wrong(key, "one value", value) }
    return text
  }

  private func boolean(_ key: String) throws -> Bool {
    guard let value = value(key) else { return false }
    guard let text = value.scalar, let flag = Bool(text) else { throw wrong(key, "true or false", value) }
    return flag
  }

  private func strings(_ key: String) throws -> [String] {
    guard let value = value(key) else { return [] }
    let texts = value.list?.compactMap(\.scalar)
    guard let texts, texts.count == value.list?.count else { throw wrong(key, "a list: [a, b]", value) }
    return texts
  }

  private func dialects() throws -> [String] {
    let names = try strings("dialects")
    let known = reader.dialect.namesBesideIt
    if let unknown = names.first(where: { !known.contains($0) }) {
      let near = Suggestion.nearest(to: unknown, in: known)
      throw reader.error("unknown dialect \(unknown)\(near)", place("dialects"))
    }
    return names
  }

  private func range() throws -> ClosedRange<Int>? {
    guard let value = value("range") else { return nil }
    let ends = try strings("range").map { Int(Self.digits($0)) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], low <= high else {
      throw wrong("range", "[least, most]", value)
    }
    return low...high
  }

  /// `1_000` as `1000`.
  private static func digits(_ text: String) -> String { text.filter { $0 != "_" } }

  private func multiple() throws -> ParameterDefinition.Multiple? {
    guard let text = try string("at_least"), let value = value("at_least") else { return nil }
    let parts = text.split(separator: "*", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
    if parts.count == 1, TemplateTag.isName(parts[0]) { return .init(factor: 1, parameter: parts[0]) }
    guard parts.count == 2, let factor = Int(parts[0]), TemplateTag.isName(parts[1]) else {
      throw wrong("at_least", "number * parameter", value)
    }
    return .init(factor: factor, parameter: parts[1])
  }

  private func wrong(_ key: String, _ expected: String, _ value: YAMLNode) -> MigrationError {
    reader.error("\(key) is \(expected)", value)
  }
}
