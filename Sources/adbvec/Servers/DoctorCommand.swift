import ArgumentParser
import CommandSupport
import Doctor
import Foundation
import MigrateCommands
import Migrations
import VectorSQL

/// `adbvec doctor`.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what is wrong with the server, the table, its index or a query, and what mends it.",
    discussion: """
      Nothing is changed: what mends a fault is printed, not run. What is right is compared with adbvec.yaml, the \
      flags and the parameters of the migrations. Exit code 1 when something is wrong.

        adbvec doctor
        adbvec doctor --query slow.sql --format json
      """
  )

  @Option(
    name: [.customShort("k"), .long],
    help: ArgumentHelp("How many rows searches ask for.", valueName: "count")
  )
  var topK = 20

  @Option(
    help: ArgumentHelp(
      "How many rows to search for when the recall is measured; 0: none.",
      valueName: "count"
    )
  )
  var sample = 20

  @Option(
    help: ArgumentHelp(
      "The least share of the true neighbours that the index shall find.",
      valueName: "share"
    )
  )
  var minRecall = 0.9

  @Option(help: ArgumentHelp("l2, ip or cosine; without it the index's own.", valueName: "name"))
  var metric: String?

  @Option(
    help: ArgumentHelp("A file with a query of your own to look at; - for standard input.", valueName: "file")
  )
  var query: String?

  @OptionGroup var migrate: MigrateOptions

  func validate() throws {
    guard (1...10_000).contains(topK) else { throw ValidationError("--top-k must be 1…10000, not \(topK)") }
    guard (0...1000).contains(sample) else { throw ValidationError("--sample must be 0…1000, not \(sample)") }
    guard (0...1).contains(minRecall) else {
      throw ValidationError("--min-recall must be 0…1, not \(minRecall)")
    }
  }

  mutating func run() async throws {
    let settings = try await migrate.global.settings([.metric: metric, .migrations: migrate.migrations])
    var expectations = Expectations(table: try settings.imageTable(), dialect: try settings.sqlDialect())
    expectations.metric = try settings.chosenMetric()
    expectations.topK = topK
    expectations.sample = sample
    expectations.minimumRecall = minRecall
    expectations.statement = try query.map(Self.text)
    if let parameters = try parameters(settings) { expectations.add(parameters) }
    let findings = try await Doctor(expectations).examine(try await settings.connect())
    let report = DoctorReport(findings: findings)
    switch migrate.format {
    case .json: try JSONReport(command: "doctor", result: report).print()
    case .text: print(report.text)
    }
    if !report.healthy { throw ExitCode(1) }
  }

  /// The parameters of the migrations; nil where there are none.
  private func parameters(_ settings: Settings) throws -> ParameterSet? {
    let dialect = MigrationDialect(rawValue: try settings.text(.dialect))
    guard MigrationSource.isFolder(migrate.folder(settings, dialect)) else { return nil }
    return try migrate.migrator(settings).parameters
  }

  private static func text(of path: String) throws -> String {
    if path == "-" { return String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self) }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("--query: the file \(path) cannot be read", exitCode: 64)
    }
    return String(decoding: data, as: UTF8.self)
  }
}

extension Expectations {
  /// What the tutorial's parameters say of the table and its index.
  fileprivate mutating func add(_ parameters: ParameterSet) {
    let values = parameters.values
    dimension = values["dim"]?.text.flatMap { Int($0) }
    if metric == nil { metric = values["distance"]?.text.flatMap { Metric(name: $0) } }
    for (parameter, option) in dialect.indexExtension.optionsByParameter {
      guard let text = values[parameter]?.text else { continue }
      indexOptions[option] = ["true": "1", "false": "0"][text] ?? text
    }
  }
}

/// What `adbvec doctor` prints.
struct DoctorReport: Encodable {
  /// Whether nothing is wrong.
  let healthy: Bool
  /// Each check, in order.
  let findings: [Finding]

  init(findings: [Finding]) {
    self.findings = findings
    healthy = !findings.contains { $0.verdict == .wrong }
  }

  /// A line a check, and what mends it below.
  var text: String {
    let width = findings.map(\.check.count).max() ?? 0
    let lines = findings.flatMap { finding -> [String] in
      let padding = String(repeating: " ", count: width - finding.check.count)
      let mark = ["ok": "ok     ", "wrong": "WRONG  ", "skipped": "skipped"][finding.verdict.rawValue] ?? ""
      let line = "\(mark)  \(finding.check)\(padding)  \(finding.message)"
      return [line]
        + (finding.remedy.map { ["         \(String(repeating: " ", count: width))  → \($0)"] } ?? [])
    }
    let wrong = findings.count { $0.verdict == .wrong }
    let sum = wrong == 0 ? "Nothing is wrong." : "\(wrong) of \(findings.count) checks found something wrong."
    return (lines + ["", sum]).joined(separator: "\n")
  }
}
