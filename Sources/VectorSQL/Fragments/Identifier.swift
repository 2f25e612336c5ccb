internal import Basics

/// A name of a table, column, index or schema that is safe to write into SQL text.
///
/// PostgreSQL cuts names silently at 63 bytes (`NAMEDATALEN - 1`); this type refuses longer ones, so that two names
/// cannot collide by being cut.
public struct Identifier: Sendable, Hashable, ExpressibleByStringLiteral {
  /// The name as the catalogue stores it, without quotes.
  public let name: String

  /// The most bytes a name may have.
  public static let maximumBytes = 63

  /// A name known at compile time; only literals get here, so no user text can.
  public init(stringLiteral literal: StaticString) {
    name = literal.description
  }

  /// A name that came from outside.
  /// - Throws: `IdentifierError` when it is empty, longer than 63 bytes, or holds U+0000.
  public init(validating name: String) throws {
    guard !name.isEmpty else { throw IdentifierError(name: name, problem: "is empty") }
    guard name.utf8.count <= Self.maximumBytes else {
      throw IdentifierError(
        name: String(name.prefix(24)) + "…",
        problem: "has \(name.utf8.count) bytes where PostgreSQL keeps \(Self.maximumBytes)"
      )
    }
    guard !name.unicodeScalars.contains("\0") else {
      throw IdentifierError(name: name.filter { $0 != "\0" }, problem: "contains a NUL character")
    }
    self.name = name
  }

  /// The name in double quotes, inner quotes doubled: always valid where an identifier may stand.
  public var quoted: String {
    name.utf8.contains(UInt8(ascii: "\"")) ? Quoting.doubling(name) : "\"" + name + "\""
  }
}

/// Why a text cannot be an identifier.
public struct IdentifierError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The offending name, shortened where it was long.
  public let name: String
  /// What is wrong with it, as the rest of a sentence.
  public let problem: String

  /// One line for people.
  public var description: String { "the name \"\(name)\" \(problem)" }
}

extension IdentifierError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { "invalid_name" }
}

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
    var part = String.UnicodeScalarView()
    var insideQuotes = false
    // A quote or a dot with a combining mark behind it is one character, and still a quote or a dot.
    var scalars = text.unicodeScalars.makeIterator()
    var next = scalars.next()
    while let scalar = next {
      next = scalars.next()
      switch (scalar, insideQuotes) {
      case ("\"", true) where next == "\"":
        part.append("\"")
        next = scalars.next()
      case ("\"", _):
        insideQuotes.toggle()
      case (".", false):
        parts.append(String(part))
        part = String.UnicodeScalarView()
      default:
        part.append(scalar)
      }
    }
    guard !insideQuotes else { throw IdentifierError(name: text, problem: "has a quote that is not closed") }
    return parts + [String(part)]
  }
}

extension Identifier {
  init(unchecked name: String) {
    self.name = name
  }
}
