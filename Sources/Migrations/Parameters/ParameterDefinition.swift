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
