import ArgumentParser
import CommandSupport
import Migrations

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
