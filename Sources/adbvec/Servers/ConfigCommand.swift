import ArgumentParser
import CommandSupport
import ImageSearch
import Ingestion
import PostgresClient
import VectorSQL

/// `adbvec config …`.
struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Show the settings in force.",
    subcommands: [ConfigShow.self]
  )
}

/// `adbvec config show`: every setting, its value and its origin; secrets redacted.
struct ConfigShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print every setting, its value and where it comes from.",
    discussion:
      "Passwords are never printed. Order: flag, ADBVEC_* variable, DATABASE_URL, PG* variables, adbvec.yaml, default."
  )

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  private struct Entry: Encodable {
    let setting: String
    let value: String?
    let origin: String?
    let variable: String
    let help: String
  }

  mutating func run() async throws {
    let settings = try global.settings()
    let known = Setting.all.map { setting in
      let value = settings[setting]
      return Entry(
        setting: setting.key,
        value: value.map { setting.isSecret ? Self.redacted($0) : $0.text },
        origin: value?.origin,
        variable: setting.variable,
        help: setting.help
      )
    }
    let parameters = settings.parameterNames.map { name in
      let value = settings.parameter(name)
      return Entry(
        setting: "parameters.\(name)",
        value: value?.text,
        origin: value?.origin,
        variable: "ADBVEC_PARAM_\(name.uppercased())",
        help: "a parameter of the migrations"
      )
    }
    let entries = known + parameters
    switch format {
    case .json: try JSONReport(command: "config show", result: entries).print()
    case .text:
      var table = TextTable(["setting", "value", "origin"])
      for entry in entries { table.append([entry.setting, entry.value ?? "-", entry.origin ?? "not set"]) }
      try Output.line(table.rendered)
    }
  }

  private static func redacted(_ value: Settings.Value) -> String {
    ConnectionSettings(url: value.text.isEmpty ? nil : value.text).redacted
  }
}

/// Settings as commands take them: the table, the metric.
extension Settings {
  /// The table and columns in force.
  /// - Throws: `CommandFailure` with exit code 64 for a name that PostgreSQL could not keep.
  func imageTable() throws -> ImageTable {
    ImageTable(
      name: try tableName(),
      idColumn: try name(.idColumn) { try Identifier(validating: $0) },
      classColumn: try name(.classColumn) { try Identifier(validating: $0) },
      vectorColumn: try name(.vectorColumn) { try Identifier(validating: $0) }
    )
  }

  /// The same table as the target of a load.
  func loadTarget() throws -> LoadTarget {
    let table = try imageTable()
    return LoadTarget(
      table: table.name,
      idColumn: table.idColumn,
      labelColumn: table.classColumn,
      vectorColumn: table.vectorColumn,
      sourceColumn: table.sourceColumn
    )
  }

  /// The metric that was set; nil leaves it to the index.
  func chosenMetric() throws -> Metric? {
    guard let value = self[.metric] else { return nil }
    guard let metric = Metric(name: value.text) else {
      let known = Metric.all.map(\.description).joined(separator: ", ")
      throw CommandFailure("the metric must be one of \(known), not \"\(value.text)\"", exitCode: 64)
    }
    return metric
  }
}
