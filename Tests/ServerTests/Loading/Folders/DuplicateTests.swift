import Basics
import Foundation
import ImageCodecs
import ImageSources
import Ingestion
import PostgresClient
import TestSupport
import Testing

/// Folders with copies of images: named, left out or linked, and again when the images change.
@Suite(.serialized)
struct DuplicateTests {
  /// An image of hills and valleys that are others for each number; its first pixel is the number.
  private func scene(_ number: Int, side: Int = 48) throws -> Image {
    var random = SeededGenerator(seed: UInt64(number))
    let waves = (0..<14).map { _ in
      (0..<4).map { Double.random(in: $0 < 2 ? -4...4 : 0...1, using: &random) }
    }
    var rgb = (0..<side * side).flatMap { index -> [UInt8] in
      let (x, y) = (Double(index % side) / Double(side), Double(index / side) / Double(side))
      let sum = waves.reduce(0.0) { sum, wave in
        let turns = wave[0] * x + wave[1] * y + wave[2]
        let height: Double = abs((turns - turns.rounded(.down)) * 4 - 2) - 1
        return sum + 24 * wave[3] * height
      }
      let grey = UInt8(max(0, min(255, 128 + Int(sum))))
      return [grey, grey, grey]
    }
    rgb[0] = UInt8(number)
    return try Image(width: side, height: side, rgb: rgb)
  }

  /// Six images, copies of the first two that are smaller and lossy, and one of equal content of the third. Formats are known by
  /// their first bytes, not by the names.
  private func fill(_ folder: EditedFolder) throws {
    for number in 0..<6 { try folder.write("\(number).bmp", scene(number).pngData()) }
    try folder.write("copies/0.bmp", scene(0, side: 40).pngData())
    try folder.write("copies/1.bmp", scene(1).jpegData(quality: 60))
    try folder.copy("2.bmp", "copies/2.bmp")
  }

  private func looking(_ treatment: DuplicateTreatment) -> (inout LoadOptions) -> Void {
    { $0.duplicates = DuplicateSearch(treatment) }
  }

  private func duplicates(_ folder: SyncedFolder) async throws -> [String?] {
    try await folder.sql(
      """
      SELECT path || ' ' || duplicate_of || ' ' || (id IS NOT NULL) FROM \(folder.schema).adbvec_load_image
      WHERE duplicate_of IS NOT NULL ORDER BY path
      """
    )
  }

  @Test func copiesAreNamedAndKeepTheirVectors() async throws {
    try await SyncedFolder.with { folder in
      try fill(folder.images)
      let report = try await folder.sync(looking(.report))
      let pairs = report.duplicates.map { "\($0.path) \($0.duplicateOf)" }
      #expect(pairs == (0..<3).map { "copies/\($0).bmp \($0).bmp" })
      #expect(report.duplicates.map { $0.distance == nil } == [false, false, true])
      #expect(report.duplicateCount == 3 && report.changes?.nearDuplicates == 2)
      #expect(report.changes?.added == 9 && report.changes?.leftOut == 0 && report.changes?.embedded == 8)
      #expect(folder.embedded == 8)
      #expect(try await duplicates(folder) == (0..<3).map { "copies/\($0).bmp \($0).bmp true" })
      #expect(try await folder.sync(looking(.report)).wasFinished && folder.embedded == 8)
      try await folder.expectFreshLoad()
    }
  }

  @Test func copiesAreLeftOutOnceAndForAll() async throws {
    try await SyncedFolder.with { folder in
      try fill(folder.images)
      let plan = try await folder.sync {
        looking(.skip)(&$0)
        $0.plansOnly = true
      }
      #expect(plan.changes?.leftOut == 1, "only the equal one is known before images are read")
      let report = try await folder.sync(looking(.skip))
      #expect(report.changes?.leftOut == 3 && report.changes?.added == 6 && report.changes?.duplicates == 0)
      #expect(try await duplicates(folder) == (0..<3).map { "copies/\($0).bmp \($0).bmp false" })
      let rows = try await folder.rows("id, source", order: "id")
      #expect(rows.count == 6)
      let embedded = folder.embedded
      for options in [looking(.skip), { _ in }, { $0.hashesAll = true }] as [(inout LoadOptions) -> Void] {
        let again = try await folder.sync(options)
        #expect(again.wasFinished && again.changes?.leftOut == 3 && again.changes?.unreadable == 0)
      }
      #expect(folder.embedded == embedded)
      #expect(try await folder.rows("id, source", order: "id") == rows)
      // What comes later is compared with what is there.
      try folder.images.write("later.bmp", scene(4).jpegData(quality: 40))
      let later = try await folder.sync(looking(.skip))
      #expect(later.changes?.leftOut == 4 && later.changes?.added == 0)
      #expect(later.duplicates.map(\.duplicateOf) == ["4.bmp"])
      #expect(try await folder.rows("id, source", order: "id") == rows)
    }
  }

  @Test func anImageThatWasLeftOutComesBackWhenItsOriginalGoes() async throws {
    try await SyncedFolder.with { folder in
      try fill(folder.images)
      _ = try await folder.sync(looking(.skip))
      let id = try await folder.rows("id", order: "source")[2]
      let embedded = folder.embedded
      // Equal content takes the row over, other content is embedded.
      try folder.images.remove("2.bmp")
      try folder.images.remove("1.bmp")
      try folder.images.write("0.bmp", scene(9).pngData())
      let report = try await folder.sync {
        looking(.skip)(&$0)
        ($0.deleted, $0.confirmsDeletions) = (.delete, true)
      }
      #expect(report.changes?.moved == 1 && report.changes?.deleted == 1 && report.changes?.leftOut == 0)
      #expect(report.changes?.changed == 1 && report.changes?.added == 2)
      #expect(folder.embedded == embedded + 3)
      #expect(try await folder.rows("id", order: "source").last == id, "copies/2.bmp")
      try await folder.expectFreshLoad()
    }
  }

  @Test func linkedCopiesHaveTheVectorOfTheirOriginal() async throws {
    try await SyncedFolder.with { folder in
      try fill(folder.images)
      let report = try await folder.sync(looking(.link))
      #expect(report.changes?.added == 9 && report.changes?.duplicates == 3 && report.changes?.leftOut == 0)
      #expect(report.changes?.embedded == folder.embedded, "also of images that two workers had at once")
      let vectors = try await folder.rows("image_vector", order: "source")
      #expect(Array(vectors.suffix(3)) == Array(vectors.prefix(3)), "copies come last")
      let again = try await folder.sync(looking(.link))
      #expect(again.wasFinished && again.changes?.unchanged == 9)
      // What was left out by one run is linked by another.
      try folder.images.copy("5.bmp", "6.bmp")
      _ = try await folder.sync(looking(.skip))
      #expect(try await folder.rows("id", order: "id").count == 9)
      #expect(try await folder.sync(looking(.link)).changes?.added == 1)
      #expect(try await folder.rows("id", order: "id").count == 10)
    }
  }

  @Test func imagesThatWereLoadedBeforeAreLookedAtOnceAndNotEmbedded() async throws {
    try await SyncedFolder.with { folder in
      try fill(folder.images)
      try folder.images.write(
        "white.bmp",
        Image(width: 4, height: 4, rgb: [UInt8](repeating: 255, count: 48)).pngData()
      )
      _ = try await folder.sync()
      let (rows, embedded) = (try await folder.rows("id, source, image_vector", order: "id"), folder.embedded)
      let report = try await folder.sync(looking(.skip))
      #expect(report.duplicateCount == 3 && report.changes?.leftOut == 0 && report.changes?.embedded == 0)
      #expect(
        try await folder.rows("id, source, image_vector", order: "id") == rows,
        "rows that are there stay"
      )
      #expect(folder.embedded == embedded)
      #expect(try await folder.sync(looking(.skip)).wasFinished)
      #expect(try await duplicates(folder).count == 3)
    }
  }

  /// A journal of the version before, and a run that goes back to not looking.
  @Test func aJournalWithoutPerceptualHashesIsUpgraded() async throws {
    try await SyncedFolder.with { folder in
      try fill(folder.images)
      _ = try await folder.sync()
      _ = try await folder.sql(
        "ALTER TABLE \(folder.schema).adbvec_load_image DROP COLUMN phash, DROP COLUMN duplicate_of"
      )
      #expect(try await folder.sync { $0.plansOnly = true }.changes?.unchanged == 9)
      #expect(try await folder.sync(looking(.report)).duplicateCount == 3)
      #expect(try await folder.sync().wasFinished)
    }
  }

  /// Runs that are stopped anywhere: in the end each image has a row, or an original that has one.
  @Test(arguments: [DuplicateTreatment.skip, .link])
  func stoppedRunsEndAsOneThatIsNot(treatment: DuplicateTreatment) async throws {
    try await SyncedFolder.with { folder in
      var random = SeededGenerator(seed: 7)
      for number in 0..<30 {
        let scene = try scene(number % 8, side: 40 + number % 3)
        try folder.images.write(
          "\(number).bmp",
          number % 2 == 0 ? scene.pngData() : scene.jpegData(quality: 90)
        )
      }
      for _ in 0..<12 {
        let run = Task { try await folder.sync(looking(treatment)) }
        try await Task.sleep(for: .milliseconds(Int.random(in: 1...60, using: &random)))
        run.cancel()
        _ = try? await run.value
      }
      _ = try await folder.sync(looking(treatment))
      #expect(try await folder.sync(looking(treatment)).wasFinished)
      #expect(try await folder.rows("id", order: "id").count == (treatment == .skip ? 8 : 30))
      let orphans = try await folder.sql(
        """
        SELECT path FROM \(folder.schema).adbvec_load_image i WHERE id IS NULL AND NOT EXISTS
          (SELECT 1 FROM \(folder.schema).adbvec_load_image o WHERE o.path = i.duplicate_of AND o.id IS NOT NULL)
        """
      )
      #expect(orphans.isEmpty)
    }
  }

  @Test func recordsAndUntrackedLoadsAreRefusedBeforeAnythingIsWritten() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      await #expect(throws: LoadError.self) {
        try await folder.sync {
          looking(.report)(&$0)
          $0.continuation = .untracked
        }
      }
      #expect(try await folder.rows("id", order: "id").isEmpty)
    }
  }
}
