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
    guard name.utf8.contains(UInt8(ascii: "\"")) else { return "\"" + name + "\"" }
    var quoted = "\""
    for scalar in name.unicodeScalars {
      if scalar == "\"" { quoted += "\"" }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
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
