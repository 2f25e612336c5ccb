public import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageSources
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
    options.wayOn = "run the same command again"
    options.metric = try settings.chosenMetric()
    options.duplicates = images.duplicateSearch
    let run = FolderSync(
      source: source,
      images: images,
      options: options,
      settings: settings,
      features: features
    )
    if watch { return try await follow(run) }
    let reporter = LoadReporter(global)
    let printer = StateLock(PlanPrinter(format: format))
    let report = try await run.once(onImage: { reporter.show($0) }) { event in
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

  /// Follows the folder until the task is cancelled. What may pass is waited for: a database that restarts, a folder that
  /// is not mounted.
  private func follow(_ run: FolderSync) async throws {
    let folders = FolderWatch(path: run.folder)
    let reporter = LoadReporter(global)
    var metrics = SyncMetrics(source: source)
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
        if isFirst || !report.wasFinished { try show(report) }
        if let held = report.changes?.heldBack, held > 0 {
          Terminal.warning(
            "\(counted(held, "row")) not deleted: more than a tenth. Fix: run sync with --yes once"
          )
        }
        (pause, isFirst) = (1, false)
        metrics.add(report)
        metrics.write(to: metricsFile)
      } catch {
        guard Self.mayPass(error) else { throw error }
        metrics.addFailure()
        metrics.write(to: metricsFile)
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
    case let error as PostgresError: error.isConnectionProblem && error.code != .libraryMissing
    case let error as LoadInterruption: mayPass(error.cause)
    case let error as LoadError: error.code == .locked
    // A list that is being written may be cut short.
    case let error as CollectionError: [.unreadable, .damaged].contains(error.code)
    default: false
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
          peakMemoryKib: LoadReporter.peakMemoryKib,
          dryRun: dryRun,
          changes: dryRun ? [] : nil,
          duplicates: images.duplicates == nil ? nil : report.duplicates,
          warnings: report.warnings
        )
      )
    case .text:
      if !dryRun { try LoadReporter.showDuplicates(report) }
      try Output.line(Self.sentence(counts, dryRun: dryRun, report.duration / .seconds(1)))
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

  private static func sentence(_ counts: FolderChanges, dryRun: Bool, _ seconds: Double) -> String {
    let all: [(Int, String)] = [
      (counts.added, "added"), (counts.changed, "changed"), (counts.moved, "moved"),
      (counts.touched, "touched"),
      (counts.deleted, "deleted"), (counts.flagged, "flagged as missing"), (counts.missing, "missing"),
      (counts.heldBack, "held back"), (counts.leftOut, "left out as duplicates"),
      (counts.unreadable, "unreadable"), (counts.unchanged, "unchanged"),
    ]
    let said = all.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let summary =
      (said.isEmpty ? "no images" : said)
      + (counts.nearDuplicates > 0 ? "; near duplicates: \(counts.nearDuplicates)" : "")
    return dryRun ? "nothing written: \(summary)" : summary + String(printf: " in %.1f s", seconds)
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
      case .text: try Output.line(Self.line(change))
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

  private static func line(_ change: FolderChange) -> String {
    let from = change.from.map { " from \(PrintableText.line($0))" } ?? ""
    let original = change.duplicateOf.map { " (equal to \(PrintableText.line($0)))" } ?? ""
    return "\(change.action)  \(PrintableText.line(change.path))\(from)\(original)"
  }
}

extension DeletedImages: ExpressibleByArgument {}
