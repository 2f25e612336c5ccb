public import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageSearch
import ImageSources
import Inference
import Ingestion
import MetricLearning
import PostgresClient

/// `adbvec projection …`.
struct ProjectionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "projection",
    abstract: "Learn projections that shorten or improve embeddings.",
    subcommands: [ProjectionFitCommand.self, ProjectionShowCommand.self]
  )
}

/// `adbvec projection show`: what a projection's file holds.
struct ProjectionShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print what a projection was fitted for, on what, and how."
  )

  @Argument(help: ArgumentHelp("The projection's file.", valueName: "file"), completion: .file())
  var file: String

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    try ProjectionReport(file: file).print("projection show", format)
  }
}

/// `adbvec projection fit`.
struct ProjectionFitCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Learn a projection from images, or from the vectors in the table.",
    discussion: """
      SOURCE is a folder of images or CIFAR files; with --from-table the table's own vectors are learned from. pca \
      and pca-whitening need no classes; discriminant and proxies learn which directions tell the classes apart. The \
      file says what it was learned from; --projection FILE applies it, and refuses another model or feature.

        adbvec projection fit ~/Pictures --feature rmac:3 -o lda.safetensors
        adbvec projection fit --from-table --method pca-whitening -o white.safetensors
      """
  )

  @Argument(
    help: ArgumentHelp("A folder of images, or CIFAR files.", valueName: "source"),
    completion: .file()
  )
  var source: String?

  @Flag(help: "Learn from the vectors and classes in the table.")
  var fromTable = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The .safetensors file to write.", valueName: "file"),
    completion: .file()
  )
  var output: String

  @Option(help: "pca, pca-whitening, discriminant or proxies.")
  var method = ProjectionFit.Method.discriminant

  @Option(help: ArgumentHelp("The dimension of the projected vectors.", valueName: "count"))
  var dimensions = 128

  @Option(help: ArgumentHelp("Learn from at most N, drawn at random.", valueName: "count"))
  var sample = 20_000

  @Flag(help: "Learn from each image's mirror image too.")
  var alsoMirrored = false

  @Option(
    help: ArgumentHelp(
      "discriminant, proxies: the shrinkage of the covariance towards a sphere, 0…1.",
      valueName: "share"
    )
  )
  var shrinkage = 0.7

  @Option(help: ArgumentHelp("proxies: passes over the vectors.", valueName: "count"))
  var epochs = 20

  @Option(help: ArgumentHelp("proxies: vectors in a mini-batch.", valueName: "count"))
  var batch = 128

  @Option(help: ArgumentHelp("proxies: the learning rate.", valueName: "number"))
  var learningRate: Float = 0.005

  @Flag(
    inversion: .prefixedNo,
    help: "Hold out two fifths of the classes first, and report what the method does to them."
  )
  var trial = true

  @Option(help: ArgumentHelp("The seed of the random sample and batches.", valueName: "number"))
  var seed: UInt64 = 1

  @OptionGroup var reading: CollectionOptions

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String { "interrupted; \(output) was not written" }

  func validate() throws {
    guard (source == nil) == fromTable else {
      throw ValidationError("give either SOURCE or --from-table")
    }
    guard !(fromTable && alsoMirrored) else {
      throw ValidationError("--also-mirrored needs images, not --from-table")
    }
    guard features.projection == nil else {
      throw ValidationError(
        "--projection cannot be used here: a projection is learned from embeddings without one"
      )
    }
    try checkRange("--dimensions", dimensions, 1...100_000)
    try checkRange("--sample", sample, 2...10_000_000)
    try checkRange("--shrinkage", shrinkage, 0...1)
    guard learningRate > 0, learningRate.isFinite else {
      throw ValidationError("--learning-rate must be above 0, not \(learningRate)")
    }
    try checkOutput("--output", output, extensions: ["safetensors"])
    try checkRange("--epochs", epochs, 1...10_000)
    try checkRange("--batch", batch, 1...100_000)
  }

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    var choice = try FeatureChoice(settings)
    choice.projection = nil
    let (learned, trial) =
      fromTable ? try await fitTable(settings, choice) : try await fitImages(settings, choice)
    try learned.write(toFile: output)
    let report = trial.map { TrialReport($0, method) }
    if let report {
      report.harmsUnseenClasses
        ? Terminal.warning(report.recommendation) : global.note("recommendation: \(report.recommendation)")
    } else if self.trial, method.isSupervised {
      global.note("not tried on classes held out: fewer than five classes have three vectors")
    }
    // The file is the result; its summary as text is for whoever watches.
    if global.quiet, format == .text { return }
    try ProjectionReport(file: output, trial: report).print("projection fit", format)
  }

  private func fitImages(_ settings: Settings, _ choice: FeatureChoice) async throws -> Fitted {
    let all = try ImageSource.open(
      source ?? "",
      labels: reading.labels,
      options: features.decoding.options
    )
    let images = ImageSample(of: all, count: sample, seed: seed)
    var choices = [choice]
    if alsoMirrored {
      choices = try [TestTimeAugmentation.Mirror.none, .only].map {
        var one = choice
        one.augmentation = try TestTimeAugmentation(scales: choice.augmentation.scales, mirror: $0)
        return one
      }
    }
    var vectors = CollectedVectors()
    var model: FeatureModel?
    for choice in choices {
      let one = try features.load(settings, choice)
      let source = ImageBatchSource(images, .init(workers: reading.workers), model: one)
      try vectors.append(
        try await CollectedVectors.reading(source, progress: Terminal.counter("images", global))
      )
      model = model ?? one
    }
    vectors.unreadable.forEach { Terminal.note("skipped \($0.reason)") }
    var (learned, trial) = try fit(vectors)
    learned.provenance["source"] = images.name
    if alsoMirrored { learned.provenance["also_mirrored"] = "true" }
    if !features.decoding.recipe.isEmpty { learned.provenance["decoding"] = features.decoding.recipe }
    guard let model else { return (learned, trial) }
    learned.provenance["recipe"] = try Recipe(model, decoding: features.decoding.options(for: all))
      .unprojected.json
    return (learned.fitted(for: model), trial)
  }

  /// Where the weights are named, they are taken for what made the table's vectors, and must fit these.
  private func fitTable(_ settings: Settings, _ choice: FeatureChoice) async throws -> Fitted {
    let table = TableSample(settings: try settings.connectionSettings(), target: try settings.loadTarget())
    let vectors = try await table.draw(sample, seed: seed)
    var (learned, trial) = try fit(vectors)
    learned.provenance["source"] = "table \(try settings.text(.table))"
    let recorded = try await Self.recipe(settings)
    if let recorded {
      guard [nil, "none"].contains(recorded.recipe[.projection]) else {
        throw CommandFailure(
          "the vectors of \(recorded.table) have gone through a projection already",
          fix: "fit from the images: adbvec projection fit SOURCE"
        )
      }
      learned.provenance["recipe"] = recorded.recipe.unprojected.json
      for (key, field) in [
        ("model", Recipe.Field.architecture), ("weights", .weights), ("feature", .feature),
      ] {
        learned.provenance[key] = recorded.recipe[field]
      }
    }
    guard choice.weights != nil || choice.model != nil else { return (learned, trial) }
    let model = try features.prepare(settings, for: recorded).model
    guard model.dimension == vectors.dimension else {
      throw CommandFailure(
        "the table's vectors have \(vectors.dimension) dimensions, \(choice.feature) of "
          + "\(model.network.architecture.name) has \(model.dimension)",
        fix: "name the --feature that filled the table"
      )
    }
    return (learned.fitted(for: model), trial)
  }

  /// What is recorded of the table in force.
  private static func recipe(_ settings: Settings) async throws -> RecordedRecipe? {
    let table = try settings.imageTable()
    let connection = try await settings.connect()
    let recorded = try await table.recordedRecipe(on: connection)
    await connection.close()
    return recorded
  }

  private typealias Fitted = (projection: Projection, trial: ProjectionTrial?)

  private func fit(_ vectors: CollectedVectors) throws -> Fitted {
    var way = ProjectionFit(method, outputs: dimensions)
    way.shrinkage = shrinkage
    way.epochs = epochs
    way.batch = batch
    way.learningRate = learningRate
    way.seed = seed
    let verbose = global.verbose
    let samples = try vectors.labelled(supervised: method.isSupervised)
    let trial = trial && dimensions <= samples.dimensions ? try way.trial(samples) : nil
    var learned = try way.fit(samples) { epoch, loss in
      if verbose { Terminal.note("epoch \(epoch): mean loss \(loss)") }
    }
    for (key, comparison) in [("trial_unseen_classes", trial?.unseen), ("trial_seen_classes", trial?.seen)] {
      if let comparison { learned.provenance[key] = TrialReport.words(comparison) }
    }
    return (learned, trial)
  }
}

extension ProjectionFit.Method: ExpressibleByArgument {}

/// What a trial on held-out classes found, as the commands report it.
struct TrialReport: Encodable {
  struct Figures: Encodable {
    let classes: Int
    let queries: Int
    let precisionAt1Before: Double
    let precisionAt1After: Double
    let meanAveragePrecisionBefore: Double
    let meanAveragePrecisionAfter: Double

    init(_ comparison: ProjectionTrial.Comparison) {
      classes = comparison.classes
      queries = comparison.before.queries
      precisionAt1Before = comparison.before.precisionAt1
      precisionAt1After = comparison.after.precisionAt1
      meanAveragePrecisionBefore = comparison.before.meanAveragePrecision
      meanAveragePrecisionAfter = comparison.after.meanAveragePrecision
    }
  }

  let unseen: Figures
  let seen: Figures
  let harmsUnseenClasses: Bool
  let recommendation: String

  init(_ trial: ProjectionTrial, _ method: ProjectionFit.Method) {
    unseen = Figures(trial.unseen)
    seen = Figures(trial.seen)
    harmsUnseenClasses = trial.unseen.isHarmed
    if !trial.unseen.isHarmed {
      recommendation = "use it: classes it did not learn from are found as well as before, or better"
    } else if trial.seen.isHarmed {
      recommendation = "do not use it: it finds less than the vectors as they are"
    } else {
      let gentler =
        method == .proxies
        ? "--method discriminant or pca" : method == .discriminant ? "--method pca" : "more --dimensions"
      recommendation =
        "use it only where every class to be searched was learned from: others are found worse. Fix: try \(gentler), or a "
        + "higher --shrinkage"
    }
  }

  /// `40 classes: P@1 0.562 to 0.540, mAP 0.304 to 0.340`.
  static func words(_ comparison: ProjectionTrial.Comparison) -> String {
    func figure(_ value: Double) -> String { String(printf: "%.3f", value) }
    return "\(comparison.classes) classes: P@1 \(figure(comparison.before.precisionAt1)) to "
      + "\(figure(comparison.after.precisionAt1)), mAP \(figure(comparison.before.meanAveragePrecision)) to "
      + figure(comparison.after.meanAveragePrecision)
  }
}

/// A projection as the commands report it.
struct ProjectionReport: Encodable {
  let file: String
  let inputs: Int
  let outputs: Int
  let normalisesInput: Bool
  let normalisesOutput: Bool
  let provenance: [String: String]
  let trial: TrialReport?

  init(file: String, trial: TrialReport? = nil) throws {
    let projection = try Projection(contentsOfFile: file)
    self.file = file
    inputs = projection.inputs
    outputs = projection.outputs
    normalisesInput = projection.normalisesInput
    normalisesOutput = projection.normalisesOutput
    provenance = projection.provenance
    self.trial = trial
  }

  func print(_ command: String, _ format: ReportFormat) throws {
    switch format {
    case .json: try JSONReport(command: command, result: self).print()
    case .text:
      try Output.line("\(file): \(inputs) dimensions to \(outputs)")
      for (key, value) in provenance.sorted(by: { $0.key < $1.key }) {
        try Output.line("  \(key): \(PrintableText.line(value))")
      }
    }
  }
}
