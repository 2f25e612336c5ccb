import Foundation
import Ingestion
import TestSupport
import Testing

/// Changes in a folder are seen, wherever they are below it.
struct FolderWatchTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path }

  init() throws { folder = try TemporaryFolder() }

  private func write(_ name: String) throws {
    try Data("x".utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  @Test func changesBelowAFolderAreSeen() async throws {
    try FileManager.default.createDirectory(atPath: path + "/a/b", withIntermediateDirectories: true)
    let watch = FolderWatch(path: path)
    await watch.refresh()
    #expect(await watch.watchedFolders == 3)
    try write("a/b/1.bmp")
    #expect(try await watch.next(within: .seconds(60)) == .changed)
    #expect(try await watch.next(within: .milliseconds(300)) == .interval)
    try FileManager.default.createDirectory(atPath: path + "/c", withIntermediateDirectories: true)
    #expect(try await watch.next(within: .seconds(60)) == .changed)
    await watch.refresh()
    #expect(await watch.watchedFolders == 4)
    try write("c/1.bmp")
    #expect(try await watch.next(within: .seconds(60)) == .changed)
    try FileManager.default.removeItem(atPath: path + "/a/b/1.bmp")
    #expect(try await watch.next(within: .seconds(60)) == .changed)
  }

  /// More events than the kernel keeps for one watcher: what happened is lost, and that it is lost is told.
  @Test func moreChangesThanTheSystemKeepsAreTold() async throws {
    let limit = try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
    let most = try #require(Int(limit.filter(\.isNumber)))
    let watch = FolderWatch(path: path)
    await watch.refresh()
    // Making, closing and deleting a file are three events.
    for _ in 0...(most / 3) {
      let file = try #require(fopen(path + "/1.bmp", "w"))
      fclose(file)
      unlink(path + "/1.bmp")
    }
    #expect(try await watch.next(within: .seconds(60)) == .overflow)
  }

  @Test func aFolderThatIsNotThereIsNoError() async throws {
    let watch = FolderWatch(path: path + "/missing")
    await watch.refresh()
    #expect(await watch.watchedFolders == 0)
    #expect(try await watch.next(within: .milliseconds(200)) == .interval)
  }
}
