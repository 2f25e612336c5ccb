import Foundation
import ImageSources
import Ingestion
import Synchronization
import TestSupport
import Testing

/// What happens to folders while they are followed, and images that look like others.
@Suite(.serialized)
struct SyncTroubleTests {
  @Test func twoRunsAtOnceEndAsOne() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<30 { try folder.images.write("c/\(number).bmp", UInt8(number)) }
      async let first = folder.sync { $0.lockPatience = .seconds(240) }
      async let second = folder.sync { $0.lockPatience = .seconds(240) }
      let added = try await [first, second].compactMap { $0.changes?.added }
      #expect(added.sorted() == [0, 30] && folder.embedded == 30)
      try await folder.expectFreshLoad()
    }
  }

  /// Images that could not be read because their disk was away are read when it is back, though they are the same.
  @Test func aDiskThatIsAwayInTheMiddleChangesNothing() async throws {
    try await SyncedFolder.with { folder in
      func write(_ numbers: Range<Int>, _ red: Int, extraBytes: Int) throws {
        for number in numbers {
          try folder.images.write("c/\(number).bmp", UInt8(red + number), extraBytes: extraBytes)
          try folder.images.age("c/\(number).bmp")
        }
      }
      try write(0..<20, 0, extraBytes: 0)
      _ = try await folder.sync { $0.deleted = .delete }
      try write(10..<40, 100, extraBytes: 1)
      let (path, away) = (folder.images.path, folder.images.path + "-away")
      folder.meanwhile.withLock { $0 = { _ = rename(path, away) } }
      let stopped = try await folder.sync { $0.deleted = .delete }
      #expect((stopped.changes?.unreadable ?? 0) > 10 && stopped.changes?.deleted == 0)
      await #expect(throws: CollectionError.self) { try await folder.sync { $0.deleted = .delete } }
      _ = rename(away, path)
      #expect(try await folder.sync { $0.deleted = .delete }.changes?.unreadable == 0)
      try await folder.expectFreshLoad()
      #expect(try await folder.sync().wasFinished)
    }
  }

  /// Below a file there is nothing; a folder that became one may have been mounted there.
  @Test func aFolderThatBecameAFileLosesNothingWithoutAConfirmation() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<20 { try folder.images.write("c/\(number).bmp", UInt8(number)) }
      for number in 0..<20 { try folder.images.write("d/\(number).bmp", UInt8(100 + number)) }
      _ = try await folder.sync()
      try folder.images.remove("c")
      try folder.images.write("c", Array("a file".utf8))
      let held = try await folder.sync { $0.deleted = .delete }
      #expect(held.changes?.heldBack == 20 && held.changes?.deleted == 0 && held.changes?.unchanged == 20)
      let away = folder.images.path + "-away"
      _ = rename(folder.images.path, away)
      try Data("a file".utf8).write(to: URL(fileURLWithPath: folder.images.path))
      await #expect(throws: CollectionError.self) {
        try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      }
      #expect(try await folder.rows("id", order: "id").count == 40)
      try FileManager.default.removeItem(atPath: folder.images.path)
      _ = rename(away, folder.images.path)
      let done = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(done.changes?.deleted == 20)
      try await folder.expectFreshLoad()
    }
  }

  @Test func imagesThatChangeWhileTheyAreReadAreReadAgain() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<3 {
        try folder.images.write("\(number).bmp", UInt8(number))
        try folder.images.age("\(number).bmp")
      }
      let images = folder.images
      folder.meanwhile.withLock {
        $0 = { for number in 0..<3 { try images.write("\(number).bmp", UInt8(50 + number)) } }
      }
      _ = try await folder.sync()
      _ = try await folder.sync()
      try await folder.expectFreshLoad()
    }
  }

  /// What has the path, the size or the content of before, and is another image.
  @Test func imagesInThePlaceOfOthersAreToldFromThem() async throws {
    try await SyncedFolder.with { folder in
      let names = ["folder", "case", "back", "moved", "original", "left"]
      for (number, name) in names.enumerated() { try folder.images.write("\(name).bmp", UInt8(number)) }
      try folder.images.write("right.bmp", 30, extraBytes: 1)
      try folder.images.copy("original.bmp", "copy.bmp")
      _ = try await folder.sync()
      // A folder by the name of a file; a name in capitals; a clock that was set back; a move and an edit; a copy whose
      // original is gone; two names exchanged.
      try folder.images.remove("folder.bmp")
      try folder.images.write("folder.bmp/inside.bmp", 70)
      try folder.images.move("case.bmp", "CASE.bmp")
      try folder.images.write("back.bmp", 71)
      try folder.images.age("back.bmp")
      try folder.images.move("moved.bmp", "edited.bmp")
      try folder.images.write("edited.bmp", 72)
      try folder.images.remove("original.bmp")
      try folder.images.exchange("left.bmp", "right.bmp")
      let report = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(report.changes?.moved == 1 && report.changes?.deleted == 3)
      try await folder.expectFreshLoad()
      #expect(try await folder.sync { $0.hashesAll = true }.wasFinished)
    }
  }
}
