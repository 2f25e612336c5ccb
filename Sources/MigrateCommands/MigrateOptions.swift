import Basics
public import ArgumentParser
package import CommandSupport
public import Migrations
import PostgresClient
import VectorSQL

/// Options that all `migrate` commands share.
package struct MigrateOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("The folder with the files, or with a folder of them a dialect.", valueName: "folder")
  )
  package var migrations: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A parameter's value; may be repeated. Also ADBVEC_PARAM_NAME and adbvec.yaml.",
      valueName: "name=value"
    )
  )
  package var set: [String] = []

  @Option(help: ArgumentHelp("The table that keeps the history.", valueName: "schema.table"))
  package var historyTable: String?

  @Option(help: "text or json.")
  package var format = ReportFormat.text

  @OptionGroup(title: "Global options") package var global: GlobalOptions

  package init() {}

  /// The settings in force.
  package func settings() async throws -> Settings {
    try await global.settings([.migrations: migrations])
  }

  /// Reads the files and checks the parameters, before any connection.
  package func migrator(_ settings: Settings, _ change: (inout MigratorOptions) throws -> Void = { _ in })
    throws
    -> Migrator
  {
    var options = MigratorOptions()
    if let historyTable {
      do { options.historyTable = try QualifiedName(validating: historyTable) } catch {
        throw CommandFailure("--history-table: \(error)", exitCode: 64)
      }
    }
    try change(&options)
    let dialect = MigrationDialect(rawValue: try settings.text(.dialect))
    let source = try MigrationSource.folder(folder(settings, dialect))
    return try Migrator(
      source: source,
      parameters: try parameters(settings, source, dialect),
      dialect: dialect,
      options: options
    )
  }

  /// The files' folder: `migrations/pgvector` where there is one, else `migrations` itself.
  package func folder(_ settings: Settings, _ dialect: MigrationDialect) -> String {
    let base = settings[.migrations]?.text ?? "migrations"
    let nested = "\(base)/\(dialect)"
    return MigrationSource.isFolder(nested) ? nested : base
  }

  /// `--set`, else `ADBVEC_PARAM_…`, else `parameters:` in adbvec.yaml; `--table` gives the parameters `schema` and `table` where they are declared.
  private func parameters(
    _ settings: Settings,
    _ source: MigrationSource,
    _ dialect: MigrationDialect
  ) throws -> [String: String] {
    let definitions =
      try source.manifest.map { try ParameterManifest($0, dialect: dialect).definitions } ?? []
    let declared = definitions.map(\.name)
    try settings.checkFileParameters(declared: declared) { Suggestion.nearest(to: $0, in: declared) }
    var values: [String: String] = [:]
    if let name = settings[.table], name.origin != "default", declared.contains("table") {
      let table = try settings.tableName()
      values["table"] = table.name.name
      if let schema = table.schema, declared.contains("schema") { values["schema"] = schema.name }
    }
    // One adbvec.yaml may serve several dialects: what has no meaning for this one is left out.
    for definition in definitions {
      guard let value = settings.parameter(definition.name) else { continue }
      let isFromFile = value.origin == settings.file?.path
      if isFromFile, !definition.hasMeaning(for: dialect) { continue }
      values[definition.name] = value.text
    }
    for word in set {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw CommandFailure("--set takes name=value, not \"\(word)\"", exitCode: 64)
      }
      values[parts[0]] = parts[1]
    }
    return values
  }
}

/// Options of the commands that change the database.
package struct MigrateRunOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How long to wait for another run's lock.", valueName: "60s"))
  var lockWait: String?

  @Option(
    help: ArgumentHelp(
      "How a run keeps others out: automatic, session, transaction, none.",
      valueName: "kind"
    )
  )
  var lock = MigratorOptions.Lock.automatic

  @Option(help: ArgumentHelp("How long a statement may wait for a table's lock.", valueName: "5s"))
  var lockTimeout: String?

  @Option(help: ArgumentHelp("How often a file is tried when a lock is not to be had.", valueName: "n"))
  var attempts: Int?

  @Flag(help: "Run pending versions that are lower than an applied one.")
  var allowOutOfOrder = false

  @Flag(help: "Let edited files, other parameters and missing files pass.")
  var ignoreDrift = false

  package init() {}

  func apply(to options: inout MigratorOptions) throws {
    options.lock = lock
    options.allowOutOfOrder = allowOutOfOrder
    options.ignoreDrift = ignoreDrift
    if let lockWait { options.lockWait = try duration("lock-wait", lockWait) }
    if let lockTimeout { options.lockTimeout = try duration("lock-timeout", lockTimeout) }
    if let attempts { options.attempts = max(1, attempts) }
  }

  private func duration(_ name: String, _ text: String) throws -> Int {
    guard let value = SectionOptions.milliseconds(text) else {
      throw CommandFailure("--\(name) is a duration such as 500ms, 5s or 2min, not \"\(text)\"", exitCode: 64)
    }
    return value
  }
}

extension MigratorOptions.Lock: ExpressibleByArgument {}
