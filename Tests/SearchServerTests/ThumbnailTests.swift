import ImageSearch
import SearchServer
import Testing

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
}

extension PageClient {
  fileprivate func thumbnailLinks(of uri: String) async throws -> [String] {
    try await ask(uri).text.matches(of: /src="(\/thumbnails\/[^"]+)"/).map {
      String($0.output.1).replacing("&amp;", with: "&")
    }
  }
}
