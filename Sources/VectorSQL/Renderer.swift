/// How the text of a rendering is laid out.
public enum TextLayout: Sendable, Hashable {
  /// One line, for the wire.
  case compact
  /// A clause a line, for people.
  case pretty
}

/// Walks a fragment once, writes its text and collects its values.
struct Renderer {
  /// Writes a bound value: its number (from 1), its name where it has one, and the value.
  typealias Parameter = @Sendable (_ number: Int, _ name: String?, _ value: SQLValue) -> String

  let dialect: Dialect
  let layout: TextLayout
  /// nil writes the dialect's placeholder.
  var parameter: Parameter?
  private var bytes: [UInt8] = []
  private(set) var binds: [SQLValue] = []
  private(set) var names: [String?] = []
  private var vectorNumbers: [Int] = []
  private var depth = 0

  init(dialect: Dialect, layout: TextLayout, parameter: Parameter? = nil) {
    self.dialect = dialect
    self.layout = layout
    self.parameter = parameter
    bytes.reserveCapacity(512)
  }

  /// What has been written so far.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func render(_ sql: SQL) throws(RenderingError) {
    try render(sql.segments)
  }

  private mutating func render(_ segments: [SQL.Segment]) throws(RenderingError) {
    for segment in segments {
      switch segment {
      case .literal(let literal): literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
      case .text(let text): write(text)
      case .identifier(let identifier): write(identifier)
      case .name(let name): write(name)
      case .nested(let segments): try render(segments)
      case .bind(let value, let name): try write(value, name: name)
      case .vector(let vector): try write(vector)
      case .deferred(let choose): try render(choose(dialect))
      case .layout(let layout): write(layout)
      }
    }
  }

  /// The text so far, leaving the values: what is rendered next shares their numbers.
  mutating func takeText() -> String {
    defer { bytes.removeAll(keepingCapacity: true) }
    return text
  }

  private mutating func write(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func write(_ name: QualifiedName) {
    if let schema = name.schema {
      write(schema)
      write(".")
    }
    write(name.name)
  }

  private mutating func write(_ identifier: Identifier) {
    let quote = UInt8(ascii: "\"")
    bytes.append(quote)
    for byte in identifier.name.utf8 {
      if byte == quote { bytes.append(quote) }
      bytes.append(byte)
    }
    bytes.append(quote)
  }

  private mutating func write(_ layout: SQL.Layout) {
    switch (layout, self.layout) {
    case (.indent, _): depth += 1
    case (.outdent, _): depth -= 1
    case (.line, .compact): write(" ")
    case (.edge, .compact): break
    case (.line, .pretty), (.edge, .pretty): write("\n" + String(repeating: "  ", count: depth))
    }
  }

  private mutating func write(_ value: SQLValue, name: String?) throws(RenderingError) {
    try value.check()
    let number: Int
    if let name, let index = names.firstIndex(of: name), binds[index] == value {
      number = index + 1
    } else {
      number = append(value, name: name)
    }
    write(spelled(number))
  }

  private mutating func write(_ vector: VectorBind) throws(RenderingError) {
    let type = try dialect.type(of: vector.element)
    let value = type.encode(vector.elements)
    let number: Int
    if let earlier = vectorNumbers.first(where: { binds[$0 - 1] == value }) {
      number = earlier
    } else {
      number = append(value, name: vectorNumbers.isEmpty ? "query" : nil)
      vectorNumbers.append(number)
    }
    write(spelled(number))
    write("::")
    write(type.castType(dimension: vector.elements.count))
  }

  private mutating func append(_ value: SQLValue, name: String?) -> Int {
    binds.append(value)
    names.append(names.contains(name) ? nil : name)
    return binds.count
  }

  private func spelled(_ number: Int) -> String {
    guard let parameter else { return dialect.placeholder(number) }
    return parameter(number, names[number - 1], binds[number - 1])
  }
}

extension SQL {
  /// The text with numbered parameters and the values for them.
  ///
  /// The text depends on the shape of the query only, never on the values, apart from which vectors are equal; so it
  /// can serve as a key for prepared statements.
  /// - Throws: `RenderingError` when the dialect lacks something that the fragment needs.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> Statement {
    var renderer = Renderer(dialect: dialect, layout: layout)
    try renderer.render(self)
    return Statement(trusted: renderer.text, binds: renderer.binds)
  }
}
