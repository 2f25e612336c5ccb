public import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
public import ImageSources
import ImageSearch
public import Ingestion
import VectorSQL

/// How rows are written; shared by `embed-load` and `load`.
struct LoadOptionsGroup: ParsableArguments {
  @Option(
    help: ArgumentHelp("auto, insert (parameterized binary INSERT) or copy (binary COPY).", valueName: "way"),
    completion: .list(["auto", "insert", "copy"])
  )
  var method: LoadOptions.Method?

  @Option(
    help:
      "A row that is in the table already: fail, skip or update (--resume: as the load began; default: fail)."
  )
  var onConflict: LoadOptions.ConflictPolicy?

  @Option(help: ArgumentHelp("Rows in a transaction (default: sized to the vectors).", valueName: "rows"))
  var batch: Int?

  @Option(help: ArgumentHelp("Connections that write in parallel.", valueName: "count"))
  var connections = 1

  @Option(help: ArgumentHelp("The most rows per second.", valueName: "rows"))
  var rateLimit: Double?

  @Flag(help: "Continue where an earlier load of this source stopped.")
  var resume = false

  @Flag(help: "Discard the record of an earlier load of this source and start again.")
  var restart = false

  @Flag(help: "Keep no journal of the load; it cannot be resumed.")
  var untracked = false

  @Option(help: "Vector indexes: keep, defer (drop, load, build) or auto.")
  var indexes = LoadOptions.IndexPolicy.automatic

  @Flag(help: "The same as --indexes defer.")
  var deferIndex = false

  @Flag(help: "Do not run ANALYZE at the end.")
  var noAnalyze = false

  @Flag(help: "Check everything and write nothing.")
  var dryRun = false

  func validate() throws {
    guard [resume, restart, untracked].filter({ $0 }).count <= 1 else {
      throw ValidationError("--resume, --restart and --untracked exclude each other")
    }
    if let batch { try checkRange("--batch", batch, 1...1_000_000) }
    try checkRange("--connections", connections, 1...32)
    if let rateLimit, rateLimit <= 0 || !rateLimit.isFinite {
      throw ValidationError("--rate-limit must be above 0, not \(rateLimit)")
    }
  }

  /// What is true of a load whenever it stops.
  var interruption: String {
    if dryRun { return "interrupted; nothing was written" }
    if untracked { return "interrupted; committed batches stay and are not recorded (--untracked)" }
    return "interrupted; committed batches stay. Fix: the same command with --resume continues"
  }

  /// The options; `recipe` says what makes the vectors, `metric` what searches will compare them by.
  func options(_ way: LoadOptions.Method, recipe: Recipe?, metric: Metric?) -> LoadOptions {
    var options = LoadOptions()
    options.method = method ?? way
    options.onConflict = onConflict
    options.batchRows = batch
    options.connections = connections
    options.rateLimit = rateLimit
    options.continuation = resume ? .resume : restart ? .restart : untracked ? .untracked : .ask
    options.indexes = deferIndex ? .defer : indexes
    options.analyzes = !noAnalyze
    options.isDryRun = dryRun
    options.recipe = recipe
    options.metric = metric
    return options
  }
}

/// How a collection of images is read.
struct CollectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The file with the classes: CSV lines path,class.", valueName: "file"),
    completion: .file()
  )
  var classes: String?

  /// The name of --classes in version 1.
  @Option(name: .customLong("labels"), help: .hidden)
  var earlierLabels: String?

  @Option(help: ArgumentHelp("Images processed at once, each on one core.", valueName: "count"))
  var workers: Int = max(1, ProcessInfo.processInfo.activeProcessorCount)

  /// The file with the classes, by either name.
  var labels: String? { classes ?? earlierLabels }

  func validate() throws { try FeatureOptions.check(workers: workers) }
}

/// How images become rows; shared by `embed-load` and `sync`.
struct ImageOptionsGroup: ParsableArguments {
  @OptionGroup var reading: CollectionOptions

  @Option(
    help: ArgumentHelp(
      "Ids of new images: position (from 0, then the next free numbers) or path (a hash of the path, for bigint, text and uuid) (default: position, path for text and uuid).",
      valueName: "kind"
    ),
    completion: .list(["position", "path"])
  )
  var ids: ImageIDs?

  @Option(
    help: ArgumentHelp(
      "Images that look like another one, or are equal to it: report, skip (no row) or link (a row with the other's vector).",
      valueName: "way"
    )
  )
  var duplicates: DuplicateTreatment?

  @Option(
    help: ArgumentHelp(
      "With --duplicates: how many of 64 bits of what they show may differ, 0…20 (default: \(DuplicateSearch.defaultDistance)).",
      valueName: "bits"
    )
  )
  var duplicateDistance: Int?

  /// Which duplicates are looked for.
  var duplicateSearch: DuplicateSearch? {
    duplicates.map { DuplicateSearch($0, distance: duplicateDistance ?? DuplicateSearch.defaultDistance) }
  }

  func validate() throws {
    guard let duplicateDistance else { return }
    guard duplicates != nil else { throw ValidationError("--duplicate-distance needs --duplicates") }
    try checkRange("--duplicate-distance", duplicateDistance, 0...20)
  }
}

/// Prints how a load goes: progress and lines on standard error, a summary on standard output.
final class LoadReporter: Sendable {
  private let quiet: Bool
  private let lines: StateLock<LoadLines>

  init(_ global: GlobalOptions) {
    quiet = global.quiet
    lines = StateLock(LoadLines(quiet: global.quiet, verbose: global.verbose))
  }

  func show(_ event: LoadEvent) { show(lines.withLock { $0.line(for: event) }) }

  func show(_ progress: EmbeddingProgress) { show(lines.withLock { $0.line(for: progress) }) }

  private func show(_ line: LoadLines.Line?) {
    switch line {
    case .note(let text)?: Terminal.note(text)
    case .warning(let text)?: Terminal.warning(text)
    case .progress(let text, let end, let share)?: Terminal.progress(text, end: end, share: share)
    case nil: break
    }
  }

  /// - Parameter showsDuplicates: whether they were looked for.
  func finish(
    _ report: LoadReport,
    command: String,
    format: ReportFormat,
    showsDuplicates: Bool = false
  ) throws {
    switch format {
    case .json:
      let summary = LoadSummary(report, showsDuplicates: showsDuplicates)
      try JSONReport(command: command, result: summary).print()
    case .text:
      guard !quiet else { return }
      for line in report.duplicateLines + [report.sentence] { try Output.line(line) }
    }
  }
}

extension LoadInterruption: FailureWithCause {}

extension LoadOptions.ConflictPolicy: ExpressibleByArgument {}
extension LoadOptions.IndexPolicy: ExpressibleByArgument {}
extension DuplicateTreatment: ExpressibleByArgument {}

extension ImageIDs: ExpressibleByArgument {
  /// The way of that name.
  public init?(argument: String) {
    guard let way = Self.all.first(where: { $0.description == argument }) else { return nil }
    self = way
  }
}

extension LoadOptions.Method: ExpressibleByArgument {
  /// The method of that name.
  public init?(argument: String) {
    guard let method = Self.all.first(where: { $0.description == argument }) else { return nil }
    self = method
  }
}

extension FeatureSource.Format: ExpressibleByArgument {
  /// The format of that name.
  public init?(argument: String) {
    self.init(argument)
  }
}

/// Refuses the name of a vector file that cannot be written, or that speaks of a format which is not written: an
/// `x.parquet` full of text would mislead whoever reads it.
func checkVectorOutput(_ path: String, format: FeatureSource.Format?, labels: String?) throws {
  if let labels { try checkOutput("--labels", labels) }
  guard path != "-" else { return }
  try checkOutput("the output", path)
  let name = path.split(separator: "/").last ?? ""
  guard format == nil, let dot = name.lastIndex(of: "."), dot != name.startIndex else { return }
  let suffix = name[name.index(after: dot)...].lowercased()
  let known = ["npy", "fvecs", "bvecs", "csv", "jsonl", "ndjson", "txt", "text", "features"]
  guard !known.contains(suffix) else { return }
  throw ValidationError(
    "the format of \(path) cannot be told from .\(suffix); name it .npy, .fvecs, .csv, .jsonl or .txt, or give --output-format"
  )
}
