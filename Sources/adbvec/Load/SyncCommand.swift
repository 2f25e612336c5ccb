public import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import Glibc
import ImageCodecs
import ImageSearch
import ImageSources
import Inference
public import Ingestion
import PostgresClient
import VectorSQL

/// `adbvec sync`.
struct SyncCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Bring the table's rows up to date with a folder of images.",
    discussion: """
      New images are embedded and added, changed ones embedded again under their id. An image that was moved keeps its \
      id and vector, and images with equal content are embedded once. An image is unchanged when its size and time of \
      modification are; of those that have both in common with another one the content is compared when they were \
      moved. --full-hash compares every content. What is not given of the feature options is taken from the table's recipe.

      Nothing is deleted unless --deleted delete asks for it, and more than a tenth of the folder's rows, or all of \
      them, only with --yes: a folder that is not mounted looks empty. Files below folders that cannot be read are not \
      taken for deleted. --deleted flag records since when an image is missing, in missing_since of adbvec_load_image.

      A list of images has the columns path, class and id (CSV with a header) or these members (JSON lines); class and id \
      may be left out. Paths are relative to the list, or absolute: the listing of a bucket that is mounted is one. An \
      image keeps the id that the list gives it. What is listed and not there is not taken for deleted.

      Images with --duplicates skip are left out again by later runs without it, as long as the image that they are \
      duplicates of keeps its row and content. --dry-run knows those of equal content alone. Of images that an \
      earlier run loaded without --duplicates, what they show is looked at once.

      A run that was stopped is continued by the next one. --watch goes on until it is stopped, writes a line for each \
      change, and outlasts restarts of the database. A change is seen at once where the system can watch all folders \
      (inotify), and after --interval where not.

        adbvec sync ~/Pictures --dry-run
        adbvec sync ~/Pictures --deleted delete
        adbvec sync ~/Pictures --watch
        adbvec sync /mnt/bucket/listing.csv
      """
  )

  @Argument(
    help: ArgumentHelp("A folder of images, or a list of them in CSV or JSON lines.", valueName: "source"),
    completion: .file()
  )
  var source: String

  @Option(help: "Rows of images that are not in the folder any more: keep, flag or delete.")
  var deleted = DeletedImages.keep

  @Flag(help: "Delete them also when they are more than a tenth of the folder's rows.")
  var yes = false

  @Flag(help: "Compare the content of every image, also where size and time are unchanged.")
  var fullHash = false

  @Flag(help: "Print what would happen to each image and write nothing.")
  var dryRun = false

  @Flag(help: "Go on: look at the folder whenever something in it changes, and every --interval.")
  var watch = false

  @Option(help: ArgumentHelp("With --watch: the longest time between two looks.", valueName: "seconds"))
  var interval = 600

  @Option(
    help: ArgumentHelp(
      "With --watch: a file that is written after each look, for node_exporter's textfile collector.",
      valueName: "file"
    ),
    completion: .file(extensions: ["prom"])
  )
  var metricsFile: String?

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @OptionGroup var images: ImageOptionsGroup

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String {
    dryRun
      ? "interrupted; nothing was written"
      : "interrupted; committed changes stay. Fix: the same command continues"
  }

  func validate() throws {
    try checkRange("--interval", interval, 1...86_400)
    if watch, dryRun { throw ValidationError("--watch and --dry-run exclude each other") }
    guard let metricsFile else { return }
    guard watch else { throw ValidationError("--metrics-file needs --watch") }
    try checkOutput("--metrics-file", metricsFile, extensions: ["prom"])
  }

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    var options = LoadOptions()
    (options.method, options.continuation, options.onConflict) = (.insert, .resume, .skip)
    (options.deleted, options.confirmsDeletions, options.hashesAll) = (deleted, yes, fullHash)
    (options.plansOnly, options.isDryRun) = (dryRun, dryRun)
    options.resumeAdvice = "run the same command again"
    options.metric = try settings.chosenMetric()
    options.duplicates = images.duplicateSearch
    let reporter = LoadReporter(global)
    let run = try sync(settings, options, reporter)
    if watch { return try await follow(run, reporter) }
    let printer = StateLock(PlanPrinter(format: format))
    let report = try await run.once { event in
      if case .planned(let change) = event {
        printer.withLock { $0.print(change) }
      } else {
        reporter.show(event)
      }
    }
    try show(report, try printer.withLock { try $0.printed() })
    if let held = report.changes?.heldBack, held > 0, let before = report.changes {
      let all = held + before.moved + before.changed + before.touched + before.unchanged
      throw CommandFailure(
        "\(held) of the \(counted(all, "row")) of \(PrintableText.line(source)) have no image in the folder any more; none of them "
          + "\(dryRun ? "would be" : "was") deleted, because they are more than a tenth",
        fix:
          "look whether the folder is complete; --yes with --deleted delete deletes these \(counted(held, "row"))",
        exitCode: 2
      )
    }
  }

  private func sync(
    _ settings: Settings,
    _ options: LoadOptions,
    _ reporter: LoadReporter
  ) throws -> FolderSync {
    if images.reading.labels != nil, ManifestCollection.isManifest(source) {
      throw ValidationError("\(source) names the classes itself; leave --classes out")
    }
    let count: @Sendable (EmbeddingProgress) -> Void = { reporter.show($0) }
    let reading = ImageBatchSource.Options(
      workers: images.reading.workers,
      ids: images.ids ?? .position,
      onImage: watch ? nil : count
    )
    let (features, ways) = (features, features.decoding)
    let made = TableFeatures(
      isGiven: features.isGiven,
      recipe: { try await features.recipe(in: $0, $1) },
      decoding: { recorded in recorded.map { ways.options(completedBy: $0.recipe) } ?? ways.options },
      prepare: { try features.prepare(settings, for: $0) }
    )
    return FolderSync(path: source, labels: images.reading.labels, reading: reading, features: made) {
      let (server, target) = (try settings.connectionSettings(), try settings.loadTarget())
      return Loader(settings: server, target: target, options: options)
    }
  }

  /// Follows the images until the task is cancelled.
  private func follow(_ run: FolderSync, _ reporter: LoadReporter) async throws {
    var metrics = SyncMetrics(source: source)
    var isFirst = true
    try await run.follow(every: interval) { event in
      if case .progress = event { return }
      reporter.show(event)
    } onWatch: { event in
      switch event {
      case .limited(let reason):
        Terminal.warning("changes are seen only every \(interval) s: \(reason)")
      case .updated(let report):
        if isFirst || !report.wasFinished { try show(report) }
        if let held = report.changes?.heldBack, held > 0 {
          Terminal.warning(
            "\(counted(held, "row")) not deleted: more than a tenth. Fix: run sync with --yes once"
          )
        }
        isFirst = false
        metrics.add(report, at: time(nil))
        write(metrics)
      case .failed(let error, let pause):
        metrics.addFailure()
        write(metrics)
        Terminal.warning("\(error). The next attempt is in \(pause) s")
      case .overflowed:
        Terminal.note("more changed at once than the system can tell; looking through the whole folder")
      }
    }
  }

  /// Writes the file in one step for whoever reads it; a failure stops nothing.
  private func write(_ metrics: SyncMetrics) {
    guard let metricsFile else { return }
    do {
      try AtomicFile.write(Array(metrics.text.utf8), to: metricsFile)
    } catch {
      Terminal.warning("\(error)")
    }
  }

  private func show(_ report: LoadReport, _ plan: JSONListReport = PlanPrinter.json) throws {
    guard let counts = report.changes else { return }
    switch format {
    case .json:
      try plan.finish(
        SyncReport(
          counts: counts,
          seconds: report.duration / .seconds(1),
          peakMemoryKib: ProcessMemory.peakKib,
          dryRun: dryRun,
          changes: dryRun ? [] : nil,
          duplicates: images.duplicates == nil ? nil : report.duplicates,
          warnings: report.warnings
        )
      )
    case .text:
      if !dryRun { for line in report.duplicateLines { try Output.line(line) } }
      try Output.line(counts.sentence(isDryRun: dryRun, seconds: report.duration / .seconds(1)))
    }
  }

  private struct SyncReport: Encodable {
    let counts: FolderChanges
    let seconds: Double
    let peakMemoryKib: Int?
    let dryRun: Bool
    /// Printed before, one by one.
    let changes: [FolderChange]?
    let duplicates: [DuplicatePair]?
    let warnings: [String]
  }
}

/// Prints what would happen to each image as soon as it is known.
private struct PlanPrinter {
  static let json = JSONListReport(command: "sync", list: "changes")

  private let format: ReportFormat
  private var list = PlanPrinter.json
  /// Why standard output takes no more.
  private var failure: (any Error)?

  init(format: ReportFormat) { self.format = format }

  mutating func print(_ change: FolderChange) {
    guard failure == nil else { return }
    do {
      switch format {
      case .json: try list.print(change)
      case .text: try Output.line(change.line)
      }
    } catch {
      failure = error
    }
  }

  /// The list as far as it was printed.
  func printed() throws -> JSONListReport {
    if let failure { throw failure }
    return list
  }
}

extension DeletedImages: ExpressibleByArgument {}
