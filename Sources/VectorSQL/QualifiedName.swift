/// A table, index or type name with its schema where one was given: `public.image_search`.
public struct QualifiedName: Sendable, Hashable, ExpressibleByStringLiteral {
  /// The schema, or nil to leave it to the server's `search_path`.
  public let schema: Identifier?
  /// The name inside the schema.
  public let name: Identifier

  /// A name from validated parts.
  public init(schema: Identifier? = nil, name: Identifier) {
    self.schema = schema
    self.name = name
  }

  /// `"table"` or `"schema.table"`, known at compile time.
  public init(stringLiteral literal: StaticString) {
    let parts = literal.description.split(separator: ".", maxSplits: 1).map(String.init)
    self.init(
      schema: parts.count == 2 ? Identifier(unchecked: parts[0]) : nil,
      name: Identifier(unchecked: parts.last ?? literal.description)
    )
  }

  /// Reads `table`, `schema.table`, `"Quoted Table"` or `"sche""ma"."table"`, as people write them on a command line.
  ///
  /// Unquoted parts are taken as they stand (not folded to lower case): the name given is the name used.
  /// - Throws: `IdentifierError` for an empty or overlong part, an open quote, or more than two parts.
  public init(validating text: String) throws {
    let parts = try Self.split(text)
    guard let last = parts.last, parts.count <= 2 else {
      throw IdentifierError(name: text, problem: "has more parts than schema.table")
    }
    self.init(
      schema: parts.count == 2 ? try Identifier(validating: parts[0]) : nil,
      name: try Identifier(validating: last)
    )
  }

  /// The parts in double quotes, joined by a dot.
  public var quoted: String {
    guard let schema else { return name.quoted }
    return schema.quoted + "." + name.quoted
  }

  private static func split(_ text: String) throws -> [String] {
    var parts: [String] = []
    var part = ""
    var insideQuotes = false
    var characters = text.makeIterator()
    var next = characters.next()
    while let character = next {
      next = characters.next()
      switch (character, insideQuotes) {
      case ("\"", true) where next == "\"":
        part.append("\"")
        next = characters.next()
      case ("\"", _):
        insideQuotes.toggle()
      case (".", false):
        parts.append(part)
        part = ""
      default:
        part.append(character)
      }
    }
    guard !insideQuotes else { throw IdentifierError(name: text, problem: "has a quote that is not closed") }
    return parts + [part]
  }
}

extension Identifier {
  init(unchecked name: String) {
    self.name = name
  }
}
