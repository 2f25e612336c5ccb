public import ArgumentParser
import Basics
package import CommandSupport
public import Migrations
import PostgresClient
import VectorSQL

/// `adbvec migrate …`: the schema under version control.
package struct MigrateCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: abstract,
    discussion: discussion(of: "adbvec migrate"),
    subcommands: commands
  )

  package static let abstract = "Apply versioned SQL files to the database schema."

  /// The commands, in the order of the help.
  package static let commands: [any ParsableCommand.Type] = [
    MigrateUp.self, MigrateDown.self, MigrateRedo.self, MigrateStatus.self, MigratePlan.self,
    MigrateRender.self, MigrateValidate.self, MigrateLint.self, MigrateInit.self, MigrateNew.self,
    MigrateBaseline.self, MigrateRepair.self, MigrateWait.self, MigrateDump.self,
  ]

  /// - Parameter program: How the commands are called: `adbvec migrate`, or `adbvec-migrate`.
  package static func discussion(of program: String) -> String {
    let lines = [
      ("status", "what is applied, pending, changed"),
      ("plan", "the SQL that 'up' would send"),
      ("up --set dim=512", "run what is pending"),
      ("redo --set dim=1000", "the last one anew, with another value"),
      ("init", "write the files to ./migrations"),
    ]
    let width = lines.map(\.0.count).max() ?? 0
    let examples = lines.map { words, meaning in
      "  \(program) \(words)" + String(repeating: " ", count: width - words.count) + "  # \(meaning)"
    }
    return """
      The files are MIGRATIONS/<dialect>/0001_name.sql with sections '-- migrate:up' and '-- migrate:down'. A parameter \
      file beside or above them declares the {{parameters}}. MIGRATIONS is --migrations, else ADBVEC_MIGRATIONS, else \
      ./migrations if it exists, else the migrations in the program: the table of the image search.

      \(examples.joined(separator: "\n"))
      """
  }

  package init() {}
}

/// Options that all `migrate` commands share.
package struct MigrateOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The folder with the files, or with a folder for each dialect (default: ./migrations, else those in the program).",
      valueName: "folder"
    ),
    completion: .directory
  )
  package var migrations: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A parameter's value; repeatable. Also ADBVEC_PARAM_NAME and adbvec.yaml.",
      valueName: "name=value"
    )
  )
  package var set: [String] = []

  @Option(
    help: ArgumentHelp(
      "The table that keeps the history (default: public.adbvec_migrations).",
      valueName: "schema.table"
    )
  )
  package var historyTable: String?

  @Option(help: "text or json.")
  package var format = ReportFormat.text

  @OptionGroup(title: "Global options") package var global: GlobalOptions

  package init() {}

  /// The settings in force.
  package func settings() throws -> Settings {
    try global.settings([.migrations: migrations])
  }

  /// Reads the files and checks the parameters; asks no server.
  package func migrator(
    _ settings: Settings,
    readsAppliedFiles: Bool = true,
    _ change: (inout MigratorOptions) throws -> Void = { _ in }
  ) throws -> Migrator {
    var options = MigratorOptions()
    if let historyTable {
      do { options.historyTable = try QualifiedName(validating: historyTable) } catch {
        throw CommandFailure("--history-table: \(error)", exitCode: 64)
      }
    }
    try change(&options)
    let dialect = try dialect(settings)
    let source = try source(settings, dialect)
    return try Migrator(
      source: source,
      parameters: try parameters(settings, source, dialect),
      dialect: dialect,
      options: options,
      readsAppliedFiles: readsAppliedFiles
    )
  }

  /// The dialect in force: pgvector, analyticdb, or one for which the migrations have a folder.
  /// - Throws: `CommandFailure` with exit code 64 for any other name, which is a misspelling.
  func dialect(_ settings: Settings) throws -> MigrationDialect {
    let name = try settings.text(.dialect)
    let base = settings[.migrations]?.text ?? "migrations"
    let isFolderName = !name.isEmpty && !name.hasPrefix(".") && !name.contains("/")
    guard
      Dialect.all.contains(where: { $0.name == name })
        || isFolderName && MigrationSource.isFolder("\(base)/\(name)")
    else { throw settings.unknownDialect(name) }
    return MigrationDialect(rawValue: name)
  }

  /// Whether the migrations are a folder's, and not those in the program.
  package func hasFolder(_ settings: Settings) -> Bool {
    MigrationSource.isFolder(settings[.migrations]?.text ?? "migrations")
  }

  private func source(_ settings: Settings, _ dialect: MigrationDialect) throws -> MigrationSource {
    if settings[.migrations] == nil, !hasFolder(settings) {
      if let shipped = try ShippedMigrations.source(dialect) { return shipped }
    }
    return try .folder(folder(settings, dialect))
  }

  /// The files' folder: `migrations/pgvector` where there is one, else `migrations` itself.
  func folder(_ settings: Settings, _ dialect: MigrationDialect) -> String {
    let base = settings[.migrations]?.text ?? "migrations"
    let nested = "\(base)/\(dialect)"
    return MigrationSource.isFolder(nested) ? nested : base
  }

  /// What is true of every command that changes the database, whenever it stops.
  var interruption: String { "interrupted; '\(CommandRunner.migrateCommand) status' shows what is applied" }

  /// `--set`, else `ADBVEC_PARAM_…`, else `parameters:` in adbvec.yaml; `--table` gives the parameters `schema` and
  /// `table` where they are declared.
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
      // By scalars: an equals sign with a combining mark behind it is another character.
      let parts = word.unicodeScalars.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { String($0) }
      guard parts.count == 2, !parts[0].isEmpty else {
        throw CommandFailure("--set takes name=value, not \"\(word)\"", exitCode: 64)
      }
      values[parts[0]] = parts[1]
    }
    return values
  }
}

extension MigrateOptions {
  func show(_ plan: PlanReport) throws {
    switch format {
    case .json: try JSONReport(command: "migrate plan", result: plan).print()
    case .text:
      if plan.isEmpty { Terminal.note("nothing to do") } else { try plan.write { try Output.data($0) } }
    }
  }

  func show(_ report: RunReport) throws {
    switch format {
    case .json: try JSONReport(command: "migrate \(report.command)", result: report).print()
    case .text: if report.migrations.isEmpty { global.note("nothing to do") }
    }
  }

  func show(_ report: RepairReport) throws {
    switch format {
    case .json: try JSONReport(command: "migrate \(report.command)", result: report).print()
    case .text:
      let what = report.versions.isEmpty ? "nothing to change" : report.versions.joined(separator: ", ")
      global.note("\(report.command): \(what)")
    }
  }
}

/// Options of the commands that change the database.
package struct MigrateRunOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How long to wait for another run's lock.", valueName: "60s"))
  var lockWait: String?

  @Option(
    help: ArgumentHelp(
      "How a run keeps others out: automatic, session, transaction or none.",
      valueName: "kind"
    ),
    completion: .list(["automatic", "session", "transaction", "none"])
  )
  var lock = MigratorOptions.Lock.automatic

  @Option(help: ArgumentHelp("How long a statement may wait for a table's lock.", valueName: "5s"))
  var lockTimeout: String?

  @Option(help: ArgumentHelp("How often a file is tried when a lock cannot be obtained.", valueName: "n"))
  var attempts: Int?

  @Flag(help: "Apply pending versions that are lower than an applied one.")
  var allowOutOfOrder = false

  @Flag(help: "Run in spite of edited files, changed parameters and missing files.")
  var ignoreDrift = false

  @Option(help: ArgumentHelp("What to do with a statement whose outcome is unknown.", valueName: "what"))
  var inDoubt = MigratorOptions.InDoubt.ask

  package init() {}

  package func validate() throws {
    if let attempts { try checkRange("--attempts", attempts, 1...) }
  }

  func apply(to options: inout MigratorOptions) throws {
    options.lock = lock
    options.allowOutOfOrder = allowOutOfOrder
    options.ignoreDrift = ignoreDrift
    options.inDoubt = inDoubt
    if let lockWait { options.lockWait = try Self.milliseconds("--lock-wait", lockWait) }
    if let lockTimeout { options.lockTimeout = try Self.milliseconds("--lock-timeout", lockTimeout) }
    if let attempts { options.attempts = attempts }
  }

  /// - Throws: `CommandFailure` with exit code 64 for a text that is not a duration.
  static func milliseconds(_ option: String, _ text: String) throws -> Int {
    guard let value = SectionOptions.milliseconds(text) else {
      throw CommandFailure(
        "\(option) must be a duration such as 500ms, 5s or 2min, not \"\(text)\"",
        exitCode: 64
      )
    }
    return value
  }
}

extension MigratorOptions.Lock: ExpressibleByArgument {}
extension MigratorOptions.InDoubt: ExpressibleByArgument {}
