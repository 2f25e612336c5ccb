internal import Basics
public import VectorSQL

/// The declaration of one parameter, for one dialect.
public struct ParameterDefinition: Sendable, Hashable {
  /// What values a parameter takes, and with it how they are written into SQL.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A whole number, written as digits.
    case int
    /// `true` or `false`.
    case bool
    /// A name, written with quotes where SQL needs them.
    case identifier
    /// Text, written as a string literal.
    case literal
    /// One word of a list.
    case choice
  }

  /// The name between the braces.
  public var name: String
  /// What values it takes.
  public var kind: Kind
  /// The allowed numbers, both ends included; nil for any.
  public var range: ClosedRange<Int>?
  /// `2 * hnsw_m`: the least value, as a multiple of another parameter.
  public var atLeast: Multiple?
  /// The words of a choice.
  public var choices: [String] = []
  /// What each choice is in SQL, in the order of `choices` (`false`, `true` for a bool); empty writes the value itself.
  public var renders: [String] = []
  /// The value where none is given; for an identifier `{other}` stands for another parameter's value.
  public var defaultValue: String?
  /// Whether it may be left without a value; `{{#if name}}` then tells.
  public var isOptional = false
  /// The dialects in which it has a meaning; empty for all.
  public var dialects: [String] = []
  /// What it is for, one line.
  public var help: String = ""
  /// Where it is declared.
  public var location: SourceLocation

  /// A number of times another parameter.
  public struct Multiple: Sendable, Hashable, CustomStringConvertible {
    /// How many times.
    public var factor: Int
    /// The other parameter.
    public var parameter: String

    /// `2 * hnsw_m`.
    public var description: String { factor == 1 ? parameter : "\(factor) * \(parameter)" }
  }
}

extension ParameterDefinition {
  /// The parameters that the default of an identifier names in braces.
  var namesInDefault: [String] {
    guard kind == .identifier, let text = defaultValue else { return [] }
    return text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().compactMap { part in
      part.firstIndex(of: "}").map { String(part[..<$0]) }
    }
  }

  /// Whether it may be given for a dialect.
  public func hasMeaning(for dialect: MigrationDialect) -> Bool {
    dialects.isEmpty || dialects.contains(dialect.rawValue)
  }

  /// The allowed values, for help and messages: `2…100`, `l2 | ip | cosine`.
  public var domain: String {
    switch kind {
    case .int:
      let bounds = range.map { "\($0.lowerBound)…\($0.upperBound)" } ?? "a whole number"
      return atLeast.map { "\(bounds), at least \($0)" } ?? bounds
    case .bool: return "true | false"
    case .choice: return choices.joined(separator: " | ")
    case .identifier: return "a name of at most 63 bytes"
    case .literal: return "text"
    }
  }
}

/// A value of its parameter's type, checked.
public enum ParameterValue: Sendable, Hashable {
  /// No value was given, and none is needed.
  case absent
  /// A whole number.
  case int(Int)
  /// True or false.
  case bool(Bool)
  /// A name.
  case identifier(Identifier)
  /// Text.
  case literal(String)
  /// One word of a list.
  case choice(String)

  /// The value as it is given on a command line and kept in the history; nil when absent.
  public var text: String? {
    switch self {
    case .absent: nil
    case .int(let number): String(number)
    case .bool(let flag): String(flag)
    case .identifier(let identifier): identifier.name
    case .literal(let text), .choice(let text): text
    }
  }

  /// Whether `{{#if name}}` takes its first branch.
  var isTrue: Bool {
    switch self {
    case .absent: false
    case .bool(let flag): flag
    default: true
    }
  }

  /// The value as SQL text, as its definition says.
  func sql(_ definition: ParameterDefinition) -> String {
    switch self {
    case .absent: ""
    case .int(let number): number < 0 ? "(\(number))" : String(number)
    case .bool(let flag): definition.renders.isEmpty ? String(flag) : definition.renders[flag ? 1 : 0]
    case .identifier(let identifier): ReservedWords.quotedWhereNeeded(identifier)
    case .literal(let text): SQLValue.quotedLiteral(text)
    case .choice(let word):
      definition.choices.firstIndex(of: word).flatMap { index in
        definition.renders.isEmpty ? nil : definition.renders[index]
      } ?? word
    }
  }
}

/// The words that PostgreSQL (9.4 to 18) or Greenplum does not take as a bare name of a table or column.
package enum ReservedWords {
  /// The name as SQL text: bare where that reads the same, quoted otherwise.
  package static func quotedWhereNeeded(_ identifier: Identifier) -> String {
    let name = identifier.name
    let isPlain = name.utf8.enumerated().allSatisfy { index, byte in
      (0x61...0x7A).contains(byte) || byte == 0x5F || (index > 0 && (0x30...0x39).contains(byte))
    }
    return isPlain && !words.contains(name) ? name : identifier.quoted
  }

  private static let words: Set<String> = [
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between",
    "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce",
    "collate", "collation", "column", "concurrently", "constraint", "create", "cross", "cube",
    "current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp",
    "current_user", "dec", "decimal", "decode", "default", "deferrable", "desc", "distinct", "distributed",
    "do", "else", "end", "except", "exclude", "exists", "extract", "false", "fetch", "float", "following",
    "for", "foreign", "freeze", "from", "full", "grant", "greatest", "group", "group_id", "grouping",
    "having", "ilike", "in", "initially", "inner", "inout", "int", "integer", "intersect", "interval",
    "into", "is", "isnull", "join", "lateral", "leading", "least", "left", "like", "limit", "localtime",
    "localtimestamp", "log", "merge_action", "national", "natural", "nchar", "none", "normalize", "not",
    "notnull", "null", "nullif", "numeric", "offset", "on", "only", "or", "order", "out", "outer", "over",
    "overlaps", "overlay", "partition", "placing", "position", "preceding", "precision", "primary", "real",
    "references", "returning", "right", "rollup", "row", "scatter", "select", "session_user", "setof",
    "sets", "similar", "smallint", "some", "substring", "symmetric", "system_user", "table", "tablesample",
    "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true", "unbounded", "union", "unique",
    "user", "using", "values", "varchar", "variadic", "verbose", "when", "where", "window", "with",
    "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse",
    "xmlpi", "xmlroot", "xmlserialize", "xmltable",
  ]
}

/// A JSON object of strings.
enum FlatJSON {
  /// With its keys in order: what is written is hashed.
  static func write(_ values: [String: String]) -> String {
    let members = values.sorted { $0.key < $1.key }
      .map { "\(Quoting.json($0.key)):\(Quoting.json($0.value))" }
    return "{" + members.joined(separator: ",") + "}"
  }

  /// Reads a JSON object of strings; nil for anything else.
  static func read(_ text: String) -> [String: String]? {
    var text = text
    return text.withUTF8 { bytes in
      var scanner = JSONScanner(UnsafeRawBufferPointer(bytes))
      var values: [String: String] = [:]
      do {
        try scanner.object { key, scanner in values[key] = try scanner.string() }
        try scanner.end()
        return values
      } catch {
        return nil
      }
    }
  }
}
