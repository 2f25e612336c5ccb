internal import Basics

/// A template in the part of Mustache that the page uses: `{{name}}`, `{{a.b}}`, `{{.}}`, sections, inverted sections,
/// partials and comments.
///
/// A tag of a section, partial or comment that is alone on its line takes the whole line with it. Values are escaped for HTML.
/// No library does this: ARCHITECTURE.md, "FoundationEssentials only".
struct PageTemplate: Sendable {
  /// Why a text is not a template.
  struct ParseError: Error, CustomStringConvertible {
    let line: Int
    let message: String

    var description: String { "line \(line): \(message)" }
  }

  fileprivate indirect enum Node: Sendable {
    case text(String)
    case value([String])
    case section([String], inverted: Bool, [Node])
    case partial(String)
  }

  fileprivate let nodes: [Node]

  /// - Throws: `ParseError` for a tag that is not closed, or closes another section than the open one.
  init(_ text: String) throws {
    var parser = Parser(text)
    nodes = try parser.nodes()
  }

  /// The template filled with a view's properties.
  ///
  /// - Parameter partials: The templates that `{{> name}}` stands for; an unknown one is empty.
  func render(_ view: Any, partials: [String: PageTemplate]) -> String {
    var renderer = Renderer(partials: partials)
    renderer.write(nodes, [view])
    return renderer.output
  }
}

private struct Parser {
  private struct Tag {
    let kind: Character
    let name: String
    let line: Int

    var path: [String] { name == "." ? [] : name.split(separator: ".").map(String.init) }
  }

  /// Tags that write nothing in their own place.
  private static let standingAlone: Set<Character> = ["#", "^", "/", ">", "!"]

  private var rest: Substring
  private var line = 1
  /// Whether nothing but blanks stands before `rest` on its line.
  private var isAtStart = true

  init(_ text: String) { rest = Substring(text) }

  mutating func nodes() throws -> [PageTemplate.Node] { try nodes(of: nil) }

  private mutating func nodes(of open: Tag?) throws -> [PageTemplate.Node] {
    var nodes: [PageTemplate.Node] = []
    while let start = rest.firstRange(of: "{{") {
      var before = rest[..<start.lowerBound]
      take(before, upTo: start.upperBound)
      let tag = try tag()
      if Self.standingAlone.contains(tag.kind), isAtStart, let next = endOfBlankLine() {
        before =
          before[
            ..<(before.lastIndex { $0 != " " && $0 != "\t" }.map(before.index(after:)) ?? before.startIndex)
          ]
        if next > rest.startIndex { take(rest[..<next], upTo: next) }
      } else {
        isAtStart = false
      }
      if !before.isEmpty { nodes.append(.text(String(before))) }
      switch tag.kind {
      case "#", "^": nodes.append(.section(tag.path, inverted: tag.kind == "^", try self.nodes(of: tag)))
      case ">": nodes.append(.partial(tag.name))
      case "!": break
      case "/":
        guard tag.name == open?.name else {
          throw PageTemplate.ParseError(line: tag.line, message: "{{/\(tag.name)}} closes no open section")
        }
        return nodes
      default: nodes.append(.value(tag.path))
      }
    }
    if let open {
      throw PageTemplate.ParseError(line: open.line, message: "the section \(open.name) is not closed")
    }
    if !rest.isEmpty { nodes.append(.text(String(rest))) }
    return nodes
  }

  /// Goes on behind a text, and keeps count of the line and of what stands on it.
  private mutating func take(_ text: Substring, upTo end: Substring.Index) {
    for character in text {
      if character.isNewline {
        line += 1
        isAtStart = true
      } else if character != " ", character != "\t" {
        isAtStart = false
      }
    }
    rest = rest[end...]
  }

  private mutating func tag() throws -> Tag {
    guard let end = rest.firstRange(of: "}}") else {
      throw PageTemplate.ParseError(line: line, message: "a tag is not closed")
    }
    let content = rest[..<end.lowerBound]
    let first = content.first { $0 != " " } ?? " "
    let isMarked = Self.standingAlone.contains(first)
    let words = content.drop { $0 == " " }.dropFirst(isMarked ? 1 : 0).split(separator: " ")
    let tag = Tag(kind: isMarked ? first : "=", name: words.first.map(String.init) ?? "", line: line)
    guard first == "!" || words.count == 1, first != "{", first != "&" else {
      throw PageTemplate.ParseError(line: line, message: "{{\(content)}} is not a tag this page knows")
    }
    line += content.count { $0.isNewline }
    rest = rest[end.upperBound...]
    return tag
  }

  /// Where the next line begins, if nothing but blanks stands before it.
  private func endOfBlankLine() -> Substring.Index? {
    guard let end = rest.firstIndex(where: { $0 != " " && $0 != "\t" }) else { return rest.endIndex }
    return rest[end].isNewline ? rest.index(after: end) : nil
  }
}

private struct Renderer {
  let partials: [String: PageTemplate]
  var output = ""
  /// Partials within partials; a template that contains itself ends here.
  private var depth = 0

  init(partials: [String: PageTemplate]) { self.partials = partials }

  /// - Parameter views: From the outermost to the innermost section's.
  mutating func write(_ nodes: [PageTemplate.Node], _ views: [Any]) {
    for node in nodes {
      switch node {
      case .text(let text): output += text
      case .value(let path): if let value = Self.value(path, views) { output += Quoting.html("\(value)") }
      case .partial(let name):
        guard let partial = partials[name], depth < 16 else { continue }
        depth += 1
        write(partial.nodes, views)
        depth -= 1
      case .section(let path, let inverted, let content):
        let items = Self.items(Self.value(path, views))
        if inverted {
          if items.isEmpty { write(content, views) }
        } else {
          for item in items { write(content, views + [item]) }
        }
      }
    }
  }

  /// What a section is written for: each element of an array, once for another value, never for nil and false.
  private static func items(_ value: Any?) -> [Any] {
    switch value {
    case nil: []
    case let flag as Bool: flag ? [flag] : []
    case let list as [Any]: list
    case let value?: [value]
    }
  }

  /// The property at a path, looked for in the innermost view first.
  private static func value(_ path: [String], _ views: [Any]) -> Any? {
    guard let first = path.first else { return views.last }
    for view in views.reversed() {
      guard let child = Mirror(reflecting: view).children.first(where: { $0.label == first }) else {
        continue
      }
      return path.dropFirst().reduce(unwrapped(child.value)) { value, name in
        if let words = value as? [String: String] { return words[name] }
        return value.flatMap { Mirror(reflecting: $0).children.first { $0.label == name } }.flatMap {
          unwrapped($0.value)
        }
      }
    }
    return nil
  }

  private static func unwrapped(_ value: Any) -> Any? {
    let mirror = Mirror(reflecting: value)
    return mirror.displayStyle == .optional ? mirror.children.first.flatMap { unwrapped($0.value) } : value
  }
}
