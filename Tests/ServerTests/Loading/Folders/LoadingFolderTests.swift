import Basics
import ImageCodecs
import Foundation
import ImageSources
import Ingestion
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// Folders that grow, shrink and change, and several folders in one table: a row is an image.
@Suite(.serialized)
struct LoadingFolderTests {
  /// A folder of images of one pixel, whose red is the vector.
  private struct Images: Sendable {
    private let folder: EditedFolder
    var path: String { folder.path }

    init() throws { folder = try EditedFolder() }

    func write(_ name: String, red: UInt8, extraBytes: Int = 0) throws {
      try folder.write(name, red, extraBytes: extraBytes)
    }

    func load(
      _ settings: ConnectionSettings,
      _ target: LoadTarget,
      ids: ImageIDs = .position,
      _ change: (inout LoadOptions) -> Void = { _ in }
    ) async throws -> LoadReport {
      let images = try FolderCollection(path: path)
      let source = ImageBatchSource(images, .init(workers: 1, ids: ids)) { { [Float($0.rgb[0])] } }
      var options = LoadOptions()
      change(&options)
      return try await Loader(settings: settings, target: target, options: options).run(source)
    }
  }

  private func with(
    source: Bool,
    _ body: (PostgresConnection, ConnectionSettings, LoadTarget) async throws -> Void
  ) async throws {
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let table = QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
      try await connection.run(
        trusted: """
          CREATE TABLE \(table.quoted) (
            id bigint PRIMARY KEY, class text\(source ? ", source text" : ""), image_vector real[])
          """
      )
      try await body(connection, settings, LoadTarget(table: table))
    }
  }

  private func vectors(_ connection: PostgresConnection, _ target: LoadTarget) async throws -> [String?] {
    try await connection.run(
      trusted: "SELECT id || ':' || image_vector[1] FROM \(target.table.quoted) ORDER BY id"
    )[0].rows.map { $0[0] }
  }

  /// The table has no unique index, which would refuse the ids that two runs give at the same time.
  @Test func twoFoldersAtOnceGetDifferentIDs() async throws {
    try await with(source: true) { connection, settings, target in
      try await connection.run(
        trusted: "ALTER TABLE \(target.table.quoted) DROP CONSTRAINT image_search_pkey"
      )
      let folders = try (0..<4).map { _ in try Images() }
      for (number, folder) in folders.enumerated() {
        for image in 0..<30 { try folder.write("\(100 + image).bmp", red: UInt8(number * 30 + image)) }
      }
      try await withThrowingTaskGroup(of: Int.self) { group in
        for folder in folders {
          group.addTask { try await folder.load(settings, target) { $0.batchRows = 3 }.counts.loaded }
        }
        for try await loaded in group { #expect(loaded == 30) }
      }
      let rows = try await connection.run(
        trusted: "SELECT count(*), count(DISTINCT id), count(DISTINCT source) FROM \(target.table.quoted)"
      )[0].rows
      #expect(rows == [["120", "120", "120"]])
    }
  }

  @Test(arguments: [true, false])
  func aFolderThatChangesIsFollowedImageByImage(source: Bool) async throws {
    try await with(source: source) { connection, settings, target in
      let folder = try Images()
      try folder.write("b.bmp", red: 1)
      try folder.write("c.bmp", red: 2)
      #expect(try await folder.load(settings, target).counts.loaded == 2)
      #expect(try await folder.load(settings, target).wasFinished)
      try folder.write("a.bmp", red: 3)
      let grown = try await folder.load(settings, target)
      #expect(grown.counts.loaded == 1 && grown.counts.skipped == 2)
      #expect(try await vectors(connection, target) == ["0:1", "1:2", "2:3"])
      try folder.write("b.bmp", red: 9, extraBytes: 1)
      let touched = try await folder.load(settings, target)
      #expect(touched.counts.replaced == 1)
      #expect(try await vectors(connection, target) == ["0:9", "1:2", "2:3"])
      try await connection.run(trusted: "DELETE FROM \(target.table.quoted) WHERE id = 1")
      _ = try await folder.load(settings, target)
      #expect(try await vectors(connection, target) == ["0:9", "2:3", "3:2"])
      try FileManager.default.removeItem(atPath: folder.path + "/c.bmp")
      let shrunk = try await folder.load(settings, target)
      #expect(shrunk.wasFinished)
      let again = try await folder.load(settings, target) {
        ($0.continuation, $0.onConflict) = (.restart, .skip)
      }
      #expect(again.wasFinished && again.thisRun == LoadCounts())
      #expect(try await vectors(connection, target) == ["0:9", "2:3", "3:2"])
    }
  }

  @Test func aTableThatWasMadeAnewForgetsTheImagesOfTheOldOne() async throws {
    try await with(source: true) { connection, settings, target in
      let folder = try Images()
      try folder.write("a.bmp", red: 1)
      _ = try await folder.load(settings, target)
      let table = target.table.quoted
      try await connection.run(
        trusted:
          "DROP TABLE \(table); "
          + "CREATE TABLE \(table) (id bigint PRIMARY KEY, class text, source text, image_vector real[])"
      )
      try folder.write("b.bmp", red: 2)
      #expect(try await folder.load(settings, target).counts.loaded == 2)
      #expect(try await vectors(connection, target) == ["0:1", "1:2"])
      #expect(try await folder.load(settings, target).wasFinished)
    }
  }

  @Test(arguments: [ImageIDs.position, .path], [true, false])
  func aSecondFolderWithTheSameNamesIsLoadedBesideTheFirst(ids: ImageIDs, source: Bool) async throws {
    try await with(source: source) { connection, settings, target in
      let (first, second) = (try Images(), try Images())
      try first.write("IMG_1.bmp", red: 1)
      try first.write("IMG_2.bmp", red: 2)
      try second.write("IMG_1.bmp", red: 3)
      try second.write("IMG_3.bmp", red: 4)
      _ = try await first.load(settings, target, ids: ids)
      let report = try await second.load(settings, target, ids: ids) { $0.onConflict = .skip }
      #expect(report.counts.loaded == 2 && report.counts.skipped == 0)
      #expect(try await vectors(connection, target).count == 4)
      #expect(try await second.load(settings, target, ids: ids).wasFinished)
    }
  }

  @Test func rowsThatAnUntrackedLoadWroteAreKnownByTheirSource() async throws {
    try await with(source: true) { connection, settings, target in
      let folder = try Images()
      try folder.write("a.bmp", red: 1)
      _ = try await folder.load(settings, target) { $0.continuation = .untracked }
      try folder.write("0.bmp", red: 2)
      await #expect(throws: LoadError.self) { try await folder.load(settings, target) }
      let report = try await folder.load(settings, target) { $0.onConflict = .skip }
      #expect(report.counts.loaded == 1 && report.counts.skipped == 1)
      #expect(try await vectors(connection, target) == ["0:1", "1:2"])
    }
  }
}
