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
