import ArgumentParser
import Basics
import CommandSupport
import Doctor
import FoundationEssentials
import ImageSearch
import ImageSources
import Inference
import Ingestion
import MigrateCommands
import Migrations

/// `adbvec doctor`.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check the server, the table, its index and a query, and print fixes.",
    discussion: """
      Nothing is changed: fixes are printed, not run. What is expected comes from the flags, adbvec.yaml and the \
      parameters of the migrations. Exit code 1 when a check fails.

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
      "How many rows to measure the recall with; 0 skips it.",
      valueName: "count"
    )
  )
  var sample = 20

  @Option(
    help: ArgumentHelp(
      "How many images to embed again and compare with their rows, in at most half a minute; 0 skips it. Of 5 % foreign rows 90 images find one with a probability of 0.99.",
      valueName: "count"
    )
  )
  var images = 150

  @Option(
    help: ArgumentHelp(
      "The share of the true neighbours that the index must find, 0…1.",
      valueName: "share"
    )
  )
  var minRecall = 0.9

  @Option(
    help: ArgumentHelp("l2, ip or cosine (default: the index's).", valueName: "name"),
    completion: .metrics
  )
  var metric: String?

  @Option(
    help: ArgumentHelp("A file with a query to check; - is standard input.", valueName: "file"),
    completion: .file()
  )
  var query: String?

  @OptionGroup(title: "Feature options") var features: FeatureOptions
  @OptionGroup var migrate: MigrateOptions

  func validate() throws {
    try checkRange("--top-k", topK, 1...10_000)
    try checkRange("--sample", sample, 0...1000)
    try checkRange("--images", images, 0...1000)
    try checkRange("--min-recall", minRecall, 0...1)
  }

  mutating func run() async throws {
    let settings = try migrate.global.settings(
      features.flags.merging([.metric: metric, .migrations: migrate.migrations]) { $1 }
    )
    var expectations = Expectations(table: try settings.imageTable(), dialect: try settings.sqlDialect())
    expectations.metric = try settings.chosenMetric()
    expectations.topK = topK
    expectations.sample = sample
    expectations.minimumRecall = minRecall
    expectations.images = images
    expectations.embed = { [features] in try Self.embed($1, by: $0, features, settings) }
    expectations.statement = try query.map(Self.text)
    if let parameters = try parameters(settings) {
      expectations.add(parameters: parameters.values.compactMapValues(\.text))
    }
    let findings = try await Doctor(expectations).examine(try await settings.connect())
    let report = DoctorReport(findings: findings)
    switch migrate.format {
    case .json: try JSONReport(command: "doctor", result: report).print()
    case .text: try Output.line(report.text)
    }
    if !report.healthy { throw ExitCode(1) }
  }

  /// The parameters of the migrations; nil without a folder of them: those in the program say nothing of a table that
  /// something else made.
  private func parameters(_ settings: Settings) throws -> ParameterSet? {
    guard migrate.hasFolder(settings) else { return nil }
    return try migrate.migrator(settings).parameters
  }

  /// The longest that images are embedded again; in half a minute any model embeds some dozens.
  private static let patience = Duration.seconds(30)

  private static func embed(
    _ sources: [String],
    by recipe: RecordedRecipe,
    _ features: FeatureOptions,
    _ settings: Settings
  ) throws -> [[Float]?] {
    let prepared = try features.prepare(settings, for: recipe)
    let extractor = try prepared.model.makeExtractor()
    let images = RowImages(prepared.decoding)
    let start = ContinuousClock.now
    var vectors: [[Float]?] = []
    for source in sources where ContinuousClock.now - start < patience {
      try Task.checkCancellation()
      vectors.append(try (try? images.image(source: source)).map { try extractor.features(of: $0) })
    }
    return vectors
  }

  private static func text(of path: String) throws -> String {
    if path == "-" {
      var text = ""
      while let line = readLine(strippingNewline: false) { text += line }
      return text
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("cannot read the file of --query, \(path)", exitCode: 64)
    }
    return String(decoding: data, as: UTF8.self)
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
    healthy = !findings.contains { $0.severity == .wrong }
  }

  /// One line per check, and the fix below it.
  var text: String {
    let width = findings.map(\.check.count).max() ?? 0
    let lines = findings.flatMap { finding -> [String] in
      let padding = String(repeating: " ", count: width - finding.check.count)
      let marks = ["ok": "ok     ", "warning": "warning", "wrong": "WRONG  ", "skipped": "skipped"]
      let mark = marks[finding.severity.rawValue] ?? ""
      // Names come from the database, where they may hold anything.
      let line = "\(mark)  \(finding.check)\(padding)  \(PrintableText.line(finding.message))"
      let indent = String(repeating: " ", count: width)
      return [line] + (finding.fix.map { ["         \(indent)  → \(PrintableText.line($0))"] } ?? [])
    }
    let wrong = findings.count { $0.severity == .wrong }
    let skipped = findings.count { $0.severity == .skipped }
    let sum =
      wrong == 0
      ? "\(findings.count) checks, \(skipped) of them skipped: nothing is wrong."
      : "\(wrong) of \(findings.count) checks found something wrong."
    return (lines + ["", sum]).joined(separator: "\n")
  }
}
