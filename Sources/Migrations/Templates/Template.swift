internal import SQLLexer

/// SQL text with `{{…}}` tags, read into parts; each part knows its bytes in the file.
struct Template: Hashable {
  var nodes: [TemplateNode]

  /// The names of the parameters that it uses, in conditions or as values.
  var parameterNames: Set<String> { Self.names(nodes) }

  /// Whether the text depends on what the server can do.
  var usesCapabilities: Bool { Self.usesCapabilities(nodes) }

  private static func names(_ nodes: [TemplateNode]) -> Set<String> {
    var found: Set<String> = []
    for case .value(let name, _) in nodes { found.insert(name) }
    for case .section(let branches) in nodes {
      for branch in branches {
        if case .parameter(let name, _, _) = branch.condition { found.insert(name) }
        found.formUnion(names(branch.nodes))
      }
    }
    return found
  }

  private static func usesCapabilities(_ nodes: [TemplateNode]) -> Bool {
    nodes.contains { node in
      guard case .section(let branches) = node else { return false }
      return branches.contains { branch in
        if case .capability = branch.condition { return true }
        return usesCapabilities(branch.nodes)
      }
    }
  }
}

/// A part of a template.
indirect enum TemplateNode: Hashable {
  /// Text that stays as it is.
  case text(Range<Int>)
  /// What ends the last statement of one part of a section before the next part, which begins at this byte.
  case joint(Int)
  /// `{{name}}`, and the tag's bytes.
  case value(name: String, tag: Range<Int>)
  /// The branches of a section; the first whose condition holds is taken.
  case section([TemplateBranch])
}

/// One branch of a section.
struct TemplateBranch: Hashable {
  var condition: TemplateCondition
  var nodes: [TemplateNode]
}

/// What a branch depends on.
enum TemplateCondition: Hashable {
  case always
  case parameter(name: String, comparison: Comparison?, negated: Bool)
  case capability(Capability, negated: Bool)
  case dialect(MigrationDialect, negated: Bool)

  /// `= l2`, `> 2000`.
  struct Comparison: Hashable {
    var symbol: Symbol
    var operand: String

    enum Symbol: String, CaseIterable {
      case notEqual = "!="
      case lessOrEqual = "<="
      case greaterOrEqual = ">="
      case equal = "="
      case less = "<"
      case greater = ">"
    }
  }
}

/// Turns a template into SQL.
struct TemplateRenderer {
  let file: SourceFile
  let parameters: ParameterSet
  let dialect: MigrationDialect
  let capabilities: Set<Capability>

  /// - Throws: `MigrationError` with code `invalidParameter` for a value that is needed and not there.
  func render(_ template: Template) throws -> RenderedText {
    var text = RenderedText()
    try append(template.nodes, to: &text)
    return text
  }

  private func append(_ nodes: [TemplateNode], to text: inout RenderedText) throws {
    for node in nodes {
      switch node {
      case .text(let range):
        text.append(file.text.utf8[range], from: range)
      case .joint(let offset):
        text.appendJoint(before: offset)
      case .value(let name, let tag):
        try append(name, tag, to: &text)
      case .section(let branches):
        if let taken = branches.first(where: { holds($0.condition) }) { try append(taken.nodes, to: &text) }
      }
    }
  }

  private func append(_ name: String, _ tag: Range<Int>, to text: inout RenderedText) throws {
    guard let definition = parameters.manifest?[name], let value = parameters.values[name] else { return }
    guard value != .absent else {
      throw MigrationError(
        .invalidParameter,
        "the parameter \(name) has no value here",
        hint: "put it inside {{#if \(name)}} … {{/if}}, or give it a value",
        at: file.location(tag.lowerBound)
      )
    }
    text.append(Array(value.sql(definition).utf8), from: tag, parameter: name)
  }

  private func holds(_ condition: TemplateCondition) -> Bool {
    switch condition {
    case .always: true
    case .capability(let capability, let negated): capabilities.contains(capability) != negated
    case .dialect(let wanted, let negated): (wanted == dialect) != negated
    case .parameter(let name, let comparison, let negated):
      holds(parameters.values[name] ?? .absent, comparison) != negated
    }
  }

  private func holds(_ value: ParameterValue, _ comparison: TemplateCondition.Comparison?) -> Bool {
    guard let comparison else { return value.isTrue }
    guard let text = value.text else { return comparison.symbol == .notEqual }
    if case .int(let number) = value, let operand = Int(comparison.operand) {
      return Self.compare(number, comparison.symbol, operand)
    }
    return Self.compare(text, comparison.symbol, comparison.operand)
  }

  private static func compare<Value: Comparable>(
    _ left: Value,
    _ symbol: TemplateCondition.Comparison.Symbol,
    _ right: Value
  ) -> Bool {
    switch symbol {
    case .equal: left == right
    case .notEqual: left != right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .greater: left > right
    case .greaterOrEqual: left >= right
    }
  }
}
