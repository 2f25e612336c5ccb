internal import CYAML

/// A part of a YAML document, with the place where it begins.
///
/// Anchors and tags have no meaning in settings and are not followed.
package struct YAMLNode {
  /// What the part is.
  package enum Content {
    /// No value: nothing written, `~` or `null`.
    case null
    /// One value, as it is written, quotes taken off.
    case scalar(String)
    /// Lines of `key: value`, in their order.
    case mapping([(key: YAMLNode, value: YAMLNode)])
    /// A list.
    case list([YAMLNode])
    /// A reference to another part.
    case reference
  }

  package let content: Content
  package let place: Place

  /// Where something begins.
  package struct Place {
    /// 1 for the first.
    package let line: Int
    /// How many characters (Unicode scalars) of the line stand before it.
    package let column: Int

    fileprivate init(_ mark: yaml_mark_t) {
      line = Int(mark.line) + 1
      column = Int(mark.column)
    }
  }

  /// The text of one value; nil for anything else.
  package var scalar: String? { if case .scalar(let text) = content { text } else { nil } }

  /// The parts of a list; nil for anything else.
  package var list: [YAMLNode]? { if case .list(let parts) = content { parts } else { nil } }

  /// Whether it is lines of `key: value`.
  package var isMapping: Bool { if case .mapping = content { true } else { false } }

  /// Whether there is no value.
  package var isNull: Bool { if case .null = content { true } else { false } }

  /// Reads a text of one document, by libyaml; nil for a text without any.
  /// - Throws: `YAMLError`.
  package init?(_ text: String) throws {
    guard let document = try YAMLParser.document(text) else { return nil }
    self = document
  }

  fileprivate init(_ content: Content, _ event: YAMLParser.Event) {
    self.content = content
    place = event.place
  }
}

/// A document that cannot be read.
package struct YAMLError: Error {
  /// What is wrong, one line.
  package let message: String
  package let place: YAMLNode.Place
}

/// Puts together libyaml's events (`yaml.h`); the parser lives as long as the value.
private struct YAMLParser: ~Copyable {
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)

  private init() throws {
    let problem = adbvec_yaml_problem().map { String(cString: $0) }
    if let problem { throw YAMLError(message: problem, place: YAMLNode.Place(yaml_mark_t())) }
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLError(message: "out of memory", place: YAMLNode.Place(yaml_mark_t()))
    }
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  static func document(_ text: String) throws -> YAMLNode? {
    let parser = try YAMLParser()
    var text = text
    return try text.withUTF8 { buffer in
      yaml_parser_set_input_string(parser.parser, buffer.baseAddress, buffer.count)
      var found: YAMLNode?
      while true {
        let event = try parser.next()
        if event.type == YAML_STREAM_END_EVENT { return found }
        guard event.type == YAML_DOCUMENT_START_EVENT else { continue }
        guard found == nil else { throw event.error("a second document begins here") }
        found = try parser.node(try parser.next(), depth: 0)
      }
    }
  }

  /// What an event says, copied out of libyaml's memory.
  struct Event {
    let type: yaml_event_type_t
    let place: YAMLNode.Place
    let text: String
    let isPlain: Bool

    func error(_ message: String) -> YAMLError { YAMLError(message: message, place: place) }
  }

  private func next() throws -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
    defer { yaml_event_delete(&event) }
    let isScalar = event.type == YAML_SCALAR_EVENT
    let scalar = event.data.scalar
    return Event(
      type: event.type,
      place: YAMLNode.Place(event.start_mark),
      text: isScalar
        ? String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        : "",
      isPlain: isScalar && scalar.style == YAML_PLAIN_SCALAR_STYLE
    )
  }

  /// What libyaml has found wrong, and what it was reading then.
  private func problem() -> YAMLError {
    let state = parser.pointee
    var message = state.problem.map { String(cString: $0) } ?? "unreadable"
    if let context = state.context {
      message += " \(String(cString: context)) that begins in line \(state.context_mark.line + 1)"
    }
    return YAMLError(message: message, place: YAMLNode.Place(state.problem_mark))
  }

  private func node(_ event: Event, depth: Int) throws -> YAMLNode {
    guard depth < 32 else { throw event.error("nested too deep") }
    switch event.type {
    case YAML_SCALAR_EVENT:
      let isNull = event.isPlain && ["", "~", "null", "Null", "NULL"].contains(event.text)
      return YAMLNode(isNull ? .null : .scalar(event.text), event)
    case YAML_MAPPING_START_EVENT:
      var lines: [(YAMLNode, YAMLNode)] = []
      while true {
        let key = try next()
        if key.type == YAML_MAPPING_END_EVENT { break }
        lines.append((try node(key, depth: depth + 1), try node(try next(), depth: depth + 1)))
      }
      return YAMLNode(.mapping(lines), event)
    case YAML_SEQUENCE_START_EVENT:
      var parts: [YAMLNode] = []
      while true {
        let part = try next()
        if part.type == YAML_SEQUENCE_END_EVENT { break }
        parts.append(try node(part, depth: depth + 1))
      }
      return YAMLNode(.list(parts), event)
    default:
      return YAMLNode(.reference, event)
    }
  }
}
