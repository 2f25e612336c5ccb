import ArgumentParser
import Basics
import CommandSupport
import Migrations

/// `adbvec migrate status`.
struct MigrateStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show what is applied, pending, changed or broken; never writes.",
    discussion:
      "With --check the exit code is 2 when something is pending and 3 when files and history disagree."
  )

  @Flag(help: "Exit with 2 for pending and 3 for drift.")
  var check = false

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings, readsAppliedFiles: false)
    let report = try await migrator.status(on: try await settings.connect())
    switch options.format {
    case .json: try JSONReport(command: "migrate status", result: report).print()
    case .text: try show(report)
    }
    guard check else { return }
    if report.hasDrift { throw ExitCode(3) }
    if report.isPending { throw ExitCode(2) }
  }

  private func show(_ report: StatusReport) throws {
    var table = TextTable(["version", "name", "state", "since", "remarks"])
    for status in report.migrations {
      table.append([
        status.id.key, status.name, word(status),
        status.record?.finishedAt.map { String($0.prefix(19)) } ?? "",
        remarks(status).joined(separator: "; "),
      ])
    }
    try Output.line(table.rendered)
    for index in report.invalidIndexes {
      try Output.line("invalid index: \(index) (no query uses it). Fix: REINDEX INDEX CONCURRENTLY \(index)")
    }
    for status in report.migrations {
      for drift in status.drift {
        try Output.line(Failure.spelled("\(status.id): \(drift); \(status.fix(for: drift))"))
      }
    }
  }

  private func word(_ status: Migrations.MigrationStatus) -> String {
    guard status.state == .partial || status.state == .reverting, let record = status.record else {
      return status.state.rawValue
    }
    return "\(status.state.rawValue) \(record.statementsDone)/\(record.statementsTotal)"
  }

  private func remarks(_ status: Migrations.MigrationStatus) -> [String] {
    var remarks = status.drift.map(\.code)
    if status.isOutOfOrder { remarks.append("out of order") }
    if let kind = status.record?.kind, ![.versioned, .repeatable].contains(kind) {
      remarks.append(kind.rawValue)
    }
    if let error = status.record?.error { remarks.append(error) }
    return remarks
  }
}

/// `adbvec migrate plan`.
struct MigratePlan: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Print exactly what 'up' would send, bookkeeping included.",
    discussion: """
      The text is a script for psql with the effect of 'up':

        \(CommandRunner.migrateCommand) plan | psql "$DATABASE_URL"

      It lacks what 'up' does only when something goes wrong: wait, retry, record a failure, drop an index that an \
      earlier build left invalid.
      """
  )

  @Option(help: ArgumentHelp("The last version to apply.", valueName: "version"))
  var to: String?

  @Option(help: ArgumentHelp("How many migrations to plan at most.", valueName: "n"))
  var count: Int?

  @Flag(help: "Exit with 2 when there is something to do.")
  var check = false

  @Flag(help: "Plan for a database without history; contacts no server.")
  var offline = false

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  func validate() throws {
    if let count { try checkRange("--count", count, 1...) }
    if offline, to != nil || count != nil {
      throw ValidationError("--offline plans every file; leave out --to and --count")
    }
  }

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
    let plan =
      offline
      ? try migrator.planFromNothing()
      : try await migrator.plan(
        MigrationTarget(version: to, count: count),
        on: try await settings.connect(),
        steps: try MigrateCommand.changes?.runner(settings, force: false)
      )
    try options.show(plan)
    if check, !plan.isEmpty { throw ExitCode(2) }
  }
}

/// `adbvec migrate render`.
struct MigrateRender: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "render",
    abstract: "Print the files with the parameters' values; contacts no server."
  )

  @Argument(help: ArgumentHelp("Only this version.", valueName: "version"))
  var version: String?

  @Flag(help: "Print the down sections instead of the up sections.")
  var down = false

  @Option(
    help: ArgumentHelp(
      "Assume that the server can do this, or with '-' in front that it cannot: \(Capability.names.joined(separator: ", ")).",
      valueName: "name"
    )
  )
  var capability: [String] = []

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings) { options in
      for word in capability {
        let name = word.hasPrefix("-") ? String(word.dropFirst()) : word
        guard let known = Capability(rawValue: name) else {
          throw CommandFailure(
            "--capability must be one of \(Capability.names.joined(separator: ", ")), not \"\(name)\"",
            exitCode: 64
          )
        }
        options.capabilities[known] = name == word
      }
    }
    let files = try migrator.render(version: version)
    switch options.format {
    case .json: try JSONReport(command: "migrate render", result: files).print()
    case .text:
      for file in files {
        try Output.data("-- \(PrintableText.line(file.file))\n")
        if down, file.down == nil { try Output.data("-- this migration has no down section\n") }
        try file.write(down ? .down : .up) { try Output.data($0) }
        try Output.data("\n")
      }
    }
  }
}

/// `adbvec migrate validate`.
struct MigrateValidate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check files, parameters and history against each other; exit code 3 for drift.",
    discussion: "Tells edited files from changed parameters, and names the fix for each."
  )

  @Flag(help: "Check the files and parameters only; contacts no server.")
  var offline = false

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings)
    let problems =
      offline ? migrator.problems() : try await migrator.validate(on: try await settings.connect())
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    switch options.format {
    case .json:
      try JSONReport(command: "migrate validate", result: ["files": migrator.migrations.count]).print()
    case .text:
      let count = migrator.migrations.count
      try Output.line(count == 1 ? "1 file is in order" : "\(count) files are in order")
    }
  }
}

/// `adbvec migrate lint`.
struct MigrateLint: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract:
      "Find statements that lock or break a database in use, and mistakes with vectors; contacts no server.",
    discussion: """
      Exit code 1 for an error or a warning. '-- lint:ignore D001 the table is new' in a file hides a rule there; \
      --rules prints all of them.
      """
  )

  @Flag(help: "Print the rules.")
  var rules = false

  @Option(help: ArgumentHelp("Bytes in a page of the server, 1024…65536.", valueName: "bytes"))
  var pageSize: Int?

  @Option(help: ArgumentHelp("AnalyticDB's major version, 6 or 7.", valueName: "n"))
  var productVersion: Int?

  @OptionGroup var options: MigrateOptions

  func validate() throws {
    if let pageSize, !(1024...65_536).contains(pageSize) || pageSize.nonzeroBitCount != 1 {
      throw ValidationError("--page-size must be a power of two in 1024…65536, not \(pageSize)")
    }
    if let productVersion { try checkRange("--product-version", productVersion, 1...) }
  }

  mutating func run() async throws {
    if rules { return try printRules() }
    let settings = try options.settings()
    let findings = try options.migrator(settings).lint(
      LintTarget(pageSize: pageSize, productVersion: productVersion)
    )
    switch options.format {
    case .json: try JSONReport(command: "migrate lint", result: findings).print()
    case .text:
      for finding in findings { try Output.line("\(finding)\n\(finding.location.excerpt)") }
      if findings.isEmpty, !options.global.quiet { Terminal.note("nothing found") }
    }
    if findings.contains(where: { $0.rule.severity >= .warning }) { throw ExitCode(1) }
  }

  private func printRules() throws {
    switch options.format {
    case .json: try JSONReport(command: "migrate lint", result: LintRule.all).print()
    case .text:
      var table = TextTable(["code", "severity", "finds"])
      for rule in LintRule.all { table.append([rule.code, rule.severity.rawValue, rule.summary]) }
      try Output.line(table.rendered)
    }
  }
}
