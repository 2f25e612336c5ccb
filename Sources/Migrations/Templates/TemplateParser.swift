import Basics
internal import SQLLexer

/// Reads `{{name}}`, `{{#if …}} {{else if …}} {{else}} {{/if}}`, `{{#capability …}}` and `{{#dialect …}}` (also with `^`
/// for "not"). Anything else in double braces, such as `'{{1,2},{3,4}}'`, is SQL and stays.
struct TemplateParser {
  let file: SourceFile
  let manifest: ParameterManifest
  let range: Range<Int>
  let dialect: MigrationDialect

  private static let deepestNesting = 32

  /// A section that is open: its kind, its tag, and the branches so far.
  private struct Open {
    var kind: String
    var tag: Range<Int>
    var branches: [TemplateBranch]
    var hasElse = false
  }

  func parse() throws -> [TemplateNode] {
    var stack: [Open] = []
    var nodes: [TemplateNode] = []
    var textStart = range.lowerBound

    func add(_ node: TemplateNode) {
      if stack.isEmpty {
        nodes.append(node)
      } else {
        let last = stack[stack.count - 1].branches.count - 1
        stack[stack.count - 1].branches[last].nodes.append(node)
      }
    }
    for tag in tags() {
      let outer = tag.isSection ? wholeLine(of: tag.range) ?? tag.range : tag.range
      if textStart < outer.lowerBound { add(.text(textStart..<outer.lowerBound)) }
      textStart = max(textStart, outer.upperBound)
      switch tag.words[0].first {
      case "#", "^":
        let condition = try condition(of: tag)
        guard stack.count < Self.deepestNesting else {
          throw error("sections are nested deeper than \(Self.deepestNesting)", tag)
        }
        stack.append(
          Open(kind: tag.kind, tag: tag.range, branches: [TemplateBranch(condition: condition, nodes: [])])
        )
      case "/":
        guard let open = stack.popLast() else { throw error("{{\(tag.content)}} closes nothing", tag) }
        guard open.kind == tag.kind else {
          throw error("{{\(tag.content)}} stands where {{/\(open.kind)}} is due", tag)
        }
        add(.section(open.branches))
      default:
        if tag.words[0] == "else" {
          guard let open = stack.last else { throw error("{{else}} stands outside any section", tag) }
          guard !open.hasElse else {
            throw error("{{\(tag.content)}} stands behind the section's {{else}}", tag)
          }
          stack[stack.count - 1].hasElse = tag.words.count == 1
          let branch = TemplateBranch(condition: try elseCondition(tag), nodes: [])
          stack[stack.count - 1].branches.append(branch)
        } else {
          try checkName(tag.words[0], tag)
          add(.value(name: tag.words[0], tag: tag.range))
        }
      }
    }
    if let open = stack.last { throw error("this section is not closed with {{/\(open.kind)}}", open.tag) }
    if textStart < range.upperBound { add(.text(textStart..<range.upperBound)) }
    return nodes
  }

  private func condition(of tag: TemplateTag) throws -> TemplateCondition {
    try condition(tag.kind, Array(tag.words.dropFirst()), negated: tag.words[0].hasPrefix("^"), tag)
  }

  private func elseCondition(_ tag: TemplateTag) throws -> TemplateCondition {
    guard tag.words.count > 1 else { return .always }
    return try condition(tag.words[1], Array(tag.words.dropFirst(2)), negated: false, tag)
  }

  private func condition(
    _ kind: String,
    _ words: [String],
    negated: Bool,
    _ tag: TemplateTag
  ) throws -> TemplateCondition {
    switch kind {
    case "capability":
      guard words.count == 1, let capability = Capability(rawValue: words[0]) else {
        throw error(
          "unknown capability \"\(words.joined(separator: " "))\"",
          tag,
          hint: "known: \(Capability.names.joined(separator: ", "))"
        )
      }
      return .capability(capability, negated: negated)
    case "dialect":
      guard words.count == 1 else { throw error("name one dialect", tag) }
      let known = dialect.namesBesideIt
      guard known.contains(words[0]) else {
        throw error(
          "unknown dialect \(words[0])\(Suggestion.nearest(to: words[0], in: known))",
          tag,
          hint: "known: \(known.joined(separator: ", "))"
        )
      }
      return .dialect(MigrationDialect(rawValue: words[0]), negated: negated)
    case "if":
      return try comparison(words, negated: negated, tag)
    default:
      throw error("unknown tag {{\(tag.content)}}", tag, hint: "known: if, capability, dialect")
    }
  }

  private func comparison(
    _ words: [String],
    negated: Bool,
    _ tag: TemplateTag
  ) throws -> TemplateCondition {
    guard let name = words.first else { throw error("{{#if}} needs a parameter", tag) }
    let definition = try checkName(name, tag)
    if words.count == 1 { return .parameter(name: name, comparison: nil, negated: negated) }
    guard words.count == 3, let symbol = TemplateCondition.Comparison.Symbol(rawValue: words[1]) else {
      throw error("write {{#if name}} or {{#if name = value}}", tag, hint: "with one of = != < <= > >=")
    }
    if definition.kind == .choice, !definition.choices.contains(words[2]) {
      throw error("\(name) is never \(words[2])", tag, hint: "it is \(definition.domain)")
    }
    if definition.kind == .int, Int(words[2]) == nil {
      throw error("\(name) is a number and \"\(words[2])\" is not", tag)
    }
    if definition.kind == .bool, words[2] != "true" && words[2] != "false" {
      throw error("\(name) is never \(words[2])", tag, hint: "it is \(definition.domain)")
    }
    return .parameter(name: name, comparison: .init(symbol: symbol, operand: words[2]), negated: negated)
  }

  @discardableResult
  private func checkName(_ name: String, _ tag: TemplateTag) throws -> ParameterDefinition {
    guard let definition = manifest[name] else {
      let near = Suggestion.nearest(to: name, in: manifest.definitions.map(\.name))
      throw error(
        "unknown parameter \(name)\(near)",
        tag,
        hint: "declare it in \(manifest.path), or put template:false behind the section's mark"
      )
    }
    return definition
  }

  private func error(_ message: String, _ tag: TemplateTag, hint: String? = nil) -> MigrationError {
    error(message, tag.range, hint: hint)
  }

  private func error(_ message: String, _ tag: Range<Int>, hint: String? = nil) -> MigrationError {
    MigrationError(
      .invalidTemplate,
      message,
      hint: hint,
      at: file.location(tag.lowerBound)
    )
  }
}

/// One `{{…}}` that is a tag.
struct TemplateTag: Hashable {
  var range: Range<Int>
  /// What stands between the braces.
  var content: String
  /// The content's words, comparison signs apart; never empty.
  var words: [String]

  /// `if` of `#if`, `^if` and `/if`.
  var kind: String { String(words[0].dropFirst()) }

  /// Whether it stands for no text of its own.
  var isSection: Bool { ["#", "^", "/"].contains(words[0].first) || words[0] == "else" }

  /// Reads what stands between braces; nil when that is SQL and not a tag.
  init?(_ content: String, range: Range<Int>) {
    let spaced = Self.separatingSigns(content)
    let words = spaced.split { $0 == " " || $0 == "\t" }.map(String.init)
    guard let first = words.first else { return nil }
    let marked = first.first.map { "#^/".contains($0) } ?? false
    let isTag = marked || first == "else" || (words.count == 1 && Self.isName(first))
    guard isTag, Self.isName(marked ? String(first.dropFirst()) : first) else { return nil }
    self.range = range
    self.content = content
    self.words = words
  }

  static func isName(_ word: String) -> Bool {
    guard let first = word.utf8.first, first == 0x5F || (0x41...0x5A).contains(first & 0xDF) else {
      return false
    }
    return word.utf8.allSatisfy {
      $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF)
    }
  }

  private static func separatingSigns(_ content: String) -> String {
    var text = ""
    var previous: Character = " "
    for character in content {
      let isSign = "=<>!".contains(character)
      if isSign != "=<>!".contains(previous) { text += " " }
      text.append(character)
      previous = character
    }
    return text
  }
}

extension TemplateParser {
  /// The tags of the range in their order; a tag ends on its line.
  func tags() -> [TemplateTag] {
    let bytes = file.text.utf8
    var found: [TemplateTag] = []
    var offset = range.lowerBound
    while offset + 3 < range.upperBound {
      guard bytes[offset] == UInt8(ascii: "{"), bytes[offset + 1] == UInt8(ascii: "{") else {
        offset += 1
        continue
      }
      if let tag = tag(at: offset) {
        found.append(tag)
        offset = tag.range.upperBound
      } else {
        offset += 1
      }
    }
    return found
  }

  private func tag(at start: Int) -> TemplateTag? {
    let bytes = file.text.utf8
    var end = start + 2
    while end + 1 < range.upperBound, bytes[end] != 0x0A, bytes[end] != UInt8(ascii: "{") {
      if bytes[end] == UInt8(ascii: "}"), bytes[end + 1] == UInt8(ascii: "}") {
        return TemplateTag(file.text[start + 2..<end], range: start..<end + 2)
      }
      end += 1
    }
    return nil
  }

  /// The line of a tag that has it for itself, with its line end: such a line leaves nothing behind.
  func wholeLine(of tag: Range<Int>) -> Range<Int>? {
    let bytes = file.text.utf8
    var start = tag.lowerBound
    while start > range.lowerBound, bytes[start - 1] == 0x20 || bytes[start - 1] == 0x09 { start -= 1 }
    guard start == range.lowerBound || bytes[start - 1] == 0x0A else { return nil }
    var end = tag.upperBound
    while end < range.upperBound, bytes[end] == 0x20 || bytes[end] == 0x09 { end += 1 }
    guard end == range.upperBound || bytes[end] == 0x0A else { return nil }
    return start..<min(end + 1, range.upperBound)
  }
}
