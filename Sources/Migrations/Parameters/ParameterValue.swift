public import VectorSQL

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
    case .literal(let text): Self.quote(text)
    case .choice(let word):
      definition.choices.firstIndex(of: word).flatMap { index in
        definition.renders.isEmpty ? nil : definition.renders[index]
      } ?? word
    }
  }

  /// A string literal that reads alike whatever `standard_conforming_strings` is.
  static func quote(_ text: String) -> String {
    var quoted = ""
    for scalar in text.unicodeScalars {
      if scalar == "'" || scalar == "\\" { quoted.unicodeScalars.append(scalar) }
      quoted.unicodeScalars.append(scalar)
    }
    return (text.unicodeScalars.contains("\\") ? "E'" : "'") + quoted + "'"
  }
}
