import Foundation
import TestSupport
import Testing

/// The page of a table whose rows lie in the shards of the cluster that `ADBVEC_CITUS_URL` names.
@Suite(
  .enabled(
    if: Environment.variables["ADBVEC_CITUS_URL"]?.isEmpty == false,
    "ADBVEC_CITUS_URL names no cluster"
  ),
  .enabled(if: Environment.hasData, "../shared/data is not there")
)
struct CitusPageTests {
  private struct Found: Decodable {
    struct Hit: Decodable { let id: Int }
    let results: [Hit]
    let next: String?
    let complete: Bool
    let subject: Subject

    struct Subject: Decodable { let upload: String? }
  }

  private static let images = Environment.data + "/reference/set1"
  private static let names = [
    "astronaut.png", "chelsea.png", "china.jpg", "coffee.png", "cifar_test_0000_motorcycle.png",
    "cifar_test_0001_aquarium_fish.png", "cifar_test_0002_raccoon.png", "cifar_test_0003_bridge.png",
  ]

  /// Rows of the network's length, whose images go round.
  private static let rows = """
    INSERT INTO image_search (id, class, source, image_vector) SELECT i, 'class ' || i % 3,
    '\(images)/' || ('{\(names.joined(separator: ","))}'::text[])[1 + i % \(names.count)],
    (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 1000) j)::vector
    FROM generate_series(0, 239) i
    """

  private func psql(_ script: String, _ url: String) async throws -> Finished {
    try await Program.run(
      Environment.programs + "/psql",
      ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", url],
      input: script
    )
  }

  /// Ids as an exact comparison of every row orders them.
  private func nearest(_ url: String, to id: Int, _ count: Int) async throws -> [Int] {
    let finished = try await psql(
      """
      SELECT id FROM image_search WHERE id <> \(id)
      ORDER BY l2_distance(image_vector, (SELECT image_vector FROM image_search WHERE id = \(id) OFFSET 0)) LIMIT \(count)
      """,
      url
    )
    return finished.output.split(separator: "\n").compactMap { Int($0) }
  }

  @Test func thePageOfADistributedTableAnswersAsThatOfOneNode() async throws {
    let address = try #require(Environment.variables["ADBVEC_CITUS_URL"])
    let cluster = try #require(try await TestCluster.behind(address))
    let name = "adbvec_page_\(Environment.processID)"
    try await cluster.withDatabase(name, hasVector: true) {
      let url = try cluster.url(of: name)
      let environment = [
        "DATABASE_URL": url, "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
        "ADBVEC_PARAM_SHARDS": "4",
        "ADBVEC_WEIGHTS": Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors",
      ]
      let up = try await Program.run(Program.adbvec, ["migrate", "up"], environment: environment)
      #expect(up.exitCode == 0, "\(up.error)")
      let filled = try await psql(Self.rows + ";\nANALYZE image_search", url)
      #expect(filled.exitCode == 0, "\(filled.error)")
      let expected = try await nearest(url, to: 3, 30)
      try await ServedPage.with(["--images", Self.images, "--cache", "none"], environment: environment) {
        page in
        func ask(_ path: String, image: Data? = nil) async throws -> ServedPage.Answer {
          let answer = try await page.ask(path, image: image)
          #expect(answer.status == 200, "\(path): \(answer.text.prefix(500))")
          return answer
        }
        // By id, page after page by the cursor, by the index and exactly.
        for mode in ["index&ef=400", "exact"] {
          var (ids, next) = ([Int](), Optional(""))
          while ids.count < 30, let after = next {
            let uri = "/api/v1/search?id=3&k=10&mode=\(mode)" + (after.isEmpty ? "" : "&after=\(after)")
            let found = try await ask(uri).decoded(Found.self)
            ids += found.results.map(\.id)
            next = found.next
          }
          #expect(ids == expected, "\(mode)")
        }
        let ofClass = try await ask("/api/v1/search?id=3&k=20&class=class%201").decoded(Found.self)
        #expect(
          ofClass.results.count == 20 && ofClass.results.allSatisfy { $0.id % 3 == 1 } && ofClass.complete
        )
        // Several examples, and an image by itself.
        let examples = try await ask("/api/v1/search?id=3&id=4&not=5&k=5").decoded(Found.self)
        #expect(examples.results.count == 5)
        #expect(try await ask("/?id=3&id=4&not=5").text.contains("3 examples"))
        #expect(try await ask("/images/7?id=3&k=30").text.contains("Image 7"))
        #expect(try await ask("/results.csv?id=3&k=5").text.hasPrefix("id,class,name,distance"))
        // The start, classes, images to begin with, thumbnails.
        for path in ["/", "/?id=3", "/api/v1", "/ready", "/metrics", "/images/7", "/thumbnails/7"] {
          _ = try await ask(path)
        }
        #expect(try await ask("/api/v1/classes").text.contains("class 2"))
        #expect(try await ask("/api/v1/images").text.contains("\"images\""))
        _ = try await ask("/api/v1/images/4/thumbnail?side=96")
        #expect(try await page.ask("/api/v1/images/999").status == 404)
        // An upload.
        let image = try Data(contentsOf: URL(fileURLWithPath: Self.images + "/" + Self.names[4]))
        let upload = try await ask("/api/v1/search/image?k=7", image: image).decoded(Found.self)
        #expect(upload.results.count == 7)
        let key = try #require(upload.subject.upload)
        #expect(try await ask("/?upload=\(key)").text.contains("/images/\(upload.results[0].id)"))
      }
    }
  }
}
