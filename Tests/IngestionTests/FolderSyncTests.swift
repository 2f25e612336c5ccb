import Foundation
import ImageCodecs
import ImageSources
import PostgresClient
import TestSupport
import Testing
import VectorSQL

@testable import Ingestion

/// What a table's watch over a folder does beside the load itself.
struct FolderSyncTests {
  private let lost = PostgresError(code: .connectionLost, message: "gone")

  private func interruption(_ cause: any Error) -> LoadInterruption {
    LoadInterruption(
      cause: cause,
      counts: LoadCounts(),
      isResumable: true,
      idConstraints: [],
      followsChanges: true,
      resumeAdvice: ""
    )
  }

  @Test func pausesDoubleFromASecondToAMinute() {
    var retry = WatchRetry()
    let pauses = (0..<8).map { _ in retry.pause(after: lost) }
    #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60])
  }

  @Test func whatMayPassIsWaitedFor() {
    let passing: [any Error] = [
      lost, PostgresError(code: .connectionFailed, message: ""), interruption(lost),
      LoadError(.locked, ""), CollectionError(.unreadable, file: "f", ""),
      CollectionError(.damaged, file: "f", ""), interruption(LoadError(.locked, "")),
    ]
    for error in passing {
      var retry = WatchRetry()
      #expect(retry.pause(after: error) == 1, "\(error)")
    }
    let lasting: [any Error] = [
      PostgresError(code: .libraryMissing, message: ""),
      PostgresError(code: .server, message: "", sqlState: "42501"), interruption(CancellationError()),
      LoadError(.table, ""), LoadError(.row, ""), CollectionError(.labels, file: "f", ""),
      CancellationError(),
    ]
    for error in lasting {
      var retry = WatchRetry()
      #expect(retry.pause(after: error) == nil, "\(error)")
    }
  }

  private func sync(_ path: String) -> FolderSync {
    FolderSync(
      path: path,
      labels: nil,
      reading: ImageBatchSource.Options(workers: 1),
      features: TableFeatures(
        isGiven: false,
        recipe: { _, _ in nil },
        decoding: { _ in Image.DecodingOptions() },
        prepare: { _ in throw CancellationError() }
      )
    ) {
      throw LoadError(.table, "not there")
    }
  }

  @Test func theFolderOfAListIsWatched() throws {
    let folder = try TemporaryFolder()
    let list = try folder.file("list.csv", "path\n")
    #expect(sync(list).folder == folder.path && sync(folder.path).folder == folder.path)
    #expect(sync("/list.csv").folder == "/")
  }

  @Test func aWatchEndsWithAnErrorThatStays() async throws {
    let folder = try TemporaryFolder()
    await #expect(throws: LoadError.self) {
      try await sync(folder.path).follow(every: 1, onEvent: { _ in }) { _ in
        Issue.record("nothing is told of an error that ends the watch")
      }
    }
  }

  @Test func metricsAreZeroBeforeTheFirstLook() {
    #expect(
      SyncMetrics(source: "/p").text == """
        # HELP adbvec_sync_looks_total Looks at the images.
        # TYPE adbvec_sync_looks_total counter
        adbvec_sync_looks_total{source="/p"} 0
        # HELP adbvec_sync_failures_total Looks that failed.
        # TYPE adbvec_sync_failures_total counter
        adbvec_sync_failures_total{source="/p"} 0
        # HELP adbvec_sync_images_total Images with which something was done, by what it was.
        # TYPE adbvec_sync_images_total counter
        # HELP adbvec_sync_images Images at the last look, by their state.
        # TYPE adbvec_sync_images gauge

        """
    )
  }

  @Test func metricsCountWhatLooksFound() throws {
    var metrics = SyncMetrics(source: "/a \"b\" \\ c\nd")
    var report = LoadReport(method: "INSERT", warnings: [])
    report.duration = .milliseconds(1500)
    report.changes = try .made {
      ($0.added, $0.changed, $0.deleted, $0.embedded) = (3, 1, 2, 4)
      ($0.unchanged, $0.unreadable, $0.missing, $0.heldBack) = (10, 5, 6, 1)
    }
    metrics.add(report, at: 1_700_000_000)
    metrics.addFailure()
    report.changes = try .made { ($0.added, $0.moved, $0.unchanged) = (1, 1, 14) }
    metrics.add(report, at: 1_700_000_060)
    let label = #"source="/a \"b\" \\ c\nd""#
    let values = metrics.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    #expect(
      values == [
        "adbvec_sync_looks_total{\(label)} 3",
        "adbvec_sync_failures_total{\(label)} 1",
        "adbvec_sync_images_total{\(label),change=\"added\"} 4",
        "adbvec_sync_images_total{\(label),change=\"changed\"} 1",
        "adbvec_sync_images_total{\(label),change=\"moved\"} 1",
        "adbvec_sync_images_total{\(label),change=\"touched\"} 0",
        "adbvec_sync_images_total{\(label),change=\"deleted\"} 2",
        "adbvec_sync_images_total{\(label),change=\"flagged\"} 0",
        "adbvec_sync_images_total{\(label),change=\"embedded\"} 4",
        "adbvec_sync_images{\(label),state=\"current\"} 16",
        "adbvec_sync_images{\(label),state=\"unreadable\"} 0",
        "adbvec_sync_images{\(label),state=\"missing\"} 0",
        "adbvec_sync_last_success_timestamp_seconds{\(label)} 1700000060",
        "adbvec_sync_last_duration_seconds{\(label)} 1.500",
      ]
    )
    #expect(metrics.text.contains("# TYPE adbvec_sync_last_duration_seconds gauge\n"))
  }
}
