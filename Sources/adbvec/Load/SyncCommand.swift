public import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageSearch
import ImageSources
import Inference
public import Ingestion
import PostgresClient

/// `adbvec sync`.
struct SyncCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Bring the table's rows up to date with a folder of images.",
    discussion: """
      New images are embedded and added, changed ones embedded again under their id. An image that was moved keeps its \
      id and vector, and images with equal content are embedded once. An image is unchanged when its size and time of \
      modification are; --full-hash compares the content instead. What is not given of the feature options is taken \
      from the table's recipe.

      Nothing is deleted unless --deleted delete asks for it, and more than a tenth of the folder's rows, or all of \
      them, only with --yes: a folder that is not mounted looks empty. Files below folders that cannot be read are not \
      taken for deleted. --deleted flag records since when an image is missing, in missing_since of adbvec_load_image.

      A run that was stopped is continued by the next one. --watch goes on until it is stopped, writes a line for each \
      change, and outlasts restarts of the database. A change is seen at once where the system can watch all folders \
      (inotify), and after --interval where not.

        adbvec sync ~/Pictures --dry-run
        adbvec sync ~/Pictures --deleted delete
        adbvec sync ~/Pictures --watch
      """
  )

  @Argument(help: ArgumentHelp("A folder of images.", valueName: "source"), completion: .directory)
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

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(
    help: ArgumentHelp("The file with the classes: CSV lines path,class.", valueName: "file"),
    completion: .file()
  )
  var classes: String?

  @Option(
    help: ArgumentHelp(
      "Ids of new images: position (the next free numbers), or path (a hash of the path, for a bigint column).",
      valueName: "kind"
    )
  )
  var ids = ImageIDs.position

  @Option(help: ArgumentHelp("Images processed at once, each on one core.", valueName: "count"))
  var workers: Int = max(1, ProcessInfo.processInfo.activeProcessorCount)

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String {
    dryRun
      ? "interrupted; nothing was written"
      : "interrupted; committed changes stay. Fix: the same command continues"
  }

  func validate() throws {
    try FeatureOptions.check(workers: workers)
    try checkRange("--interval", interval, 1...86_400)
    if watch, dryRun { throw ValidationError("--watch and --dry-run exclude each other") }
  }

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    var options = LoadOptions()
    (options.method, options.continuation, options.onConflict) = (.insert, .resume, .skip)
    (options.deleted, options.confirmsDeletions, options.hashesAll) = (deleted, yes, fullHash)
    (options.plansOnly, options.isDryRun) = (dryRun, dryRun)
    options.wayOn = "run the same command again"
    options.metric = try settings.chosenMetric()
    let run = FolderSync(
      source: source,
      classes: classes,
      ids: ids,
      workers: workers,
      options: options,
      settings: settings,
      features: features
    )
    if watch { return try await follow(run) }
    let reporter = LoadReporter(global)
    let changes = StateLock([FolderChange]())
    let report = try await run.once(onImage: { reporter.show($0) }) { event in
      if case .planned(let change) = event {
        changes.withLock { $0.append(change) }
      } else {
        reporter.show(event)
      }
    }
    try show(report, changes.withLock { $0 })
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

  /// Follows the folder until the task is cancelled. What may pass is waited for: a database that restarts, a folder that
  /// is not mounted.
  private func follow(_ run: FolderSync) async throws {
    let folders = FolderWatch(path: source)
    let reporter = LoadReporter(global)
    var (limitation, pause, isFirst) = (String?.none, 1, true)
    while true {
      // Watched before the look, so that no change between the two is missed.
      await folders.refresh()
      let limit = await folders.limitation
      if let limit, limit != limitation {
        Terminal.warning("changes are seen only every \(interval) s: \(limit)")
      }
      limitation = limit
      do {
        let report = try await run.once { event in
          if case .progress = event { return }
          reporter.show(event)
        }
        if isFirst || !report.wasFinished { try show(report, []) }
        if let held = report.changes?.heldBack, held > 0 {
          Terminal.warning(
            "\(counted(held, "row")) not deleted: more than a tenth. Fix: run sync with --yes once"
          )
        }
        (pause, isFirst) = (1, false)
      } catch {
        guard Self.mayPass(error) else { throw error }
        Terminal.warning("\(error). The next attempt is in \(pause) s")
        try await Task.sleep(for: .seconds(pause))
        pause = min(pause * 2, 60)
        continue
      }
      if try await folders.next(within: .seconds(interval)) == .overflow {
        Terminal.note("more changed at once than the system can tell; looking through the whole folder")
      }
    }
  }

  private static func mayPass(_ error: any Error) -> Bool {
    switch error {
    case let error as PostgresError: error.isConnectionProblem
    case let error as LoadInterruption: mayPass(error.cause)
    case let error as LoadError: error.code == .locked
    case let error as CollectionError: error.code == .unreadable
    default: false
    }
  }

  private func show(_ report: LoadReport, _ changes: [FolderChange]) throws {
    guard let counts = report.changes else { return }
    switch format {
    case .json:
      try JSONReport(
        command: "sync",
        result: SyncReport(
          counts: counts,
          seconds: report.duration / .seconds(1),
          peakMemoryKib: LoadReporter.peakMemoryKib,
          dryRun: dryRun,
          changes: dryRun ? changes : nil,
          warnings: report.warnings
        )
      ).print()
    case .text:
      for change in changes { try Output.line(Self.line(change)) }
      try Output.line(Self.sentence(counts, dryRun: dryRun, report.duration / .seconds(1)))
    }
  }

  private struct SyncReport: Encodable {
    let counts: FolderChanges
    let seconds: Double
    let peakMemoryKib: Int?
    let dryRun: Bool
    let changes: [FolderChange]?
    let warnings: [String]
  }

  private static func line(_ change: FolderChange) -> String {
    let from = change.from.map { " from \(PrintableText.line($0))" } ?? ""
    let original = change.duplicateOf.map { " (equal to \(PrintableText.line($0)))" } ?? ""
    return "\(change.action)  \(PrintableText.line(change.path))\(from)\(original)"
  }

  private static func sentence(_ counts: FolderChanges, dryRun: Bool, _ seconds: Double) -> String {
    let all: [(Int, String)] = [
      (counts.added, "added"), (counts.changed, "changed"), (counts.moved, "moved"),
      (counts.touched, "touched"),
      (counts.deleted, "deleted"), (counts.flagged, "flagged as missing"), (counts.missing, "missing"),
      (counts.heldBack, "held back"), (counts.unreadable, "unreadable"), (counts.unchanged, "unchanged"),
    ]
    let said = all.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let summary = said.isEmpty ? "no images" : said
    return dryRun ? "nothing written: \(summary)" : summary + String(printf: " in %.1f s", seconds)
  }
}

/// A folder that is brought up to date, once or again and again: the model is loaded when the first image needs it.
struct FolderSync: Sendable {
  let source: String
  let classes: String?
  let ids: ImageIDs
  let workers: Int
  let options: LoadOptions
  let settings: Settings
  let features: FeatureOptions

  /// Lists the folder and does what is to be done.
  func once(
    onImage: (@Sendable (EmbeddingProgress) -> Void)? = nil,
    _ onEvent: @escaping @Sendable (LoadEvent) -> Void
  ) async throws -> LoadReport {
    let server = try settings.connectionSettings()
    let target = try settings.loadTarget()
    let connection = try await PostgresConnection.connect(server)
    let recorded: RecordedRecipe?
    do {
      recorded = try await RecipeStore(table: target.table, column: target.vectorColumn, on: connection)
        .read(connection)
      await connection.close()
    } catch {
      await connection.close()
      throw error
    }
    let ways = features.decoding
    let decoding = recorded.map { ways.options(completedBy: $0.recipe) } ?? ways.options
    let collection = try FolderCollection(
      path: source,
      labels: try classes.map(LabelFile.init),
      options: decoding,
      allowsNone: true
    )
    let model = LazyFeatures { [features, settings] in try features.prepare(settings, for: recorded) }
    // Options that contradict the recipe are refused also when there is nothing to do.
    if features.isGiven { _ = try model.value() }
    let images = ImageBatchSource(
      collection,
      workers: workers,
      ids: ids,
      recipe: { try model.value().recipe },
      coverage: { try model.value().model.coverage },
      onImage: onImage,
      makeExtractor: {
        let extractor = try model.value().model.makeExtractor()
        return { try extractor.features(of: $0) }
      }
    )
    return try await Loader(settings: server, target: target, options: options).run(images) { onEvent($0) }
  }
}

/// A model that is loaded at its first use.
private final class LazyFeatures: Sendable {
  private let make: @Sendable () throws -> PreparedFeatures
  private let made = StateLock(PreparedFeatures?.none)

  init(_ make: @escaping @Sendable () throws -> PreparedFeatures) {
    self.make = make
  }

  func value() throws -> PreparedFeatures {
    try made.withLock { made in
      if let made { return made }
      let prepared = try make()
      made = prepared
      return prepared
    }
  }
}

extension DeletedImages: ExpressibleByArgument {}
