import Basics
import CommandSupport
import FoundationEssentials
import Ingestion

/// Tells a person how a load goes: a bar on a terminal, plain lines for what matters, a summary at the end.
final class LoadReporter: Sendable {
  private let quiet: Bool
  private let verbose: Bool
  private let state = StateLock(State())

  private struct State {
    /// Whether images are counted as they are embedded, and their batches need no count.
    var countsImages = false
    var left = TimeLeft()
  }

  init(_ global: GlobalOptions) {
    quiet = global.quiet
    verbose = global.verbose
  }

  func show(_ event: LoadEvent) {
    switch event {
    case .started(let plan):
      guard verbose else { return }
      Terminal.note(
        "loading \(plan.source): \(plan.dimension) dimensions, \(plan.method), \(plan.batchRows) rows in a batch"
      )
    case .progress(let progress):
      drawBar(progress)
    case .unreadable(let image):
      Terminal.note("skipped \(image.reason)")
    case .retrying(let reason, let attempt):
      Terminal.note("retry \(attempt): \(reason)")
    case .step(let step):
      if !quiet { Terminal.note(step) }
    case .building(let progress):
      drawBar(progress)
    case .planned: break
    case .warning(let warning):
      Terminal.warning(warning)
    }
  }

  /// Counts an image as soon as its vector is there, long before its batch is written.
  func show(_ progress: EmbeddingProgress) {
    state.withLock { $0.countsImages = true }
    draw(progress.done, of: progress.total, "images", progress.rate)
  }

  private func drawBar(_ progress: LoadProgress) {
    guard state.withLock({ !$0.countsImages }) else { return }
    draw(progress.position, of: progress.expectedCount, "rows", progress.rate)
  }

  private func draw(_ done: Int, of total: Int?, _ what: String, _ rate: Double) {
    guard !quiet else { return }
    let speed = String(printf: rate < 10 ? "  %.1f " : "  %.0f ", rate) + what + "/s"
    guard let total, total > 0 else { return Terminal.progress("\(done) \(what)\(speed)") }
    let left = rate > 0 ? TimeLeft.text(Double(total - done) / rate) : ""
    Terminal.progress("\(done)/\(total)\(speed)\(left)", share: Double(done) / Double(total))
  }

  private func drawBar(_ progress: IndexProgress) {
    guard !quiet else { return }
    let time = progress.share.map { share in
      String(printf: " %.0f %%", share * 100) + state.withLock { $0.left.text(at: share, of: progress.phase) }
    }
    Terminal.progress(progress.phase, end: time ?? "", share: progress.share)
  }

  private struct Summary: Encodable {
    let loaded: Int
    let replaced: Int
    let skipped: Int
    let unreadable: Int
    let seconds: Double
    let peakMemoryKib: Int?
    let method: String
    let wasFinished: Bool
    let dryRun: Bool
    let leftOut: Int?
    let duplicateCount: Int?
    let duplicates: [DuplicatePair]?
    let warnings: [String]
  }

  /// - Parameter showsDuplicates: whether they were looked for.
  func finish(
    _ report: LoadReport,
    command: String,
    format: ReportFormat,
    showsDuplicates: Bool = false
  ) throws {
    let seconds = report.duration / .seconds(1)
    switch format {
    case .json:
      let summary = Summary(
        loaded: report.counts.loaded,
        replaced: report.counts.replaced,
        skipped: report.counts.skipped,
        unreadable: report.counts.unreadable,
        seconds: seconds,
        peakMemoryKib: Self.peakMemoryKib,
        method: report.method,
        wasFinished: report.wasFinished,
        dryRun: report.isDryRun,
        leftOut: report.changes?.leftOut,
        duplicateCount: showsDuplicates ? report.duplicateCount : nil,
        duplicates: showsDuplicates ? report.duplicates : nil,
        warnings: report.warnings
      )
      try JSONReport(command: command, result: summary).print()
    case .text:
      guard !quiet else { return }
      try Self.showDuplicates(report)
      try Output.line(Self.sentence(report, seconds))
    }
  }

  /// A line for each of the first duplicates.
  static func showDuplicates(_ report: LoadReport) throws {
    for pair in report.duplicates {
      let way = pair.distance.map { "looks alike, \(counted($0, "bit"))" } ?? "equal"
      try Output.line(
        "duplicate  \(PrintableText.line(pair.path)) of \(PrintableText.line(pair.duplicateOf)) (\(way))"
      )
    }
    let more = report.duplicateCount - report.duplicates.count
    if more > 0 { try Output.line("duplicate  \(more) more") }
  }

  /// The most memory that the process held at any time: `VmHWM`. `ru_maxrss` would count whoever forked it too.
  static var peakMemoryKib: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }
  }

  private static func sentence(_ report: LoadReport, _ seconds: Double) -> String {
    if report.isDryRun {
      return "checked, nothing written: \(counted(report.thisRun.handled, "row")) would be loaded"
    }
    if report.wasFinished {
      // A table that was warned of may have no unique index, and then nothing can be replaced.
      let way = report.warnings.isEmpty ? "; --restart --on-conflict update loads again" : ""
      let leftOut = report.changes?.leftOut ?? 0
      let others = leftOut > 0 ? ", \(leftOut) left out as duplicates" : ""
      return "already loaded (\(counted(report.counts.loaded, "row"))\(others))\(way)"
    }
    var parts = ["\(counted(report.counts.loaded, "row")) loaded"]
    if report.counts.replaced > 0 { parts.append("\(report.counts.replaced) of them replaced") }
    if report.leftOutByTable > 0 { parts.append("\(report.leftOutByTable) left out by the table") }
    let there = report.counts.skipped - report.leftOutByTable
    if there > 0 { parts.append("\(there) were there already") }
    if let leftOut = report.changes?.leftOut, leftOut > 0 {
      parts.append("\(leftOut) left out as duplicates")
    }
    if report.counts.unreadable > 0 {
      parts.append("\(counted(report.counts.unreadable, "image")) could not be read")
    }
    return parts.joined(separator: ", ") + String(printf: " in %.1f s", seconds)
  }
}

extension LoadInterruption: FailureWithCause {}

/// `1 row`, `2 rows`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
