import CoreMetrics
import ImageSearch
@testable import SearchServer
import Synchronization
import Testing

@Suite struct BoundedCacheTests {
  @Test func dropsWhatWasNotUsedForLongest() {
    let cache = BoundedCache<String, Int>(maximumCost: 3)
    for (value, key) in ["a", "b", "c"].enumerated() { cache.insert(value, for: key, cost: 1) }
    #expect(cache.value(for: "a") == 0)
    cache.insert(3, for: "d", cost: 1)
    #expect(cache.value(for: "b") == nil)
    #expect(["a", "c", "d"].map { cache.value(for: $0) } == [0, 2, 3])
    cache.insert(4, for: "e", cost: 4)
    #expect(cache.value(for: "e") == nil)
    cache.insert(5, for: "a", cost: 3)
    #expect(cache.value(for: "a") == 5)
    #expect(cache.cost == 3)
  }
}

@Suite struct ContentTypeTests {
  @Test(arguments: [
    ("ftypheic", "image/heic"), ("ftypmif1", "image/heic"), ("ftypavif", "image/avif"),
  ])
  func telephonesImagesAreImages(brand: String, type: String) {
    #expect(ContentType.image([0, 0, 0, 24] + Array(brand.utf8) + [0, 0, 0, 0]) == type)
    #expect(ContentType.images.contains(type))
  }

  @Test func pagesAndVideosAreNoImages() {
    #expect(ContentType.image([0xFF, 0x0A, 0, 0]) == "image/jxl" && ContentType.images.contains("image/jxl"))
    for text in ["<html>", "%PDF-1.7", "\0\0\0\u{18}ftypisom"] {
      #expect(ContentType.image(Array(text.utf8)) == nil)
    }
  }
}

@Suite struct MultipartFormTests {
  private func form(_ body: String) throws -> [(String, String?, String)] {
    try MultipartForm(Array(body.replacing("\n", with: "\r\n").utf8), boundary: "x").parts.map {
      ($0.name, $0.fileName, String(decoding: $0.bytes, as: UTF8.self))
    }
  }

  @Test func takesAFormApart() throws {
    let parts = try form(
      """
      --x
      Content-Disposition: form-data; name="k"

      12
      --x
      content-type: image/png
      Content-Disposition: form-data; name="image"; filename="a; b=c.png"

      --y
      --x--

      """
    )
    #expect(parts.map(\.0) == ["k", "image"])
    #expect(parts.map(\.1) == [nil, "a; b=c.png"])
    #expect(parts.map(\.2) == ["12", "--y"])
  }

  @Test(
    arguments: [
      "", "--x", "--x\n", "--x--extra", "--y\n", "--xyz\n\n", "--x\n\nbody\n--x--",
      "--x\nContent-Disposition: form-data\n\nbody\n--x--",
      "--x\nContent-Disposition: attachment; name=\"a\"\n\nb\n--x--",
      "--x\nContent-Disposition: form-data; name=\"a\"\n\nno end",
    ]
  )
  func refusesABrokenForm(body: String) {
    let isEmptyForm = body.hasPrefix("--x--")
    let parts = try? form(body)
    #expect(isEmptyForm || parts == nil)
  }

  @Test func refusesManyParts() {
    let part = "--x\nContent-Disposition: form-data; name=\"a\"\n\nb\n"
    #expect(throws: HTTPError.self) { try form(String(repeating: part, count: 33) + "--x--") }
  }
}

@Suite struct PrometheusTests {
  @Test func writesTheTextFormat() {
    let registry = PrometheusRegistry()
    registry.describe("seen_total", "What was \"seen\"\n")
    Counter(label: "seen_total", dimensions: [("what", "a\"b\\c\n")], factory: registry).increment(by: 2)
    Counter(label: "seen_total", factory: registry).increment()
    Meter(label: "in.flight", factory: registry).set(1.5)
    Timer(label: "took_seconds", factory: registry).recordMilliseconds(7)
    let lines = registry.text().split(separator: "\n").map(String.init)
    #expect(
      lines.prefix(6) == [
        "# HELP seen_total What was \"seen\"\\n", "# TYPE seen_total counter", "seen_total 1",
        #"seen_total{what="a\"b\\c\n"} 2"#, "# TYPE in_flight gauge", "in_flight 1.5",
      ]
    )
    #expect(lines.contains(#"took_seconds_bucket{le="0.005"} 0"#))
    #expect(lines.contains(#"took_seconds_bucket{le="0.01"} 1"#))
    #expect(lines.contains(#"took_seconds_bucket{le="+Inf"} 1"#))
    #expect(lines.suffix(2) == ["took_seconds_sum 0.007", "took_seconds_count 1"])
  }
}

@Suite struct DecimalsTests {
  @Test(
    arguments: [
      (0.0, 2, "0.00"), (1.005, 0, "1"), (12.345, 1, "12.3"), (-0.04, 1, "0.0"), (-1.25, 1, "-1.3"),
      (0.999, 2, "1.00"),
    ]
  )
  func roundsAndPads(value: Double, decimals: Int, text: String) {
    #expect(Decimals.text(value, decimals) == text)
  }

  @Test func distancesKeepFourDigits() {
    #expect(
      [12345.6, 123.45, 12.345, 1.2345, 0.12345].map(Decimals.distance) == [
        "12346", "123.5", "12.35", "1.235", "0.1235",
      ]
    )
  }
}

@Suite struct ClassCacheTests {
  @Test func classesAreReadOnceForManyPages() async throws {
    let readings = Mutex(0)
    let cache = ClassCache { limit in
      readings.withLock { $0 += 1 }
      return Array(["cat", "dog"].map { ImageClass(name: $0, count: 1) }.prefix(limit))
    }
    for _ in 0..<5 { #expect(await cache.known().map(\.name) == ["cat", "dog"]) }
    #expect(try await cache.current().map(\.name) == ["cat", "dog"])
    #expect(readings.withLock { $0 } == 1)
  }

  @Test func aFailureIsAskedForAgain() async throws {
    let isLost = Mutex(true)
    let cache = ClassCache { _ in
      if isLost.withLock({ $0 }) { throw BackendError(.unavailable, "lost") }
      return [ImageClass(name: "cat", count: 1)]
    }
    await #expect(throws: BackendError.self) { try await cache.current() }
    #expect(await cache.known() == [])
    isLost.withLock { $0 = false }
    #expect(try await cache.current().map(\.name) == ["cat"])
  }
}
