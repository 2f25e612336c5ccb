import ArgumentParser
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
    try await MigrateFailure.reporting("migrate status", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings)
      let report = try await migrator.status(on: try await settings.connect())
      switch options.format {
      case .json: try JSONReport(command: "migrate status", result: report).print()
      case .text: show(report)
      }
      guard check else { return }
      if report.hasDrift { throw ExitCode(3) }
      if report.isPending { throw ExitCode(2) }
    }
  }

  private func show(_ report: StatusReport) {
    var table = TextTable(["version", "name", "state", "since", "remark"])
    for status in report.migrations {
      table.append([
        status.id.key, status.name, word(status),
        status.record?.finishedAt.map { String($0.prefix(19)) } ?? "",
        remarks(status).joined(separator: "; "),
      ])
    }
    print(table.rendered)
    for index in report.invalidIndexes { print("invalid index: \(index) (no query uses it; build it again)") }
    for status in report.migrations {
      for drift in status.drift { print("\(status.id): \(drift); \(status.remedy(drift))") }
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
    if status.record?.kind == .baseline { remarks.append("baseline") }
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

        adbvec migrate plan | psql "$DATABASE_URL"

      Not in it is what 'up' does only when something goes wrong: waiting, trying again, recording a failure, dropping an \
      index that an earlier build left invalid.
      """
  )

  @Option(help: ArgumentHelp("The last version to run.", valueName: "version"))
  var to: String?

  @Option(help: ArgumentHelp("How many at most.", valueName: "n"))
  var count: Int?

  @Flag(help: "Exit with 2 when there is something to do.")
  var check = false

  @Flag(help: "Ask no server: the plan for a database without history.")
  var offline = false

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate plan", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { try run.apply(to: &$0) }
      let plan =
        offline
        ? try migrator.planFromNothing()
        : try await migrator.plan(
          MigrationTarget(version: to, count: count),
          on: try await settings.connect()
        )
      try options.print(plan)
      if check, !plan.isEmpty { throw ExitCode(2) }
    }
  }
}

extension MigrateOptions {
  func print(_ plan: PlanReport) throws {
    switch format {
    case .json: try JSONReport(command: "migrate plan", result: plan).print()
    case .text:
      if plan.isEmpty { Terminal.note("nothing to do") } else { Swift.print(plan.psql, terminator: "") }
    }
  }

  func print(_ report: RunReport) throws {
    switch format {
    case .json: try JSONReport(command: "migrate \(report.command)", result: report).print()
    case .text:
      if report.migrations.isEmpty, !global.quiet { Terminal.note("nothing to do") }
    }
  }

  func print(_ report: RepairReport) throws {
    switch format {
    case .json: try JSONReport(command: "migrate \(report.command)", result: report).print()
    case .text:
      if global.quiet { return }
      let what = report.versions.isEmpty ? "nothing to change" : report.versions.joined(separator: ", ")
      Terminal.note("\(report.command): \(what)")
    }
  }
}

/// `adbvec migrate render`.
struct MigrateRender: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "render",
    abstract: "Print the files with their parameters put in; asks no server."
  )

  @Argument(help: ArgumentHelp("Only this version.", valueName: "version"))
  var version: String?

  @Flag(help: "Print the way down in place of the way up.")
  var down = false

  @Option(
    help: ArgumentHelp(
      "What the server can do, where a file asks: distribution, concurrent_index …; with '-' in front, cannot.",
      valueName: "name"
    )
  )
  var capability: [String] = []

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate render", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { options in
        for word in capability {
          let name = word.hasPrefix("-") ? String(word.dropFirst()) : word
          guard let known = Capability(rawValue: name) else {
            throw CommandFailure(
              "--capability is one of \(Capability.names.joined(separator: ", "))",
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
          print("-- \(file.file)")
          print(down ? file.down ?? "-- there is no way down\n" : file.up)
        }
      }
    }
  }
}

/// `adbvec migrate validate`.
struct MigrateValidate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check files, parameters and history against each other; exit code 3 for drift.",
    discussion: "Says apart whether a file was edited or a parameter has another value, and what to do."
  )

  @Flag(help: "Check the files and parameters only; ask no server.")
  var offline = false

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate validate", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings)
      let problems =
        offline ? migrator.problems() : try await migrator.validate(on: try await settings.connect())
      guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
      switch options.format {
      case .json:
        try JSONReport(command: "migrate validate", result: ["files": migrator.migrations.count]).print()
      case .text: print("\(migrator.migrations.count) files are in order")
      }
    }
  }
}

/// `adbvec migrate lint`.
struct MigrateLint: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract:
      "Find what would lock or break a database in use, and what is wrong with vectors; asks no server.",
    discussion: """
      Exit code 1 for an error or a warning. '-- lint:ignore D001 the table is new' in a file hides a rule there; \
      --rules prints all of them.
      """
  )

  @Flag(help: "Print the rules.")
  var rules = false

  @Option(help: ArgumentHelp("Bytes in a page of the server.", valueName: "bytes"))
  var pageSize: Int?

  @Option(help: ArgumentHelp("AnalyticDB's major version, 6 or 7.", valueName: "n"))
  var productVersion: Int?

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate lint", options.format) {
      if rules { return try printRules() }
      let settings = try await options.settings()
      let findings = try options.migrator(settings).lint(
        LintTarget(pageSize: pageSize, productVersion: productVersion)
      )
      switch options.format {
      case .json: try JSONReport(command: "migrate lint", result: findings).print()
      case .text:
        for finding in findings { print("\(finding)\n\(finding.location.excerpt)") }
        if findings.isEmpty, !options.global.quiet { Terminal.note("nothing found") }
      }
      if findings.contains(where: { $0.rule.severity >= .warning }) { throw ExitCode(1) }
    }
  }

  private func printRules() throws {
    switch options.format {
    case .json: try JSONReport(command: "migrate lint", result: LintRule.all).print()
    case .text:
      var table = TextTable(["code", "severity", "finds"])
      for rule in LintRule.all { table.append([rule.code, rule.severity.rawValue, rule.summary]) }
      print(table.rendered)
    }
  }
}
