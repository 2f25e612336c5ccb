import Foundation
import Ingestion
import Testing

/// Changes in a folder are seen, wherever they are below it.
struct FolderWatchTests {
  private let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

  private func write(_ name: String) throws {
    try Data("x".utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  @Test func changesBelowAFolderAreSeen() async throws {
    try FileManager.default.createDirectory(atPath: path + "/a/b", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
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

  @Test func aFolderThatIsNotThereIsNoError() async throws {
    let watch = FolderWatch(path: path)
    await watch.refresh()
    #expect(await watch.watchedFolders == 0)
    #expect(try await watch.next(within: .milliseconds(200)) == .interval)
  }
}
