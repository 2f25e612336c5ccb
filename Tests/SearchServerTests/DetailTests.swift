import SearchServer
import Testing

/// An image by itself, several images to start from, and the classes of what was found.
@Suite struct DetailTests {
  @Test func anImageIsShownWithItsSearchAndItsNeighbours() async throws {
    try await PageClient.with { page in
      let detail = try await page.ask("/images/1?id=0&k=3")
      #expect(detail.status == 200)
      for part in [
        #"<h1 id="heading">Image 1</h1>"#, "<dd>1.000</dd>", "<dd>black.png</dd>", "1 of 3",
        #"rel="next" href="/images/2?id=0&amp;k=3""#, #"class="back" href="/?id=0&amp;k=3""#,
        #"id="like" href="/?id=1&amp;k=3""#, #"id="unlike" href="/?id=0&amp;not=1&amp;k=3""#,
        #"href="/?id=0&amp;id=1&amp;k=3">Add to the search"#, "Nearest of the class cat",
        "Smallest distances",
        "side=1024",
      ] { #expect(detail.text.contains(part), "\(part)") }
      #expect(!detail.text.contains(#"rel="prev""#))
      let alone = try await page.ask("/images/1")
      #expect(alone.status == 200 && !alone.text.contains(#"id="unlike""#))
      let unclassed = try await page.ask("/images/3")
      #expect(unclassed.status == 200 && !unclassed.text.contains("Nearest of the class"))
      #expect(try await page.ask("/images/99", headers: ["Accept": "text/html"]).status == 404)
    }
  }

  /// Whoever opens the link of an image that a forgotten upload led to sees the image.
  @Test func anImageOutlivesItsSearch() async throws {
    try await PageClient.with { page in
      let detail = try await page.ask("/images/1?upload=\(String(repeating: "0", count: 64))")
      #expect(detail.status == 200 && detail.text.contains("Image 1"))
    }
  }

  @Test func severalImagesAreShownAsExamples() async throws {
    try await PageClient.with { page in
      let several = try await page.ask("/?id=0&id=1&id=1&not=2")
      for part in [
        "1 image nearest to <em>3 examples</em>", #"<span class="weight">+2</span>"#, #"<li class="unlike">"#,
        #"<input type="hidden" name="also" value="1">"#, #"<input type="hidden" name="not" value="2">"#,
        #"href="/?id=1&amp;id=1&amp;not=2" aria-label="Leave image 0 out""#,
        #"href="/?id=0&amp;id=1&amp;id=1&amp;id=0&amp;not=2" aria-label="Count image 0 more""#,
      ] { #expect(several.text.contains(part), "\(part)") }
      let form = try await page.post(
        form: [("id", ""), ("also", "0"), ("also", "1"), ("not", "2")],
        image: []
      )
      #expect(form["Location"] == "/?id=0&id=1&not=2")
      let typed = try await page.post(form: [("id", "3"), ("also", "0"), ("also", "1")], image: [])
      #expect(typed["Location"] == "/?id=3")
    }
  }

  @Test func classesOfTheResultsAreLinksWithTheirNumbers() async throws {
    try await PageClient.with { page in
      let answer = try await page.ask("/?id=3")
      #expect(answer.text.contains(#"<a href="/?id=3&amp;class=cat">cat <span>2</span></a>"#))
      let filtered = try await page.ask("/?id=3&class=cat")
      #expect(filtered.text.contains(#"<a href="/?id=3&amp;class=cat" aria-current="true">"#))
      #expect(filtered.text.contains(#"<a href="/?id=3">every class</a>"#))
      #expect(try await page.ask("/").text.contains(#"<a href="/?class=cat">cat <span>2</span></a>"#))
    }
  }
}
