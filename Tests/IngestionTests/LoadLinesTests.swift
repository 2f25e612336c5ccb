import ImageSources
import Testing

@testable import Ingestion

/// The lines that a person reads of a load.
struct LoadLinesTests {
  private let start = LoadEvent.started(
    LoadStart(
      source: "v.npy",
      dimension: 3,
      method: "COPY",
      batchRows: 10,
      expectedCount: nil,
      alreadyDone: 0
    )
  )
  private let image = LoadEvent.unreadable(UnreadableImage(position: 1, reason: "a.png: cut short"))

  private func progress(_ position: Int, of expected: Int?, rate: Double) -> LoadEvent {
    .progress(
      LoadProgress(
        counts: LoadCounts(),
        position: position,
        expectedCount: expected,
        rate: rate,
        remaining: nil
      )
    )
  }

  @Test func whatMattersIsALine() {
    var lines = LoadLines(quiet: false, verbose: true)
    #expect(
      lines.line(for: start) == .note("loading v.npy: 3 dimensions, COPY, 10 rows in a batch")
    )
    #expect(lines.line(for: image) == .note("skipped a.png: cut short"))
    #expect(lines.line(for: .retrying(reason: "gone", attempt: 2)) == .note("retry 2: gone"))
    #expect(lines.line(for: .step("gathering statistics")) == .note("gathering statistics"))
    #expect(lines.line(for: .warning("odd")) == .warning("odd"))
    #expect(lines.line(for: .planned(FolderChange(action: .add, path: "a"))) == nil)
  }

  @Test func whoWantsQuietHearsOfProblemsAlone() {
    var lines = LoadLines(quiet: true, verbose: false)
    #expect(lines.line(for: start) == nil && lines.line(for: .step("x")) == nil)
    #expect(lines.line(for: progress(1, of: 2, rate: 1)) == nil)
    #expect(lines.line(for: EmbeddingProgress(done: 1, total: 2, rate: 1)) == nil)
    #expect(lines.line(for: .building(IndexProgress(phase: "loading", share: 0.5))) == nil)
    #expect(lines.line(for: image) == .note("skipped a.png: cut short"))
    #expect(lines.line(for: .warning("odd")) == .warning("odd"))
  }

  @Test func progressTellsSpeedAndTimeLeft() {
    var lines = LoadLines(quiet: false, verbose: false)
    #expect(lines.line(for: start) == nil)
    #expect(
      lines.line(for: progress(50, of: 200, rate: 2.5))
        == .progress("50/200  2.5 rows/s  1:00 left", share: 0.25)
    )
    #expect(lines.line(for: progress(50, of: nil, rate: 12.4)) == .progress("50 rows  12 rows/s"))
    #expect(lines.line(for: progress(0, of: 4, rate: 0)) == .progress("0/4  0.0 rows/s", share: 0))
    #expect(
      lines.line(for: .building(IndexProgress(phase: "loading tuples", share: 0.5)))
        == .progress("loading tuples", end: " 50 %", share: 0.5)
    )
    #expect(lines.line(for: .building(IndexProgress(phase: "sorting"))) == .progress("sorting"))
  }

  @Test func imagesThatAreCountedNeedNoCountOfTheirBatches() {
    var lines = LoadLines(quiet: false, verbose: false)
    #expect(
      lines.line(for: EmbeddingProgress(done: 3, total: 4, rate: 0.5))
        == .progress("3/4  0.5 images/s  0:02 left", share: 0.75)
    )
    #expect(lines.line(for: progress(50, of: 200, rate: 2.5)) == nil)
  }

  private func report(_ change: (inout LoadReport) -> Void = { _ in }) -> LoadReport {
    var report = LoadReport(method: "COPY", warnings: [])
    report.counts.loaded = 1
    report.duration = .milliseconds(1260)
    change(&report)
    return report
  }

  @Test func aLoadIsToldInOneSentence() throws {
    #expect(report().sentence == "1 row loaded in 1.3 s")
    let all = report {
      $0.counts = LoadCounts(loaded: 7, skipped: 5, replaced: 2, unreadable: 1)
      $0.leftOutByTable = 3
    }
    #expect(
      all.sentence
        == "7 rows loaded, 2 of them replaced, 3 left out by the table, 2 were there already, 1 image could not be read in 1.3 s"
    )
    let dry = report {
      $0.isDryRun = true
      $0.thisRun = LoadCounts(loaded: 2, skipped: 1, replaced: 0, unreadable: 1)
    }
    #expect(dry.sentence == "checked, nothing written: 4 rows would be loaded")
    let finished = report { $0.wasFinished = true }
    #expect(
      finished.sentence == "already loaded (1 row); --restart --on-conflict update loads again"
    )
    let changes = try FolderChanges.made { $0.leftOut = 2 }
    let warned = report { ($0.wasFinished, $0.warnings, $0.changes) = (true, ["no unique index"], changes) }
    #expect(warned.sentence == "already loaded (1 row, 2 left out as duplicates)")
    #expect(report { $0.changes = changes }.sentence == "1 row loaded, 2 left out as duplicates in 1.3 s")
  }

  @Test func theFirstDuplicatesAreNamed() {
    let pairs = (0..<102).map { (bits: Int) in
      DuplicatePair(path: "b\(bits)", duplicateOf: "a\u{1B}", distance: bits)
    }
    let lines = report { $0.add([DuplicatePair(path: "c", duplicateOf: "a")] + pairs) }.duplicateLines
    #expect(lines.count == 101 && lines.last == "duplicate  3 more")
    #expect(lines.first == "duplicate  c of a (equal)")
    #expect(lines[1] == "duplicate  b0 of a\\x1B (looks alike, 0 bits)")
    #expect(lines[2] == "duplicate  b1 of a\\x1B (looks alike, 1 bit)")
    #expect(report().duplicateLines.isEmpty)
  }

  @Test func changesOfAFolderAreToldInOneSentence() throws {
    #expect(try FolderChanges.made().sentence(isDryRun: true, seconds: 1) == "nothing written: no images")
    let changes = try FolderChanges.made {
      ($0.added, $0.moved, $0.flagged, $0.heldBack, $0.unchanged) = (1, 2, 3, 4, 5)
      $0.nearDuplicates = 6
    }
    #expect(
      changes.sentence(isDryRun: false, seconds: 0.25)
        == "1 added, 2 moved, 3 flagged as missing, 4 held back, 5 unchanged; near duplicates: 6 in 0.2 s"
    )
    let moved = FolderChange(action: .move, path: "b\n", from: "a", duplicateOf: "c")
    #expect(moved.line == "move  b\\n from a (equal to c)")
    #expect(FolderChange(action: .leaveOut, path: "x").line == "leave out  x")
  }

  @Test func duplicatesAreInTheSummaryWhereTheyWereLookedFor() {
    let found = report { $0.add([DuplicatePair(path: "b", duplicateOf: "a")]) }
    let (with, without) = (
      LoadSummary(found, showsDuplicates: true), LoadSummary(found, showsDuplicates: false)
    )
    #expect(with.duplicateCount == 1 && with.duplicates?.count == 1)
    #expect(without.duplicateCount == nil && without.duplicates == nil && without.seconds == 1.26)
  }

  @Test func theMostMemoryIsThatOfTheProcessItself() throws {
    let status = "Name:\tadbvec\nVmPeak:\t 9000 kB\nVmHWM:\t   1234 kB\nVmRSS:\t 99 kB\n"
    #expect(ProcessMemory.peakKib(status: status) == 1234)
    #expect(ProcessMemory.peakKib(status: "Name:\tadbvec\n") == nil)
    #expect(try #require(ProcessMemory.peakKib) > 1000)
  }
}

extension FolderChanges {
  /// Changes of a folder without an image, but for what is changed here.
  static func made(_ change: (inout FolderChanges) -> Void = { _ in }) throws -> FolderChanges {
    let plan = try LoadPlan(
      FolderComparison(files: ImageFiles([])),
      contents: ImageContents(),
      present: nil,
      treatment: .follow,
      search: nil,
      source: "/p"
    )
    var changes = FolderChanges(plan, LoadOptions())
    change(&changes)
    return changes
  }
}
