public import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageGrid
import ImageSources
import Inference
import Ingestion
import MetricLearning

/// `adbvec evaluate`.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure and compare the retrieval quality of settings, on images with classes.",
    discussion: """
      COLLECTION is searched with the images of --queries, or with each of its own among all others; a result is \
      right when it has the query's class. Each --setting changes the feature options above it: name=, model=, \
      weights=, feature=, normalise=yes|no, scales=, mirror=yes|no, projection=FILE|none, metric=cosine|l2, separated \
      by blanks. Without one, the feature options alone are measured. Every query is compared with every image; no \
      server is needed.

        adbvec evaluate train.bin --queries test.bin --plot compare.png \\
          --setting "feature=logits metric=l2" --setting "feature=rmac:3" \\
          --setting "feature=rmac:3 projection=lda.safetensors"
      """
  )

  @Argument(
    help: ArgumentHelp("A folder of images by class, or CIFAR files.", valueName: "collection"),
    completion: .file()
  )
  var collection: String

  @Option(help: ArgumentHelp("Images to search with.", valueName: "source"), completion: .file())
  var queries: String?

  @Option(help: ArgumentHelp("A setting to compare; repeatable.", valueName: "changes"))
  var setting: [String] = []

  @Option(help: "cosine or l2, where a setting names none.")
  var metric = RankingMetric.cosine

  @Option(
    help: ArgumentHelp(
      "The k's of recall@k: the share of queries with an image of their class among the k nearest.",
      valueName: "list"
    )
  )
  var recallAt = "1,10"

  @Option(help: ArgumentHelp("At most N images of the collection, drawn at random.", valueName: "count"))
  var sample: Int?

  @OptionGroup var reading: CollectionOptions

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(help: "table, json or csv.")
  var format = ComparisonFormat.table

  @Option(
    help: ArgumentHelp("Draw the comparison, PNG.", valueName: "file"),
    completion: .file(extensions: ["png"])
  )
  var plot: String?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  func validate() throws {
    _ = try Self.ks(recallAt)
    if let plot { try checkOutput("--plot", plot, extensions: ["png"]) }
    try checkRange("the number of settings", setting.count, 0...50)
    if let sample { try checkRange("--sample", sample, 2...) }
  }

  private static func ks(_ text: String) throws -> [Int] {
    let ks = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0.filter { $0 != " " }) ?? 0
    }
    guard (1...8).contains(ks.count), ks.allSatisfy({ $0 > 0 }), Set(ks).count == ks.count else {
      throw ValidationError("--recall-at takes 1 to 8 different numbers such as 1,10, not \"\(text)\"")
    }
    return ks
  }

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    let chosen = try chosenSettings(settings)
    let ks = try Self.ks(recallAt)
    let task = try RetrievalTask(
      collection: try opened(collection),
      queries: try queries.map {
        try ImageSource.open($0, labels: reading.labels, options: features.decoding.options)
      },
      workers: reading.workers
    )
    var rows: [RetrievalComparison.Row] = []
    var known: (setting: EvaluationSetting, vectors: RetrievalTask.Vectors)?
    for setting in chosen {
      // A projection that does not fit is refused before the long work.
      let model = try features.load(settings, FeatureChoice(setting))
      let vectors: RetrievalTask.Vectors
      if let known, known.setting.sharesVectors(with: setting) {
        vectors = known.vectors
      } else {
        var plain = FeatureChoice(setting)
        plain.projection = nil
        vectors = try await task.vectors(
          of: features.load(settings, plain),
          progress: Terminal.counter("images for \(setting.name)", global)
        )
        vectors.unreadable.forEach { Terminal.note("skipped \($0.reason)") }
        known = (setting, vectors)
      }
      let result = try task.measure(
        vectors,
        projection: model.projection,
        metric: setting.metric,
        recallAt: ks
      )
      rows.append(.init(setting: setting, result: result))
    }
    try ComparisonOutput(RetrievalComparison(rows: rows, recallAt: ks)).write(format, plot: plot)
  }

  private func opened(_ path: String) throws -> any ImageCollection {
    let all = try ImageSource.open(path, labels: reading.labels, options: features.decoding.options)
    guard let sample else { return all }
    return ImageSample(of: all, count: sample, seed: 1)
  }

  private func chosenSettings(_ settings: Settings) throws -> [EvaluationSetting] {
    let choice = try FeatureChoice(settings)
    let shared = EvaluationSetting(
      name: String(describing: choice.feature),
      model: choice.model,
      weights: choice.weights,
      feature: choice.feature,
      normalised: choice.normalised,
      augmentation: choice.augmentation,
      projection: choice.projection,
      metric: metric
    )
    guard !setting.isEmpty else { return [shared] }
    do {
      return try setting.map { try shared.changed(by: $0) }
    } catch let error as LoadError {
      throw CommandFailure(error.description, exitCode: 64)
    }
  }
}

extension FeatureChoice {
  /// What a setting of a comparison says.
  init(_ setting: EvaluationSetting) {
    self.init(
      feature: setting.feature,
      normalised: setting.normalised,
      augmentation: setting.augmentation
    )
    model = setting.model
    weights = setting.weights
    projection = setting.projection
  }
}

extension RankingMetric: ExpressibleByArgument {}

/// `--format` of `adbvec evaluate`.
enum ComparisonFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, csv
}

/// A comparison for people, for programs, and as an image.
struct ComparisonOutput {
  private struct Report: Encodable {
    struct Row: Encodable {
      let setting: String
      let model: String?
      let feature: String
      let projection: String?
      let metric: String
      let dimension: Int
      let queries: Int
      let measures: [String: Double]
    }
    let best: String?
    let settings: [Row]
  }

  private let comparison: RetrievalComparison

  init(_ comparison: RetrievalComparison) { self.comparison = comparison }

  func write(_ format: ComparisonFormat, plot: String?) throws {
    try printed(format)
    if let plot { try draw(plot) }
  }

  private func draw(_ path: String) throws {
    try AtomicFile.write(try chart.pngData(), to: path)
  }

  private func printed(_ format: ComparisonFormat) throws {
    switch format {
    case .json: try JSONReport(command: "evaluate", result: report).print()
    case .csv: try Output.data(comparison.csv)
    case .table:
      var table = TextTable(["setting", "dimensions"] + comparison.measures.map(\.title))
      for row in comparison.rows {
        let cells = comparison.values(row).map { $0.map { String(printf: "%.3f", $0) } ?? "-" }
        table.append([row.setting.name, String(row.result.dimension)] + cells)
      }
      try Output.line(table.rendered)
      if let best = comparison.best, comparison.rows.count > 1 {
        try Output.line("\nhighest mAP: \(best.setting.name), on \(best.result.fine.queries) queries")
      }
    }
  }

  private var report: Report {
    Report(
      best: comparison.best?.setting.name,
      settings: comparison.rows.map { row in
        let pairs = zip(comparison.measures, comparison.values(row)).compactMap { measure, value in
          value.map { (snakeCase(measure.key), $0) }
        }
        return Report.Row(
          setting: row.setting.name,
          model: row.setting.model,
          feature: String(describing: row.setting.feature),
          projection: row.setting.projection,
          metric: row.setting.metric.rawValue,
          dimension: row.result.dimension,
          queries: row.result.fine.queries,
          measures: Dictionary(uniqueKeysWithValues: pairs)
        )
      }
    )
  }

  /// At most six measures fit a chart: the finer classes' first.
  private var chart: BarChart {
    let count = min(comparison.measures.count, 6)
    return BarChart(
      heading: "Retrieval: the share of right ones",
      measures: comparison.measures.prefix(count).map(\.title),
      groups: comparison.rows.map { row in
        BarChart.Group(
          title: "\(row.setting.name) (\(row.result.dimension))",
          shares: Array(comparison.values(row).prefix(count))
        )
      }
    )
  }
}
