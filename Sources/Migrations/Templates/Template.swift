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
