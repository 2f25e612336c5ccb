import Basics
import HTTPTypes
import ImageSearch
import SearchServer
import Testing

/// The page as a browser without JavaScript sees it.
@Suite struct PageTests {
  @Test func startsFromImagesOfTheCollection() async throws {
    try await PageClient.with { page in
      let start = try await page.ask("/")
      #expect(start.status == 200)
      #expect(start["Content-Type"] == "text/html; charset=utf-8")
      #expect(start.text.contains("Start from an image of the collection"))
      #expect(start.text.contains(#"href="/?id=0""#))
      #expect(start.text.contains(#"<option value="dog">dog (1)</option>"#))
    }
  }

  @Test func showsResultsThatKeepTheOptions() async throws {
    try await PageClient.with { page in
      let answer = try await page.ask("/?id=0&k=2&mode=exact")
      #expect(answer.text.contains("2 images nearest to <em>cat (image 0)</em>"))
      // The image opens by itself, beside this search.
      #expect(answer.text.contains(#"href="/images/1?id=0&amp;k=2&amp;mode=exact""#))
      #expect(answer.text.contains(#"href="/?id=1&amp;k=2&amp;mode=exact""#))
      #expect(answer.text.contains(#"<code id="sql">SELECT &#39;&lt;&#39; ;</code>"#))
      #expect(answer["Server-Timing"]?.hasPrefix("features;dur=0.000, db;dur=1.500") == true)
    }
  }

  @Test func resultsBeyondTheLargestDistanceAreLeftOut() async throws {
    try await PageClient.with { page in
      let all = try await page.ask("/results.csv?id=0&k=3")
      #expect(all["Content-Type"] == "text/csv; charset=utf-8")
      let rows = all.text.split(separator: "\r\n").dropFirst().map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
      let distances = rows.compactMap { Double($0[3]) }
      #expect(distances.count == 3 && distances == distances.sorted())
      let near = try await page.ask("/?id=0&k=3&within=\(distances[1])")
      #expect(near.text.contains("distance at most") && near.text.contains("2 images nearest to"))
      let refused = try await page.ask("/?id=0&within=near")
      #expect(refused.status == 400)
    }
  }

  @Test func aFullAnswerLinksToMore() async throws {
    try await PageClient.with { page in
      let full = try await page.ask("/?id=0&k=1")
      let more = try #require(full.text.firstMatch(of: /class="further" href="([^"]+)"/)).output.1
      let next = try await page.ask(String(more).replacing("&amp;", with: "&"))
      #expect(next.text.contains("Images 2–2 nearest to <em>cat (image 0)</em>"))
      #expect(next.text.contains(#"data-id="2""#) && !next.text.contains(#"data-id="1""#))
      let whole = try await page.ask("/?id=0&k=100")
      #expect(!whole.text.contains("Show more images"))
    }
  }

  @Test func labelsAreTextWhateverTheyHold() async throws {
    let backend = MemoryBackend([ImageRow(id: 0, class: "<script>alert(1)</script>\"'&", source: nil)])
    try await PageClient.with(backend) { page in
      let start = try await page.ask("/")
      #expect(!start.text.contains("<script>alert"))
      #expect(start.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"))
    }
  }

  /// A combining mark makes one Character of itself and the quote or bracket before it.
  @Test func quotesBeforeCombiningMarksStayInTheirAttribute() async throws {
    let hostile = "x\"\u{301} onmouseover=alert(1) <\u{301}b>"
    let backend = MemoryBackend([ImageRow(id: 0, class: hostile, source: nil)])
    try await PageClient.with(backend) { page in
      let start = try await page.ask("/")
      let scalars = Array(start.text.unicodeScalars)
      for (scalar, next) in zip(scalars, scalars.dropFirst()) where next == "\u{301}" {
        #expect(scalar == ";")
      }
      #expect(scalars.contains("\u{301}"))
    }
  }

  @Test func anUploadBecomesALink() async throws {
    let backend = MemoryBackend()
    try await PageClient.with(backend) { page in
      let sent = try await page.post(form: [("id", ""), ("k", "3"), ("class", "cat")], image: Sample.png)
      #expect(sent.status == 303)
      let link = try #require(sent["Location"])
      #expect(link.wholeMatch(of: /\/\?upload=[0-9a-f]{64}&k=3&class=cat/) != nil)
      let answer = try await page.ask(link)
      #expect(answer.text.contains("nearest to <em>my cat.png</em>"))
      #expect(backend.asked == [ImageQuery(.vector([0, 1]), topK: 3, class: "cat")])
    }
  }

  @Test func otherOptionsNeedNoSecondUpload() async throws {
    try await PageClient.with { page in
      let key = try #require(
        try await page.post(form: [], image: Sample.png)["Location"]?.split(separator: "=").last
      )
      let again = try await page.post(form: [("upload", String(key)), ("mode", "exact")], image: [])
      #expect(again["Location"] == "/?upload=\(key)&mode=exact")
    }
  }

  @Test(arguments: ["AAAAAAAAAAAAAAAAAAAAAA", String(repeating: "0", count: 64)])
  func aForgottenUploadSaysWhatToDo(key: String) async throws {
    try await PageClient.with { page in
      let answer = try await page.ask("/?upload=\(key)")
      #expect(answer.status == 404)
      #expect(answer.text.contains("no longer remembered; choose or drop the image again"))
    }
  }

  @Test(
    arguments: [
      ("/?not=0", "not needs an image to be near to"),
      ("/?upload=\(String(repeating: "A", count: 64))", "upload is not the key of an upload"),
      ("/?upload=..%2Fetc", "upload is not the key of an upload"),
      ("/?id=0&k=9999", "k must be a whole number, 1…500"),
      ("/?id=99", "no image 99"),
    ]
  )
  func whatCannotBeSearchedIsSaidOnThePage(uri: String, message: String) async throws {
    try await PageClient.with { page in
      let answer = try await page.ask(uri)
      #expect([400, 404].contains(answer.status))
      #expect(answer["Content-Type"] == "text/html; charset=utf-8")
      #expect(answer.text.contains(message))
    }
  }

  @Test func aLostDatabaseIsSaidClearlyAndComesBack() async throws {
    let backend = MemoryBackend()
    try await PageClient.with(backend) { page in
      #expect(try await page.ask("/?id=0").status == 200)
      backend.isLost = true
      let lost = try await page.ask("/?id=0&class=cat")
      #expect(lost.status == 503)
      #expect(lost["Retry-After"] == "2")
      #expect(lost.text.contains(#"role="alert""#))
      #expect(lost.text.contains(#"<option value="cat" selected>cat (2)</option>"#))
      #expect(try await page.ask("/ready").status == 503)
      #expect(try await page.ask("/health").status == 200)
      backend.isLost = false
      #expect(try await page.ask("/?id=0").status == 200)
      #expect(try await page.ask("/ready").status == 200)
    }
  }

  @Test func aMissingImageIsAPlaceholder() async throws {
    try await PageClient.with { page in
      let there = try await page.ask("/thumbnails/0")
      #expect(there["Content-Type"] == "image/png")
      for id in [1, 2, 99] {
        let missing = try await page.ask("/thumbnails/\(id)")
        #expect(missing.status == 200)
        #expect(missing["Content-Type"] == "image/svg+xml")
      }
    }
  }

  @Test func assetsAreKeptByTheirVersion() async throws {
    try await PageClient.with { page in
      let start = try await page.ask("/")
      let link = try #require(start.text.firstMatch(of: /\/assets\/page\.css\?v=[a-z0-9]+/)).output
      let css = try await page.ask(String(link))
      #expect(css["Cache-Control"] == "public, max-age=31536000, immutable")
      #expect(css["Content-Type"] == "text/css; charset=utf-8")
      let tag = try #require(css["ETag"])
      #expect(try await page.ask("/assets/page.css", headers: ["If-None-Match": tag]).status == 304)
    }
  }
}
