import ArgumentParser
import CommandSupport
import Migrations

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
