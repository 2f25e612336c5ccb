import Basics
import Foundation
import ImageSearch
import Synchronization
import TestSupport
import Testing

@testable import SearchServer

/// A thumbnail is that of the row and of the file as they are now.
@Suite struct ThumbnailTests {
  private static func png(_ text: String) -> [UInt8] { Array(Sample.png.prefix(8)) + Array(text.utf8) }

  @Test func anotherFileUnderTheSameIdIsShown() async throws {
    let store = MemoryStore(files: ["cat/tabby.png": Self.png("before")])
    try await PageClient.with(store: store) { page in
      for uri in ["/api/v1/images/0/thumbnail", "/thumbnails/0"] {
        store.replace("cat/tabby.png", Self.png("before"), version: "1")
        let before = try await page.ask(uri)
        #expect(before.bytes == Self.png("before"))
        #expect(before["Cache-Control"] == "private, no-cache")
        let tag = try #require(before["ETag"])
        #expect(try await page.ask(uri, headers: ["If-None-Match": tag]).status == 304)
        store.replace("cat/tabby.png", Self.png("after"), version: "2")
        let after = try await page.ask(uri, headers: ["If-None-Match": tag])
        #expect(after.status == 200 && after.bytes == Self.png("after"))
      }
    }
  }

  @Test func anotherRowUnderTheSameIdIsShown() async throws {
    let files = ["a.png": Self.png("a"), "b.png": Self.png("b")]
    let store = MemoryStore(files: files)
    let links = try await Self.links(MemoryBackend([ImageRow(id: 0, class: nil, source: "a.png")]), store)
    // The link of the page before, after the table was loaded anew.
    try await PageClient.with(MemoryBackend([ImageRow(id: 0, class: nil, source: "b.png")]), store: store) {
      page in
      let thumbnail = try await page.ask(links[0])
      #expect(thumbnail.bytes == Self.png("b"))
    }
  }

  private static func links(_ backend: MemoryBackend, _ store: MemoryStore) async throws -> [String] {
    nonisolated(unsafe) var links: [String] = []
    try await PageClient.with(backend, store: store) { page in links = try await page.thumbnailLinks(of: "/")
    }
    return links
  }

  /// The rows of the page's own search are known already.
  @Test func aPageOfThumbnailsNeedsNoQueryEach() async throws {
    let images = (0..<24).map { ImageRow(id: ImageID(Int64($0)), class: "cat", source: "\($0).png") }
    let files = Dictionary(uniqueKeysWithValues: images.map { ($0.source ?? "", Self.png("\($0.id)")) })
    let backend = MemoryBackend(images)
    try await PageClient.with(backend, store: MemoryStore(files: files)) { page in
      let links = try await page.thumbnailLinks(of: "/")
      #expect(links.count == 24)
      for (id, link) in links.enumerated() { #expect(try await page.ask(link).bytes == Self.png("\(id)")) }
      #expect(backend.singleRows == 0)
      #expect(try await page.ask("/thumbnails/3?of=unknown").bytes == Self.png("3"))
      #expect(backend.singleRows == 1)
    }
  }

  /// The second server has no thumbnail in memory, and the file another name.
  @Test func aThumbnailOutlivesTheServer() async throws {
    let folder = NSTemporaryDirectory() + "adbvec-cache-\(UUID())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let made = Mutex(0)
    for source in ["a.png", "b.png"] {
      var images = StubImages()
      images.onThumbnail = { made.withLock { $0 += 1 } }
      let store = MemoryStore(files: [source: Self.png("same")])
      try await PageClient.with(
        MemoryBackend([ImageRow(id: 0, class: nil, source: source)]),
        images: images,
        store: store,
        configure: { $0.cacheFolder = folder }
      ) { page in
        for uri in ["/thumbnails/0", "/thumbnails/0", "/thumbnails/0?side=384"] {
          let answer = try await page.ask(uri)
          #expect(answer.bytes == Self.png("same"))
        }
        store.replace(source, Self.png("other"), version: "2")
        let answer = try await page.ask("/thumbnails/0")
        #expect(answer.bytes == Self.png("other"))
      }
    }
    #expect(made.withLock { $0 } == 3)
  }
}

/// Values on disk.
@Suite struct DiskCacheTests {
  private func withFolder(_ body: (String) throws -> Void) rethrows {
    let folder = NSTemporaryDirectory() + "adbvec-cache-\(UUID())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func size(_ folder: String) -> Int {
    let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return files.reduce(0) { sum, file in
      var status = stat()
      guard stat(folder + "/" + file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return sum }
      return sum + Int(status.st_size)
    }
  }

  @Test func keepsValuesForTheNextProcess() {
    withFolder { folder in
      let cache = DiskCache(folder: folder, maximumBytes: 1 << 20)
      #expect(cache.value(for: "0a1b-192-1") == nil)
      cache.insert([1, 2, 3], for: "0a1b-192-1")
      cache.insert([4], for: "0a1b-384-1")
      let next = DiskCache(folder: folder, maximumBytes: 1 << 20)
      #expect(next.value(for: "0a1b-192-1") == [1, 2, 3] && next.value(for: "0a1b-384-1") == [4])
      var status = stat()
      #expect(stat(folder, &status) == 0 && status.st_mode & 0o077 == 0)
    }
  }

  @Test func staysWithinItsBoundAndKeepsWhatIsUsed() {
    withFolder { folder in
      let cache = DiskCache(folder: folder, maximumBytes: 64_000)
      let used = [UInt8](repeating: 9, count: 500)
      cache.insert(used, for: "used")
      for index in 0..<400 {
        cache.insert([UInt8](repeating: 1, count: 1_000), for: "k\(index)-value")
        #expect(size(folder) <= 64_000)
        #expect(cache.value(for: "used") == used)
      }
      #expect(cache.value(for: "k399-value") != nil && cache.value(for: "k0-value") == nil)
    }
  }

  @Test(arguments: ["", "../../etc", "ab/../x", "ABCD", "a b-1234"])
  func refusesKeysThatAreNone(key: String) {
    withFolder { folder in
      let cache = DiskCache(folder: folder, maximumBytes: 1 << 20)
      cache.insert([1], for: key)
      #expect(cache.value(for: key) == nil && size(folder) == 0)
    }
  }

  @Test func aFolderThatCannotBeMadeKeepsNothing() {
    let cache = DiskCache(folder: "/proc/none", maximumBytes: 1 << 20)
    cache.insert([1], for: "abcd")
    #expect(cache.value(for: "abcd") == nil)
  }
}

extension PageClient {
  fileprivate func thumbnailLinks(of uri: String) async throws -> [String] {
    try await ask(uri).text.matches(of: /src="(\/thumbnails\/[^"]+)"/).map {
      String($0.output.1).replacing("&amp;", with: "&")
    }
  }
}
