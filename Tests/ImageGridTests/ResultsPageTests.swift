import Foundation
import ImageCodecs
import ImageGrid
import Testing

@Suite struct ResultsPageTests {
  private let dot: Image

  init() throws { dot = try Image(width: 2, height: 1, rgb: [1, 2, 3, 4, 5, 6]) }

  @Test func `Text is escaped wherever it stands`() throws {
    let evil = "<script>\"'&\u{0}"
    let page = ResultsPage(
      title: evil,
      summary: evil,
      items: [GridItem(image: dot, title: evil, detail: evil)],
      sql: evil,
      facts: [ResultsPage.Fact(evil, evil)]
    )
    let html = try page.html()
    #expect(!html.contains("<script"))
    #expect(html.components(separatedBy: "&lt;script&gt;&quot;&#39;&amp;\u{FFFD}").count == 10)
  }

  @Test func `Tiny images are inlined without loss, large ones reduced`() throws {
    let large = try Image(width: 900, height: 300, rgb: [UInt8](repeating: 90, count: 810_000))
    let html = try ResultsPage(
      title: "t",
      items: [GridItem(image: dot, title: "a"), GridItem(image: large, title: "b")]
    ).html()
    let inlined = try inlinedImages(html)
    #expect(inlined.first == dot)
    #expect(inlined.last.map { [$0.width, $0.height] } == [480, 160])
  }

  @Test func `Nothing is loaded from elsewhere and a missing image is said`() throws {
    let html = try ResultsPage(title: "t", items: [GridItem(image: nil, title: "lost")]).html()
    #expect(html.contains("aria-label=\"no image\""))
    #expect(!html.contains("http://") && !html.contains("https://"))
    #expect(html.contains("default-src 'none'"))
  }

  @Test func `The query stands apart from the ranked results`() throws {
    let html = try ResultsPage(
      title: "t",
      items: [GridItem(image: dot, title: "asked", isQuery: true), GridItem(image: dot, title: "found")]
    ).html()
    let parts = html.components(separatedBy: "<ol class=\"results\"")
    #expect(parts[0].contains("asked") && !parts[0].contains("found"))
    #expect(parts[1].contains("found"))
  }

  private func inlinedImages(_ html: String) throws -> [Image] {
    try html.components(separatedBy: ";base64,").dropFirst().map { piece in
      let data = Data(base64Encoded: String(piece.prefix { $0 != "\"" }))
      return try Image(decoding: data ?? Data())
    }
  }
}
