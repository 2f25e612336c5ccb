/// Prometheus' text exposition format, version 0.0.4.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private let help: [String: String]
  private(set) var rendered = ""

  init(help: [String: String]) {
    self.help = help
  }

  /// Appends every series of one type; all series of a name stand together, as the format demands.
  mutating func append<Series>(
    _ series: [PrometheusRegistry.Key: Series],
    type: String,
    samples: (Series) -> [(suffix: String, label: String, value: Double)]
  ) {
    let names = Dictionary(grouping: series) { $0.key.name }
    for (name, members) in names.sorted(by: { $0.key < $1.key }) {
      if let line = help[name] { rendered += "# HELP \(name) \(Self.escapedHelp(line))\n" }
      rendered += "# TYPE \(name) \(type)\n"
      for (key, member) in members.sorted(by: { $0.key.labels.lexicographicallyPrecedes($1.key.labels) }) {
        for sample in samples(member) {
          let labels = (key.labels + [sample.label].filter { !$0.isEmpty }).joined(separator: ",")
          let block = labels.isEmpty ? "" : "{\(labels)}"
          rendered += "\(name)\(sample.suffix)\(block) \(Self.number(sample.value))\n"
        }
      }
    }
  }

  /// Letters, digits, `_` and `:`; never a digit first.
  static func name(_ label: String) -> String {
    let name = String(
      label.map { character in
        character.isASCII && (character.isLetter || character.isNumber) || character == ":" ? character : "_"
      }
    )
    return name.first?.isNumber == true ? "_" + name : name
  }

  static func escaped(_ value: String) -> String {
    escapedHelp(value).replacing("\"", with: "\\\"")
  }

  private static func escapedHelp(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }
}
