import Testing
import VectorSQL

@Suite("Index definitions")
struct IndexDefinitionTests {
  let column = VectorColumn("image_vector", dim: 1000)

  func ann(_ options: ANNOptions, by metric: Metric = .l2) -> IndexDefinition {
    IndexDefinition(on: "public.image_search", column, by: metric, using: .ann(options))
  }

  @Test("ann with its options")
  func annOptions() throws {
    let options = ANNOptions(hnswM: 100, efConstruction: 600, productQuantization: false)
    #expect(
      try ann(options, by: .cosine).rendered(for: .analyticDB).text
        == #"CREATE INDEX "image_search_image_vector_ann" ON "public"."image_search" USING ann ("image_vector") "#
        + "WITH (dim = 1000, distancemeasure = cosine, hnsw_m = 100, hnsw_ef_construction = 600, pq_enable = 0)"
    )
  }

  @Test("hnsw takes the operator class of the metric")
  func hnsw() throws {
    let index = IndexDefinition(
      on: "image_search",
      column,
      by: .innerProduct,
      using: .hnsw(HNSWOptions(m: 24, efConstruction: 100))
    )
    #expect(
      try index.rendered(for: .pgvector).text
        == #"CREATE INDEX "image_search_image_vector_hnsw" ON "image_search" "#
        + #"USING hnsw ("image_vector" vector_ip_ops) WITH (m = 24, ef_construction = 100)"#
    )
  }

  @Test(
    "what the server would refuse is refused here",
    arguments: [
      (ANNOptions(hnswM: 9), "hnsw_m is 9; the range is 10 to 1000"),
      (ANNOptions(pqSegments: 64), "pq_segments is 64, which does not divide the dimension 1000"),
      (
        ANNOptions(externalStorage: false),
        "external_storage exists on AnalyticDB 6.0 only, 7.0 refuses even 0; leave it out"
      ),
    ]
  )
  func refused(_ options: ANNOptions, _ message: String) {
    #expect(throws: (any Error).self, performing: { try ann(options).rendered(for: .analyticDB7) })
    do {
      _ = try ann(options).rendered(for: .analyticDB7)
    } catch { #expect(error.description == message) }
  }
}
