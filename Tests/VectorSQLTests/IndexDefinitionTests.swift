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
    "what AnalyticDB 7.0 would refuse is refused here",
    arguments: [
      (ANNOptions(hnswM: 9), "hnsw_m is 9; the range is 10 to 1000"),
      (ANNOptions(efConstruction: 4001), "hnsw_ef_construction is 4001; the range is 40 to 4000"),
      (ANNOptions(pqSegments: 257), "pq_segments is 257; the range is 1 to 256"),
      (ANNOptions(pqSegments: 64), "pq_segments is 64, which does not divide the dimension 1000"),
      (ANNOptions(pqCenters: 255), "pq_centers is 255; the range is 256 to 8192"),
      (
        ANNOptions(externalStorage: false),
        "external_storage exists on AnalyticDB 6.0 only, 7.0 refuses even 0; leave it out"
      ),
    ]
  )
  func refusedANN(_ options: ANNOptions, _ message: String) {
    let error = #expect(throws: RenderingError.self) { try ann(options).rendered(for: .analyticDB7) }
    #expect(error?.description == message)
  }

  @Test("external storage on 6.0, the tutorial's quoted numbers")
  func analyticDB6() throws {
    var options = ANNOptions(hnswM: 100, productQuantization: false, externalStorage: true)
    options.quotesNumbers = true
    #expect(
      try ann(options).rendered(for: .analyticDB6).text.hasSuffix(
        "WITH (dim = '1000', distancemeasure = l2, hnsw_m = '100', pq_enable = '0', external_storage = '1')"
      )
    )
  }

  @Test("product quantisation of an odd dimension needs its segments")
  func segments() throws {
    func pq(_ dimension: Int, _ segments: Int?) throws {
      let options = ANNOptions(productQuantization: true, pqSegments: segments)
      _ = try IndexDefinition(on: "t", VectorColumn("v", dim: dimension), by: .l2, using: .ann(options))
        .rendered(for: .analyticDB)
    }
    #expect(throws: RenderingError.self) { try pq(9, nil) }
    #expect(throws: Never.self) { try pq(9, 3) }
    #expect(throws: Never.self) { try pq(16, nil) }
  }

  @Test(
    "what pgvector would refuse is refused here",
    arguments: [
      (IndexMethod.hnsw(HNSWOptions(m: 1)), 8, Metric.l2, "m is 1; the range is 2 to 100"),
      (.hnsw(HNSWOptions(m: 40)), 8, .l2, "ef_construction is 64; it must be at least twice m, 80"),
      (.ivfflat(IVFFlatOptions(lists: 0)), 8, .l2, "lists is 0; the range is 1 to 32768"),
      (
        .ivfflat(IVFFlatOptions(lists: 1)), 8, .l1,
        "ivfflat has no operator class for the metric l1 here; use hnsw"
      ),
      (
        .hnsw(), 2001, .l2,
        "the column \"v\" has 2001 dimensions and vector is indexed up to 2000; "
          + "use a half-precision or binary-quantised index"
      ),
      (
        .halfPrecision(), 4001, .l2,
        "the dimension of a half-precision hnsw index is 4001; the range is 1 to 4000"
      ),
      (
        .hnsw(), 8, .hamming,
        "the dialect pgvector has no metric hamming for vector columns; it has cosine, ip, l1, l2"
      ),
    ]
  )
  func refusedPgVector(_ method: IndexMethod, _ dimension: Int, _ metric: Metric, _ message: String) {
    let error = #expect(throws: RenderingError.self) {
      try IndexDefinition(on: "t", VectorColumn("v", dim: dimension), by: metric, using: method)
        .rendered(for: .pgvector)
    }
    #expect(error?.description == message)
  }

  @Test(
    "lists as pgvector's documentation advises",
    arguments: [(10, 1), (50_000, 50), (1_000_000, 1000), (4_000_000, 2000)]
  )
  func lists(_ rows: Int, _ lists: Int) {
    #expect(IVFFlatOptions(rows: rows).lists == lists)
  }
}
