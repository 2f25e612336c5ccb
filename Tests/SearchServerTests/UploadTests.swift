import Foundation
@testable import SearchServer
import Synchronization
import TestSupport
import Testing

/// Uploads are remembered by their content, over a restart too.
@Suite struct UploadTests {
  private static let key = UploadCache.key(of: Sample.png)

  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).map { folder + "/" + $0 }.filter {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
    }
  }

  @Test func aLinkOutlivesTheServer() async throws {
    try await withTemporaryFolder { folder in
      try await PageClient.with(configure: { $0.cacheFolder = folder }) { page in
        let sent = try await page.post(form: [], image: Sample.png)
        #expect(sent["Location"] == "/?upload=\(Self.key)")
      }
      try await PageClient.with(configure: { $0.cacheFolder = folder }) { page in
        let answer = try await page.ask("/?upload=\(Self.key)")
        #expect(answer.status == 200 && answer.text.contains("nearest to <em>my cat.png</em>"))
        #expect(try await page.ask("/api/v1/uploads/\(Self.key)/thumbnail").bytes == Sample.png)
      }
      // Another model's embeddings are not comparable.
      let other = StubImages(model: "other")
      try await PageClient.with(images: other, configure: { $0.cacheFolder = folder }) { page in
        let answer = try await page.ask("/?upload=\(Self.key)")
        #expect(answer.status == 404)
      }
    }
  }

  @Test func whatSomebodySearchedWithIsReadByNobodyElse() async throws {
    try await withTemporaryFolder { folder in
      try await PageClient.with(configure: { $0.cacheFolder = folder }) { page in
        _ = try await page.post(form: [], image: Sample.png)
      }
      let path = folder + "/uploads"
      let file = try #require(try Self.files(path).first)
      for (name, mode) in [(path, 0o700), (file, 0o600)] {
        var status = stat()
        #expect(stat(name, &status) == 0 && Int(status.st_mode) & 0o777 == mode)
      }
    }
  }

  @Test func theSameImageIsReadOnce() async throws {
    let readings = Mutex(0)
    let images = StubImages(pause: { readings.withLock { $0 += 1 } })
    try await PageClient.with(images: images) { page in
      for _ in 0..<3 {
        let answer = try await page.post(form: [], image: Sample.png)
        #expect(answer.status == 303)
      }
    }
    #expect(readings.withLock { $0 } == 1)
  }

  @Test func aFolderKeepsWhatWasUsedLast() async throws {
    try withTemporaryFolder { folder in
      let room = UploadFolder(folder, maximumBytes: 40_000)
      func upload(_ number: Int) -> UploadCache.Upload {
        UploadCache.Upload(
          name: "\(number)",
          identity: "m",
          embedding: [Float(number), .pi],
          thumbnail: [UInt8](repeating: 7, count: 1_000),
          milliseconds: 1.5
        )
      }
      func key(_ number: Int) -> String { UploadCache.key(of: Array("\(number)".utf8)) }
      for number in 0..<100 {
        room.write(upload(number), key(number))
        #expect(room.read(key(0), madeBy: "m") == upload(0))
      }
      #expect(room.read(key(99), madeBy: "m") == upload(99))
      #expect(room.read(key(1), madeBy: "m") == nil)
      #expect(room.read(key(0), madeBy: "other") == nil)
      let count = try Self.files(folder).count
      #expect((20...40).contains(count))
    }
  }
}
