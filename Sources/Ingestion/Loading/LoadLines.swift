internal import Basics
internal import FoundationEssentials
internal import ImageSources

/// The lines that tell a person how a load goes: how far it is, and what matters on the way.
package struct LoadLines: Sendable {
  /// A line of standard error.
  package enum Line: Sendable, Hashable {
    case note(String)
    case warning(String)
    /// How far it is; `end` is kept where the line is too long, and `share` is how much is done, from 0 to 1.
    case progress(String, end: String = "", share: Double? = nil)
  }

  private let quiet: Bool
  private let verbose: Bool
  /// Whether images are counted as they are embedded, and their batches need no count.
  private var countsImages = false
  private var left = TimeLeft()

  package init(quiet: Bool, verbose: Bool) {
    self.quiet = quiet
    self.verbose = verbose
  }

  /// What is said of an event; nil for nothing.
  package mutating func line(for event: LoadEvent) -> Line? {
    switch event {
    case .started(let plan):
      guard verbose else { return nil }
      return .note(
        "loading \(plan.source): \(plan.dimension) dimensions, \(plan.method), \(plan.batchRows) rows in a batch"
      )
    case .progress(let progress):
      guard !countsImages else { return nil }
      return line(progress.position, of: progress.expectedCount, "rows", progress.rate)
    case .unreadable(let image): return .note("skipped \(image.reason)")
    case .retrying(let reason, let attempt): return .note("retry \(attempt): \(reason)")
    case .step(let step): return quiet ? nil : .note(step)
    case .building(let progress): return line(for: progress)
    case .planned: return nil
    case .warning(let warning): return .warning(warning)
    }
  }

  /// Counts an image as soon as its vector is there, long before its batch is written.
  package mutating func line(for progress: EmbeddingProgress) -> Line? {
    countsImages = true
    return line(progress.done, of: progress.total, "images", progress.rate)
  }

  private func line(_ done: Int, of total: Int?, _ what: String, _ rate: Double) -> Line? {
    guard !quiet else { return nil }
    let speed = String(printf: rate < 10 ? "  %.1f " : "  %.0f ", rate) + what + "/s"
    guard let total, total > 0 else { return .progress("\(done) \(what)\(speed)") }
    let left = rate > 0 ? TimeLeft.text(Double(total - done) / rate) : ""
    return .progress("\(done)/\(total)\(speed)\(left)", share: Double(done) / Double(total))
  }

  private mutating func line(for progress: IndexProgress) -> Line? {
    guard !quiet else { return nil }
    let end = progress.share.map { share in
      String(printf: " %.0f %%", share * 100) + left.text(at: share, of: progress.phase)
    }
    return .progress(progress.phase, end: end ?? "", share: progress.share)
  }
}

extension LoadReport {
  /// What the load did, on one line.
  package var sentence: String {
    if isDryRun { return "checked, nothing written: \(counted(thisRun.handled, "row")) would be loaded" }
    if wasFinished {
      // A table that was warned of may have no unique index, and then nothing can be replaced.
      let way = warnings.isEmpty ? "; --restart --on-conflict update loads again" : ""
      let leftOut = changes?.leftOut ?? 0
      let others = leftOut > 0 ? ", \(leftOut) left out as duplicates" : ""
      return "already loaded (\(counted(counts.loaded, "row"))\(others))\(way)"
    }
    var parts = ["\(counted(counts.loaded, "row")) loaded"]
    if counts.replaced > 0 { parts.append("\(counts.replaced) of them replaced") }
    if leftOutByTable > 0 { parts.append("\(leftOutByTable) left out by the table") }
    let there = counts.skipped - leftOutByTable
    if there > 0 { parts.append("\(there) were there already") }
    if let leftOut = changes?.leftOut, leftOut > 0 { parts.append("\(leftOut) left out as duplicates") }
    if counts.unreadable > 0 { parts.append("\(counted(counts.unreadable, "image")) could not be read") }
    return parts.joined(separator: ", ") + String(printf: " in %.1f s", duration / .seconds(1))
  }

  /// A line for each of the first duplicates, and one for the others.
  package var duplicateLines: [String] {
    let first = duplicates.map { pair in
      let way = pair.distance.map { "looks alike, \(counted($0, "bit"))" } ?? "equal"
      return "duplicate  \(PrintableText.line(pair.path)) of \(PrintableText.line(pair.duplicateOf)) (\(way))"
    }
    let more = duplicateCount - duplicates.count
    return first + (more > 0 ? ["duplicate  \(more) more"] : [])
  }
}

extension FolderChanges {
  /// What was done with the images of a folder, on one line.
  /// - Parameter isDryRun: whether nothing was done on purpose.
  package func sentence(isDryRun: Bool, seconds: Double) -> String {
    let all: [(Int, String)] = [
      (added, "added"), (changed, "changed"), (moved, "moved"), (touched, "touched"), (deleted, "deleted"),
      (flagged, "flagged as missing"), (missing, "missing"), (heldBack, "held back"),
      (leftOut, "left out as duplicates"), (unreadable, "unreadable"), (unchanged, "unchanged"),
    ]
    let said = all.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let summary =
      (said.isEmpty ? "no images" : said)
      + (nearDuplicates > 0 ? "; near duplicates: \(nearDuplicates)" : "")
    return isDryRun ? "nothing written: \(summary)" : summary + String(printf: " in %.1f s", seconds)
  }
}

extension FolderChange {
  /// What happens to the image, on one line.
  package var line: String {
    let from = from.map { " from \(PrintableText.line($0))" } ?? ""
    let original = duplicateOf.map { " (equal to \(PrintableText.line($0)))" } ?? ""
    return "\(action)  \(PrintableText.line(path))\(from)\(original)"
  }
}

/// What a load did, as JSON shows it.
package struct LoadSummary: Encodable {
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

  /// - Parameter showsDuplicates: whether they were looked for.
  package init(_ report: LoadReport, showsDuplicates: Bool) {
    loaded = report.counts.loaded
    replaced = report.counts.replaced
    skipped = report.counts.skipped
    unreadable = report.counts.unreadable
    seconds = report.duration / .seconds(1)
    peakMemoryKib = ProcessMemory.peakKib
    method = report.method
    wasFinished = report.wasFinished
    dryRun = report.isDryRun
    leftOut = report.changes?.leftOut
    duplicateCount = showsDuplicates ? report.duplicateCount : nil
    duplicates = showsDuplicates ? report.duplicates : nil
    warnings = report.warnings
  }
}

/// The memory of this process.
package enum ProcessMemory {
  /// The most that it held at any time; nil where the system does not tell.
  package static var peakKib: Int? {
    (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)).flatMap { peakKib(status: $0) }
  }

  /// `VmHWM` of `/proc/PID/status`. `ru_maxrss` would count whoever forked the process too.
  static func peakKib(status: String) -> Int? {
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }
  }
}
