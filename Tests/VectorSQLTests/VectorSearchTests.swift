import Testing
import VectorSQL
import VectorSQLExamples

@Suite("Searches put together at run time")
struct VectorSearchTests {
  @Test("a vector that does not fit is refused before anything is sent")
  func refusedVectors() {
    func code(_ vector: [Float], _ metric: Metric = .l2) -> RenderingError.Code? {
      do {
        _ = try imageSearch(to: .vector(vector), by: metric).rendered(for: .pgvector)
        return nil
      } catch { return error.code }
    }
    #expect(code([1, 2]) == .dimensionMismatch)
    let zero = Array(repeating: Float(0), count: 8)
    #expect(code(zero.dropLast() + [.nan]) == .invalidVector)
    #expect(code(zero.dropLast() + [-.infinity]) == .invalidVector)
    #expect(code(zero, .cosine) == .invalidVector)
    #expect(code(zero, .l2) == nil)
  }

  @Test("a metric that the dialect lacks is named, with those it has")
  func unsupportedMetric() {
    #expect(
      throws: RenderingError(
        .unsupportedMetric,
        "the dialect analyticdb has no metric l1 for real[] columns; it has cosine, ip, l2"
      )
    ) {
      try imageSearch(to: .vector(probe), by: .l1).rendered(for: .analyticDB)
    }
  }

  @Test("a search that would return fewer rows than asked for gets the settings that prevent it")
  func automaticSettings() throws {
    func settings(_ change: (inout VectorSearch) -> Void) throws -> [String] {
      var search = imageSearch(to: .vector(probe))
      change(&search)
      return try search.rendered(for: .pgvector).settings.map(\.text)
    }
    #expect(try settings { $0.limit = 40 } == [])
    #expect(try settings { $0.limit = 100 } == ["SET LOCAL hnsw.ef_search = 100"])
    #expect(
      try settings { $0.limit = 2000 } == [
        "SET LOCAL hnsw.ef_search = 1000", "SET LOCAL hnsw.iterative_scan = strict_order",
      ]
    )
    #expect(
      try settings { $0.filters = [Column<String>("class").equals("cat")] } == [
        "SET LOCAL hnsw.iterative_scan = strict_order"
      ]
    )
    #expect(
      try settings {
        $0.limit = 100
        $0.exact = true
        $0.settings.efSearch = 7
      } == []
    )
  }

  @Test(
    "every search that an index serves has a completion, which is the exact search",
    arguments: Dialect.all
  )
  func completions(dialect: Dialect) throws {
    let changes: [(inout VectorSearch) -> Void] = [
      { _ in },
      { $0.filters = [Column<String>("class").equals("cat")] },
      { $0.maximumDistance = 2 },
      { $0.tieBreak = "id" },
      { $0.firstPass = .index(candidates: 50) },
      { $0.settings.efSearch = 77 },
      { $0.scores = [.similarity, .distance] },
    ]
    for metric in [Metric.l2, .innerProduct, .cosine] {
      for subject in [.vector(probe), .row(key: "id", value: .int8(7))] as [VectorSearch.Subject] {
        for change in changes {
          var search = imageSearch(to: subject, by: metric)
          change(&search)
          let rendered = try search.rendered(for: dialect)
          search.exact = true
          search.firstPass = nil
          let exact = try search.rendered(for: dialect)
          #expect(try exact.completion == nil)
          #expect(try (rendered.completion ?? rendered.query) == exact.query)
          #expect(rendered.mayBeShort(0) == (try rendered.completion != nil))
          #expect(
            rendered
              == (try RenderedSearch(
                query: rendered.query,
                completion: rendered.completion,
                rows: rendered.rows
              ))
          )
          #expect(!exact.mayBeShort(0))
        }
      }
    }
  }

  @Test("a dialect without words for iterative scans asks for none, even where the server has them")
  func noIterativeScan() throws {
    let sandbox = Dialect.analyticDB.adapted { $0.iterativeScan = true }
    let old = Dialect.pgvector.adapted { $0.iterativeScan = false }
    var search = imageSearch(to: .vector(probe))
    search.filters = [Column<String>("class").equals("cat")]
    for dialect in [sandbox, old] {
      #expect(try search.rendered(for: dialect).settings.isEmpty)
    }
  }

  @Test(
    "settings out of range, or that the dialect lacks, are refused",
    arguments: [
      (SearchSettings(efSearch: 1001), Dialect.pgvector, "hnsw.ef_search is 1001; the range is 1 to 1000"),
      (SearchSettings(probes: 0), .pgvector, "ivfflat.probes is 0; the range is 1 to 32768"),
      (
        SearchSettings(maxScanPoints: 5), .pgvector,
        "the dialect pgvector has no search setting max_scan_points; "
          + "it has ef_search, max_probes, max_scan_tuples, probes, scan_mem_multiplier"
      ),
      (
        SearchSettings(iterativeScan: .strict), .analyticDB,
        "the dialect analyticdb has no iterative scans; leave iterative_scan out"
      ),
    ]
  )
  func refusedSettings(_ settings: SearchSettings, _ dialect: Dialect, _ message: String) {
    let error = #expect(throws: RenderingError.self) { try settings.statements(for: dialect) }
    #expect(error?.description == message)
  }

  @Test("shapes that cannot work are refused")
  func refusedShapes() {
    func refused(_ change: (inout VectorSearch) -> Void) -> Bool {
      var search = imageSearch(to: .vector(probe))
      change(&search)
      return (try? search.rendered(for: .pgvector)) == nil
    }
    #expect(refused { $0.limit = 0 })
    #expect(refused { $0.limit = nil })
    #expect(refused { $0.maximumDistance = .nan })
    #expect(refused { $0.after = SearchCursor(distance: 1, key: .int8(1), seen: 10) })
    #expect(refused { $0.firstPass = .index(candidates: 3) })
    #expect(
      refused {
        $0.scores = [.similarity]
        $0.maximumDistance = 1
      }
    )
    #expect(
      refused {
        $0.scores = [.init(.distance, as: "id")]
        $0.maximumDistance = 1
      }
    )
    #expect(!refused { $0.maximumDistance = .infinity })
  }
}
