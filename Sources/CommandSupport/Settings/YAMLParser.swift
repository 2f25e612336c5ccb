import CYAML

/// A part of a YAML document, with the line where it begins.
///
/// Anchors, tags and several documents have no meaning in settings and are not followed.
struct YAMLNode {
  /// What the part is.
  enum Content {
    /// No value: nothing written, `~` or `null`.
    case null
    /// One value, as it is written, quotes taken off.
    case scalar(String)
    /// Lines of `key: value`, in their order.
    case mapping([(key: YAMLNode, value: YAMLNode)])
    /// A list, or a reference to another part.
    case other
  }

  let content: Content
  /// 1 for the first.
  let line: Int

  /// The text of one value; nil for anything else.
  var scalar: String? { if case .scalar(let text) = content { text } else { nil } }

  /// Whether there is no value.
  var isNull: Bool { if case .null = content { true } else { false } }
}

/// A document that libyaml cannot read.
struct YAMLError: Error {
  /// What is wrong, one line.
  let message: String
  let line: Int
}

/// Puts together libyaml's events (`yaml.h`); the parser lives as long as the value.
struct YAMLParser: ~Copyable {
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)

  private init() throws {
    if let problem = adbvec_yaml_problem() { throw YAMLError(message: String(cString: problem), line: 1) }
    guard yaml_parser_initialize(parser) == 1 else { throw YAMLError(message: "out of memory", line: 1) }
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// Reads the first document of a text; nil for a text without one.
  /// - Throws: `YAMLError`.
  static func document(_ text: String) throws -> YAMLNode? {
    let parser = try YAMLParser()
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBufferPointer { buffer in
      yaml_parser_set_input_string(parser.parser, buffer.baseAddress, buffer.count)
      while true {
        let event = try parser.next()
        if event.type == YAML_STREAM_END_EVENT { return nil }
        if event.type == YAML_DOCUMENT_START_EVENT { return try parser.node(try parser.next(), depth: 0) }
      }
    }
  }

  /// What an event says, copied out of libyaml's memory.
  private struct Event {
    let type: yaml_event_type_t
    let line: Int
    let text: String
    let isPlain: Bool
  }

  private func next() throws -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else {
      let problem = parser.pointee.problem.map { String(cString: $0) } ?? "unreadable"
      throw YAMLError(message: problem, line: Int(parser.pointee.problem_mark.line) + 1)
    }
    defer { yaml_event_delete(&event) }
    let isScalar = event.type == YAML_SCALAR_EVENT
    let scalar = event.data.scalar
    return Event(
      type: event.type,
      line: Int(event.start_mark.line) + 1,
      text: isScalar
        ? String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        : "",
      isPlain: isScalar && scalar.style == YAML_PLAIN_SCALAR_STYLE
    )
  }

  private func node(_ event: Event, depth: Int) throws -> YAMLNode {
    guard depth < 32 else { throw YAMLError(message: "nested too deep for settings", line: event.line) }
    switch event.type {
    case YAML_SCALAR_EVENT:
      let isNull = event.isPlain && ["", "~", "null", "Null", "NULL"].contains(event.text)
      return YAMLNode(content: isNull ? .null : .scalar(event.text), line: event.line)
    case YAML_MAPPING_START_EVENT:
      var lines: [(YAMLNode, YAMLNode)] = []
      while true {
        let key = try next()
        if key.type == YAML_MAPPING_END_EVENT { break }
        lines.append((try node(key, depth: depth + 1), try node(try next(), depth: depth + 1)))
      }
      return YAMLNode(content: .mapping(lines), line: event.line)
    case YAML_SEQUENCE_START_EVENT:
      while true {
        let item = try next()
        if item.type == YAML_SEQUENCE_END_EVENT { break }
        _ = try node(item, depth: depth + 1)
      }
      return YAMLNode(content: .other, line: event.line)
    default:
      return YAMLNode(content: .other, line: event.line)
    }
  }
}
