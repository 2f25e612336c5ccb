import Basics
internal import VectorSQL

/// The checked values of all parameters that a dialect knows.
public struct ParameterSet: Sendable, Hashable {
  /// The declarations; nil where the migrations have none.
  public let manifest: ParameterManifest?
  /// A value for each declared name.
  public let values: [String: ParameterValue]

  /// Checks given values against the declarations and fills in the defaults.
  /// - Throws: `MigrationErrors` with all that is missing, unknown, out of range or not of its type.
  public init(manifest: ParameterManifest?, given: [String: String], dialect: MigrationDialect) throws {
    var resolver = ParameterResolver(manifest: manifest, given: given, dialect: dialect)
    values = resolver.resolve()
    self.manifest = manifest
    guard resolver.problems.isEmpty else { throw MigrationErrors(errors: resolver.problems) }
  }
}

/// Works out the values of a `ParameterSet`.
struct ParameterResolver {
  let manifest: ParameterManifest?
  let given: [String: String]
  let dialect: MigrationDialect
  private(set) var problems: [MigrationError] = []
  private var values: [String: ParameterValue] = [:]

  init(manifest: ParameterManifest?, given: [String: String], dialect: MigrationDialect) {
    self.manifest = manifest
    self.given = given
    self.dialect = dialect
  }

  mutating func resolve() -> [String: ParameterValue] {
    let definitions = manifest?.definitions ?? []
    reportUnknown(definitions.map(\.name))
    // Defaults may name other parameters, so those without such a reference come first.
    for definition in definitions where !refersToOthers(definition) { resolve(definition) }
    for definition in definitions where refersToOthers(definition) { resolve(definition) }
    for definition in definitions { checkMultiple(definition) }
    return values
  }

  private mutating func resolve(_ definition: ParameterDefinition) {
    guard definition.hasMeaning(for: dialect) else {
      if given[definition.name] != nil {
        report(definition, "has no meaning for the dialect \(dialect)", hint: "leave it out")
      }
      values[definition.name] = .absent
      return
    }
    guard let text = given[definition.name] ?? expandedDefault(definition) else {
      if !definition.isOptional {
        report(
          definition,
          "has no value and no default",
          hint: "give \(definition.name)=\(definition.domain)"
        )
      }
      values[definition.name] = .absent
      return
    }
    if text.isEmpty, definition.isOptional {
      values[definition.name] = .absent
    } else if let value = parse(text, definition) {
      values[definition.name] = value
    }
  }

  private mutating func parse(_ text: String, _ definition: ParameterDefinition) -> ParameterValue? {
    switch definition.kind {
    case .int:
      guard let number = Int(text) else { return refuse(text, definition) }
      guard definition.range?.contains(number) ?? true else { return refuse(text, definition) }
      return .int(number)
    case .bool:
      switch text.lowercased() {
      case "true", "on", "yes", "1": return .bool(true)
      case "false", "off", "no", "0": return .bool(false)
      default: return refuse(text, definition)
      }
    case .choice:
      return definition.choices.contains(text) ? .choice(text) : refuse(text, definition)
    case .identifier:
      do { return .identifier(try Identifier(validating: text)) } catch {
        report(definition, "is not a name: \(error)", hint: "give \(definition.domain)")
        return nil
      }
    case .literal:
      guard !text.unicodeScalars.contains("\0") else { return refuse("…", definition) }
      return .literal(text)
    }
  }

  private mutating func checkMultiple(_ definition: ParameterDefinition) {
    guard let multiple = definition.atLeast, case .int(let value) = values[definition.name],
      case .int(let other) = values[multiple.parameter]
    else { return }
    let (least, overflow) = multiple.factor.multipliedReportingOverflow(by: other)
    if overflow {
      report(
        definition,
        "has to be at least \(multiple), which is beyond any number",
        hint: "give \(multiple.parameter) a smaller value"
      )
    } else if value < least {
      report(
        definition,
        "is \(value), below \(multiple) = \(least)",
        hint: "give \(definition.name)=\(least) or more"
      )
    }
  }

  private mutating func reportUnknown(_ names: [String]) {
    for name in given.keys.sorted() where !names.contains(name) {
      let known = manifest.map { "\($0.path) declares no parameter \(name)" }
      problems.append(
        MigrationError(
          .invalidParameter,
          (known ?? "these migrations declare no parameters, so \(name) means nothing")
            + Suggestion.nearest(to: name, in: names),
          hint: names.isEmpty ? nil : "known: \(names.joined(separator: ", "))"
        )
      )
    }
  }

  private mutating func refuse(_ text: String, _ definition: ParameterDefinition) -> ParameterValue? {
    report(definition, "is \(text), which is not \(definition.domain)", hint: nil)
    return nil
  }

  private mutating func report(_ definition: ParameterDefinition, _ problem: String, hint: String?) {
    problems.append(
      MigrationError(
        .invalidParameter,
        "the parameter \(definition.name) \(problem) (\(dialect))",
        hint: hint,
        at: definition.location
      )
    )
  }

  private func refersToOthers(_ definition: ParameterDefinition) -> Bool {
    given[definition.name] == nil && !definition.namesInDefault.isEmpty
  }

  /// `{table}_idx` with the values put in.
  private func expandedDefault(_ definition: ParameterDefinition) -> String? {
    guard refersToOthers(definition), let template = definition.defaultValue else {
      return definition.defaultValue
    }
    var text = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      text += rest[..<open] + (values[String(rest[rest.index(after: open)..<close])]?.text ?? "")
      rest = rest[rest.index(after: close)...]
    }
    return text + rest
  }
}
