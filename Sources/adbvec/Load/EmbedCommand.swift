import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageSearch
import ImageSources
import Inference
import Ingestion
import PostgresClient
import VectorSQL

/// `adbvec embed`.
struct EmbedCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Turn images into embeddings in a file.",
    discussion: """
      The format follows the file's name: .npy, .fvecs, .csv or .jsonl, else the tutorial's (lines id|class|{…}). What made the \
      vectors is written to FILE.recipe.json, which 'load' reads.
      """
  )

  @Argument(
    help: ArgumentHelp("A folder of images, one image, or CIFAR files.", valueName: "source"),
    completion: .file()
  )
  var source: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"),
    completion: .file()
  )
  var output: String

  @Option(
    help: ArgumentHelp(
      "features, npy, fvecs, csv or jsonl (default: by the file's name).",
      valueName: "name"
    ),
    completion: .list(["features", "npy", "fvecs", "csv", "jsonl"])
  )
  var outputFormat: FeatureSource.Format?

  /// The name of --output-format in version 1.
  @Option(name: .customLong("format"), help: .hidden)
  var earlierFormat: FeatureSource.Format?

  @Option(
    help: ArgumentHelp("The file with the classes, for formats that hold none.", valueName: "file"),
    completion: .file()
  )
  var labels: String?

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(help: ArgumentHelp("Images processed at once, each on one core.", valueName: "count"))
  var workers: Int = max(1, ProcessInfo.processInfo.activeProcessorCount)

  @Option(help: ArgumentHelp("The first N images only.", valueName: "count"))
  var limit: Int?

  @Flag(help: "Fail at an image that cannot be read instead of skipping it.")
  var strict = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String { output == "-" ? "interrupted" : "interrupted; \(output) was not written" }

  func validate() throws {
    try FeatureOptions.check(workers: workers)
    if let limit { try checkRange("--limit", limit, 1...) }
    try checkVectorOutput(output, format: outputFormat ?? earlierFormat, labels: labels)
  }

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    let collection = try ImageSource.open(source, options: features.decoding.options)
    collection.warnings.forEach { Terminal.warning($0) }
    let model = try features.load(settings)
    let reporter = LoadReporter(global)
    let options = ImageBatchSource.Options(
      workers: workers,
      isStrict: strict,
      limit: limit,
      onImage: { reporter.show($0) }
    )
    let batches = ImageBatchSource(collection, options, model: model)
    let writer = try FeatureOutput.open(output, format: outputFormat ?? earlierFormat, labels: labels)
    var (rows, unreadable) = (0, 0)
    while let batch = try await batches.next(rows: 100, skipping: DoneRanges()) {
      for row in 0..<batch.rows.count {
        let vector = batch.rows.withVector(row) { Array($0) }
        try writer.write(
          id: batch.rows.ids[row],
          label: batch.rows.labels[row],
          vector: vector
        )
      }
      rows += batch.rows.count
      batch.unreadable.forEach { Terminal.note("skipped \($0.reason)") }
      unreadable += batch.unreadable.count
    }
    await batches.notices().forEach { Terminal.warning($0) }
    guard rows > 0 else {
      throw CommandFailure(
        unreadable == 1
          ? "the image could not be read; nothing was written"
          : "none of the \(unreadable) images could be read; nothing was written"
      )
    }
    try writer.finish()
    if output != "-" {
      try RecipeFile.write(Recipe(model, decoding: features.decoding.options(for: collection)), of: output)
    }
    let left = unreadable == 0 ? "" : ", \(counted(unreadable, "image")) could not be read"
    let summary = "\(counted(rows, "vector")) of \(model.dimension) dimensions"
    if output == "-" {
      global.note(summary + left)
    } else if !global.quiet {
      try Output.line("\(summary) in \(output)\(left)")
    }
  }
}

/// `adbvec embed-load`.
struct EmbedLoadCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed-load",
    abstract: "Turn images into embeddings and load them into the table.",
    discussion: """
      SOURCE is a folder of images (sub-folder = class), a list of images in CSV or JSON lines (path,class,id), one image, CIFAR-100 or CIFAR-10 as downloaded (binary or \
      Python's version; archive, folder or file), or the tutorial's feature file (id|class|{…}). Ids are the images' positions, from 0: in a folder, in the byte order \
      of their paths. With --ids path they are the first eight bytes of the path's MD5, without the sign: \
      ('x'||substr(md5('cats/1.jpg'),1,16))::bit(64)::bigint & 9223372036854775807. Vectors travel as binary parameters, never as text.
      What is not given of the feature options is taken from the table's recipe.

      An image of a folder is known by its path: run again on a folder that has grown, embed-load loads the new images \
      under free ids and embeds changed ones again. Links are followed. Left out are names that start with a dot and \
      the folders @eaDir, @Recycle, #recycle, #snapshot, $RECYCLE.BIN, System Volume Information and __MACOSX; files \
      that are not images are counted. --duplicates compares images that were loaded before, too; what a duplicate is of \
      is kept in duplicate_of of adbvec_load_image.

        adbvec embed-load ~/Pictures --weights squeezenet1_1.safetensors
        adbvec embed-load cifar-100-binary/train.bin --on-conflict skip
      """
  )

  @Argument(help: ArgumentHelp("Images, or a feature file.", valueName: "source"), completion: .file())
  var source: String

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @OptionGroup var images: ImageOptionsGroup

  @Option(help: ArgumentHelp("The first N images only.", valueName: "count"))
  var limit: Int?

  @Flag(help: "Fail at an image that cannot be read instead of skipping it.")
  var strict = false

  @OptionGroup(title: "Load options") var load: LoadOptionsGroup

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String { load.interruption }

  func validate() throws {
    if let limit { try checkRange("--limit", limit, 1...) }
  }

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    let server = try settings.connectionSettings()
    let target = try settings.loadTarget()
    let reporter = LoadReporter(global)
    let (batches, recipe) = try await batchSource(settings, reporter)
    let metric = try settings.chosenMetric()
    var options = load.options(.insert, recipe: recipe, metric: metric)
    options.duplicates = images.duplicateSearch
    let loader = Loader(settings: server, target: target, options: options)
    let report: LoadReport
    do {
      report = try await loader.run(batches) { reporter.show($0) }
    } catch var mismatch as RecipeMismatch {
      if batches is FileBatchSource { mismatch.file = source }
      throw mismatch
    }
    try reporter.finish(
      report,
      command: "embed-load",
      format: format,
      showsDuplicates: images.duplicates != nil
    )
  }

  private func batchSource(
    _ settings: Settings,
    _ reporter: LoadReporter
  ) async throws -> (any BatchSource, Recipe?) {
    if FeatureSource.isFeatureFile(source) {
      guard images.ids != .path else {
        throw ValidationError("--ids path needs images; a feature file carries its ids")
      }
      guard images.reading.labels == nil, limit == nil else {
        throw ValidationError("--classes and --limit need images; a feature file carries its classes")
      }
      guard images.duplicates == nil else { throw ValidationError("--duplicates needs images") }
      let recipe = try RecipeFile.recipe(of: source) { Terminal.warning($0) }
      return (FileBatchSource(FeatureSource(path: source)), recipe)
    }
    let recorded = try await recorded(settings)
    let ways = features.decoding
    let collection = try ImageSource.open(
      source,
      labels: images.reading.labels,
      options: recorded.map { ways.options(completedBy: $0.recipe) } ?? ways.options
    )
    collection.warnings.forEach { Terminal.warning($0) }
    let model: FeatureModel
    let recipe: Recipe
    if let recorded {
      let prepared = try features.prepare(settings, for: recorded)
      model = prepared.model
      recipe = prepared.recipe
    } else {
      model = try features.load(settings)
      recipe = try Recipe(model, decoding: ways.options(for: collection), FeatureChoice(settings))
    }
    let options = ImageBatchSource.Options(
      workers: images.reading.workers,
      isStrict: strict,
      limit: limit,
      ids: images.ids ?? .position,
      onImage: { reporter.show($0) }
    )
    return (ImageBatchSource(collection, options, model: model), recipe)
  }

  /// What made the vectors that the table has: new ones are made alike.
  private func recorded(_ settings: Settings) async throws -> RecordedRecipe? {
    let table = try settings.imageTable()
    let connection = try await settings.connect()
    let recorded: RecordedRecipe?
    do {
      let store = try await RecipeStore(table: table.name, column: table.vectorColumn, on: connection)
      recorded = try await features.recipe(in: store, connection)
    } catch is VectorTableError {
      // The load says what is missing.
      recorded = nil
    }
    await connection.close()
    return recorded
  }
}
