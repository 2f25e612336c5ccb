import CommandSupport
import Foundation
import Ingestion
import Synchronization

/// Tells a person how a load goes: a bar on a terminal, plain lines for what matters, a summary at the end.
final class LoadReporter: Sendable {
  private let quiet: Bool
  private let verbose: Bool
  private let hasBar = Mutex(false)

  init(_ global: GlobalOptions) {
    quiet = global.quiet
    verbose = global.verbose
  }

  func show(_ event: LoadEvent) {
    switch event {
    case .started(let plan):
      guard verbose else { return }
      note(
        "loading \(plan.source): \(plan.dimension) numbers a vector, \(plan.method), \(plan.batchRows) rows a batch"
      )
    case .progress(let progress):
      drawBar(progress)
    case .unreadable(let image):
      note("skipped \(image.reason)")
    case .retrying(let reason, let attempt):
      note("trying again (\(attempt)): \(reason)")
    case .step(let step):
      if !quiet { note(step) }
    case .building(let progress):
      drawBar(progress)
    case .warning(let warning):
      clearBar()
      Terminal.warning(warning)
    }
  }

  private func note(_ line: String) {
    clearBar()
    Terminal.note(line)
  }

  private func drawBar(_ progress: LoadProgress) {
    guard Terminal.showsProgress, !quiet else { return }
    let rate = String(format: "%.0f rows/s", progress.rate)
    var line = "\(progress.position) rows  \(rate)"
    if let total = progress.expectedCount, total > 0 {
      let share = min(1, Double(progress.position) / Double(total))
      line = "\(Self.bar(share)) \(progress.position)/\(total)  \(rate)"
      if let remaining = progress.remaining { line += "  \(Self.clock(remaining)) left" }
    }
    draw(line)
  }

  private func drawBar(_ progress: IndexProgress) {
    guard Terminal.showsProgress, !quiet else { return }
    let share = progress.share.map { Self.bar($0) + String(format: " %.0f %%  ", $0 * 100) } ?? ""
    draw(share + progress.phase)
  }

  private static func bar(_ share: Double) -> String {
    let filled = Int(share * 30)
    return String(repeating: "━", count: filled) + String(repeating: "╌", count: 30 - filled)
  }

  private func draw(_ line: String) {
    hasBar.withLock { $0 = true }
    FileHandle.standardError.write(Data("\r\u{1B}[2K\(line)".utf8))
  }

  private func clearBar() {
    hasBar.withLock { hasBar in
      if hasBar { FileHandle.standardError.write(Data("\r\u{1B}[2K".utf8)) }
      hasBar = false
    }
  }

  private static func clock(_ duration: Duration) -> String {
    let seconds = Int(duration.components.seconds)
    return String(format: "%d:%02d", seconds / 60, seconds % 60)
  }

  private struct Summary: Encodable {
    let loaded: Int
    let replaced: Int
    let skipped: Int
    let unreadable: Int
    let seconds: Double
    let peakMemoryKiB: Int?
    let method: String
    let wasFinished: Bool
    let dryRun: Bool
    let warnings: [String]
  }

  func finish(_ report: LoadReport, command: String, format: ReportFormat) throws {
    clearBar()
    let seconds = report.duration / .seconds(1)
    switch format {
    case .json:
      let summary = Summary(
        loaded: report.counts.loaded,
        replaced: report.counts.replaced,
        skipped: report.counts.skipped,
        unreadable: report.counts.unreadable,
        seconds: seconds,
        peakMemoryKiB: Self.peakMemoryKiB,
        method: report.method,
        wasFinished: report.wasFinished,
        dryRun: report.isDryRun,
        warnings: report.warnings
      )
      try JSONReport(command: command, result: summary).print()
    case .text:
      print(Self.sentence(report, seconds))
    }
  }

  /// The most memory that the process held at any time: `VmHWM`. `ru_maxrss` would count whoever forked it too.
  private static var peakMemoryKiB: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }
  }

  private static func sentence(_ report: LoadReport, _ seconds: Double) -> String {
    if report.isDryRun { return "checked, nothing written: \(report.thisRun.handled) rows would be loaded" }
    if report.wasFinished { return "already loaded (\(report.counts.loaded) rows); --restart loads again" }
    var parts = ["\(report.counts.loaded) rows loaded"]
    if report.counts.replaced > 0 { parts.append("\(report.counts.replaced) of them replaced") }
    if report.counts.skipped > 0 { parts.append("\(report.counts.skipped) were there already") }
    if report.counts.unreadable > 0 { parts.append("\(report.counts.unreadable) images could not be read") }
    return parts.joined(separator: ", ") + String(format: " in %.1f s", seconds)
  }
}

extension LoadInterruption: FailureWithCause {}
