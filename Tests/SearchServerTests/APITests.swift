import Basics
import HTTPTypes
import ImageSearch
import SearchServer
import Testing

/// The JSON API.
@Suite struct APITests {
  @Test func searchesNearAImage() async throws {
    try await PageClient.with { page in
      let answer = try await page.ask("/api/v1/search?id=0&k=1")
      #expect(answer.status == 200)
      let json = try answer.json()
      let results = try #require(json["results"] as? [[String: Any]])
      #expect(results.count == 1)
      #expect(results[0]["id"] as? Int == 1)
      #expect(results[0]["distance"] as? Double == 1)
      // Only the file's name: where the collection lies on the server is nobody's business.
      #expect(results[0]["name"] as? String == "black.png")
      #expect(json["sql"] as? String == "SELECT '<' ;")
      #expect(json["page"] as? String == "/?id=0&k=1")
    }
  }

  @Test func searchesNearAVector() async throws {
    let backend = MemoryBackend()
    try await PageClient.with(backend) { page in
      let answer = try await page.post(
        json: #"{"vector": [1, 0.5], "k": 2, "mode": "exact", "ef": 40, "class": "cat"}"#
      )
      #expect(answer.status == 200)
      var expected = ImageQuery(.vector([1, 0.5]), topK: 2, class: "cat", exact: true)
      expected.options.efSearch = 40
      #expect(backend.asked == [expected])
    }
  }

  @Test(
    arguments: [
      ("/api/v1/search", "id is missing"),
      ("/api/v1/search?id=0&k=1&k=2", "k is given twice"),
      ("/api/v1/search?not=0", "not needs an image to be near to: give id or upload too"),
      ("/api/v1/search?id=0&not=", "not must have 1…256 characters, and no zero among them"),
      ("/api/v1/search?id=0&k=0", "k must be a whole number, 1…500"),
      ("/api/v1/search?id=0&k=501", "k must be a whole number, 1…500"),
      ("/api/v1/search?id=0&ef=1001", "ef must be a whole number, 1…1000"),
      ("/api/v1/search?id=0&mode=fast", "mode must be index or exact"),
      ("/api/v1/search?id=0&class=%00", "the link's percent-encoding is not UTF-8 text"),
      ("/api/v1/search?id=0&class=%ff", "the link's percent-encoding is not UTF-8 text"),
      (
        "/api/v1/search?id=0&where=1=1",
        "no parameter has that name; there are after, class, ef, id, k, mode, not, upload, within"
      ),
    ]
  )
  func refusesWhatItDoesNotKnow(uri: String, message: String) async throws {
    try await PageClient.with { page in
      let answer = try await page.ask(uri)
      #expect(answer.status == 400)
      #expect(answer["Content-Type"] == "application/problem+json")
      #expect(try answer.json()["detail"] as? String == message)
    }
  }

  @Test(
    arguments: [
      ("[1]", "the body is not a JSON object, or holds a number that is out of range"),
      ("{", "the body is not a JSON object, or holds a number that is out of range"),
      ("{}", "give either id, ids or vector"),
      (#"{"id": 0, "vector": [1, 2]}"#, "give either id, ids or vector"),
      (#"{"id": 0, "ids": [1]}"#, "give either id, ids or vector"),
      (#"{"vector": [1, 2], "not": [1]}"#, "give either id, ids or vector"),
      (#"{"ids": []}"#, "ids and not must name an image when they are given"),
      (#"{"ids": [""]}"#, "id must have 1…256 characters, and no zero among them"),
      (#"{"vector": [1]}"#, "the vector has 1 numbers, the collection's have 2"),
      (#"{"vector": [1, 1e60]}"#, "the vector's numbers must lie between -1e15 and 1e15"),
      (#"{"vector": [1, null]}"#, "vector has a value of the wrong type or size"),
      (#"{"id": 0, "k": "2"}"#, "k has a value of the wrong type or size"),
      (#"{"id": 0, "k": null}"#, "k has a value of the wrong type or size"),
      (
        #"{"id": 0, "sql": "DROP"}"#,
        "the body may have after, class, ef, id, ids, k, mode, not, vector, within, and nothing else"
      ),
    ]
  )
  func refusesOtherBodies(json: String, message: String) async throws {
    try await PageClient.with { page in
      let answer = try await page.post(json: json)
      #expect(answer.status == 400)
      #expect(try answer.json()["detail"] as? String == message)
    }
  }

  @Test func searchesNearSeveralImagesAndAwayFromOthers() async throws {
    let backend = MemoryBackend()
    try await PageClient.with(backend) { page in
      let answer = try await page.ask("/api/v1/search?id=0&id=1&id=1&not=3&k=1")
      #expect(answer.status == 200)
      var expected = ImageQuery(.vector([0, 1.25]), topK: 1)
      expected.excluded = [0, 1, 3]
      #expect(backend.asked == [expected])
      let json = try answer.json()
      let subject = try #require(json["subject"] as? [String: Any])
      #expect(subject["ids"] as? [Int] == [0, 1, 1] && subject["not"] as? [Int] == [3])
      #expect((json["results"] as? [[String: Any]])?.map { $0["id"] as? Int } == [2])
      #expect(json["page"] as? String == "/?id=0&id=1&id=1&not=3&k=1")
      let posted = try await page.post(json: #"{"ids": [0, 1, 1], "not": [3], "k": 1}"#)
      #expect(try posted.json()["page"] as? String == json["page"] as? String)
    }
  }

  @Test func anAnswerGoesOnBehindItsLastImage() async throws {
    // Three images at one distance: their order must not decide which are shown.
    let images = (0..<7).map { ImageRow(id: ImageID(Int64($0)), class: nil, source: nil) }
    try await PageClient.with(MemoryBackend(images, distance: { ($0 / 3).rounded(.down) })) { page in
      var (uri, seen) = ("/api/v1/search?id=0&k=2", [Int]())
      for _ in 0..<3 {
        let json = try await page.ask(uri).json()
        seen += (json["results"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? Int }
        guard let next = json["next"] as? String else { break }
        uri = "/api/v1/search?id=0&k=2&after=\(next)"
      }
      #expect(seen == [1, 2, 3, 4, 5, 6])
      #expect(try await page.ask(uri).json()["next"] == nil)
      #expect(try await page.ask("/api/v1/search?id=0&after=none").status == 404)
    }
  }

  @Test func sqlIsLeftOutWhereNamesAreHidden() async throws {
    try await PageClient.with(configure: { $0.showsSQL = false }) { page in
      #expect(try await page.ask("/api/v1/search?id=0").json()["sql"] == nil)
      let people = try await page.ask("/?id=0")
      #expect(!people.text.contains("SELECT") && people.text.contains("Details: time of this search"))
    }
  }

  @Test func classesHaveTheirNumberOfImages() async throws {
    try await PageClient.with { page in
      let json = try await page.ask("/api/v1/classes").json()
      #expect(json["classes"] as? [String] == ["cat", "dog"])
      #expect(json["counts"] as? [Int] == [2, 1])
    }
  }

  @Test func searchesNearAImageThatIsSentAlong() async throws {
    try await PageClient.with { page in
      let raw = try await page.ask(
        "/api/v1/search/image?k=1",
        .post,
        headers: ["Content-Type": "image/png"],
        body: Sample.png
      )
      #expect(raw.status == 200)
      let form = try await page.post(form: [], image: Sample.png, to: "/api/v1/search/image")
      #expect(form.status == 200)
      let subject = try #require(try form.json()["subject"] as? [String: Any])
      #expect(subject["name"] as? String == "my cat.png")
      let key = try #require(subject["upload"] as? String)
      #expect(try await page.ask("/api/v1/uploads/\(key)/search?k=1").status == 200)
      #expect(try await page.ask("/api/v1/uploads/\(key)/thumbnail")["Content-Type"] == "image/png")
    }
  }

  @Test(
    arguments: [
      ("text/plain", Sample.png, 415), ("image/svg+xml", Sample.png, 415), ("", Sample.png, 415),
      ("image/png", Array("GIF".utf8), 422), ("image/png", [], 422),
      ("image/jpeg", Array(Sample.png.prefix(8)), 422), ("multipart/form-data", Sample.png, 400),
      ("image/png", [UInt8](repeating: 0x89, count: 2_000), 413),
    ]
  )
  func refusesWhatIsNoImage(type: String, body: [UInt8], status: Int) async throws {
    try await PageClient.with(configure: { $0.limits.maximumUploadBytes = 1_000 }) { page in
      let headers = type.isEmpty ? [:] : ["Content-Type": type]
      let answer = try await page.ask("/api/v1/search/image", .post, headers: headers, body: body)
      #expect(answer.status == status)
    }
  }

  @Test func imagesAndThumbnailsAreOfTheCollectionOnly() async throws {
    try await PageClient.with { page in
      let file = try await page.ask("/api/v1/images/0/file")
      #expect(file["Content-Type"] == "image/png")
      #expect(file["X-Content-Type-Options"] == "nosniff")
      #expect(file["Content-Security-Policy"] == "default-src 'none'; sandbox")
      #expect(
        try await page.ask("/api/v1/images/0/file", headers: ["If-None-Match": "\"v1\""]).status == 304
      )
      #expect(try await page.ask("/api/v1/images/0/thumbnail?side=96").status == 200)
      #expect(try await page.ask("/api/v1/images/0/thumbnail?side=97").status == 400)
      #expect(try await page.ask("/api/v1/images/1/file").status == 404)
      // A file that is not an image is not sent, even if its name says that it is one.
      #expect(try await page.ask("/api/v1/images/2/file").status == 422)
      #expect(try await page.ask("/api/v1/images/99").status == 404)
      #expect(try await page.ask("/api/v1/images/..%2F..%2Fetc").status == 404)
    }
  }

  @Test func otherMethodsAreToldWhichThereAre() async throws {
    try await PageClient.with { page in
      let answer = try await page.ask("/api/v1/search", .delete)
      #expect(answer.status == 405)
      #expect(answer["Allow"] == "GET, HEAD, POST")
      #expect(try await page.ask("/api/v1/nothing").status == 404)
      let unknown = try #require(HTTPRequest.Method("BREW"))
      #expect(try await page.ask("/api/v1/search", unknown).status == 501)
      #expect(try await page.ask("/health", .head).status == 200)
    }
  }

  /// What was written for version 1 goes on working.
  @Test func theEarlierNamesAnswer() async throws {
    try await PageClient.with { page in
      let head = "--b\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\n\r\n"
      let body = [Array(head.utf8), Sample.png, Array("\r\n--b--\r\n".utf8)].flatMap { $0 }
      let headers = ["Content-Type": "multipart/form-data; boundary=b"]
      for uri in ["/api/v1/search/picture?k=1", "/api/v1/search/image?k=1"] {
        let answer = try await page.ask(uri, .post, headers: headers, body: body)
        #expect(answer.status == 200, "\(uri)")
      }
      #expect(try await page.ask("/api/v1/pictures?k=1").status == 200)
      #expect(try await page.ask("/api/v1/pictures/0/file")["Content-Type"] == "image/png")
      #expect(try await page.ask("/api/v1/pictures/0/thumbnail").status == 200)
    }
  }

  /// A vector of length 0 has no distance by the cosine, and JSON has no number for it.
  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func aDistanceThatIsNoNumberIsLeftOut(distance: Double) async throws {
    let backend = MemoryBackend(distance: { _ in distance })
    try await PageClient.with(backend) { page in
      let answer = try await page.ask("/api/v1/search?id=0&k=1")
      #expect(answer.status == 200)
      let results = try #require(try answer.json()["results"] as? [[String: Any]])
      #expect(results.count == 1 && results[0]["distance"] == nil)
      let people = try await page.ask("/?id=0&k=1")
      #expect(people.status == 200)
      #expect(!people.text.lowercased().contains(">nan") && !people.text.contains(">inf"))
    }
  }

  /// Ids may lie farther apart than the largest integer.
  @Test(arguments: [Int64.min, -1, Int64.max])
  func everyIdIsSearched(id: Int64) async throws {
    let images = [id, 0].map { ImageRow(id: ImageID($0), class: "cat", source: "cat/tabby.png") }
    try await PageClient.with(MemoryBackend(images)) { page in
      let people = try await page.ask("/?id=\(id)")
      #expect(people.status == 200)
      #expect(try await page.ask("/api/v1/search?id=\(id)").status == 200)
      #expect(try await page.post(json: #"{"id": \#(id)}"#).status == 200)
      #expect(try await page.ask("/api/v1/images/\(id)/thumbnail").status == 200)
      #expect(try await page.ask("/").text.contains("/images/\(id)"))
    }
  }

  @Test func aFileIsSentInPieces() async throws {
    let large = Sample.png + [UInt8](repeating: 7, count: 300_000)
    try await PageClient.with(store: MemoryStore(files: ["cat/tabby.png": large])) { page in
      let answer = try await page.ask("/api/v1/images/0/file")
      #expect(answer.status == 200)
      #expect(answer.bytes == large)
      #expect(answer["Content-Length"] == "\(large.count)")
      let head = try await page.ask("/api/v1/images/0/file", .head)
      #expect(head.status == 200 && head.bytes.isEmpty)
    }
  }

  /// Tables of others have ids that are texts.
  @Test func anIdMayBeAText() async throws {
    let id = "a/b c%é"
    let rows = [
      ImageRow(id: ImageID(id), class: nil, source: "cat/tabby.png"),
      ImageRow(id: 1, class: nil, source: nil),
    ]
    try await PageClient.with(MemoryBackend(rows)) { page in
      let near = try await page.ask("/api/v1/search?id=1").json()
      let hit = try #require((near["results"] as? [[String: Any]])?.first)
      #expect(hit["id"] as? String == id)
      let links = try #require(hit["links"] as? [String: String])
      #expect(try await page.ask(links["thumbnail"] ?? "").status == 200)
      #expect(try await page.ask(links["search"] ?? "").status == 200)
      #expect(try await page.ask("/").text.contains(#"href="/?id=a%2Fb%20c%25%C3%A9""#))
      #expect(try await page.ask("/images/a%2Fb%20c%25%C3%A9").status == 200)
      #expect(try await page.post(json: #"{"id": "a/b c%é"}"#).status == 200)
    }
  }

  @Test func whatToKnowOfAnAnswerIsSaid() async throws {
    let notice = "the index gave 3 of <5>"
    try await PageClient.with(MemoryBackend(notices: [notice])) { page in
      let answer = try await page.ask("/api/v1/search?id=0").json()
      #expect(answer["notices"] as? [String] == [notice])
      #expect(answer["complete"] as? Bool == false)
      #expect(try await page.ask("/?id=0").text.contains("the index gave 3 of &lt;5&gt;"))
    }
  }
}
