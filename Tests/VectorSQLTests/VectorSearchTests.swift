import Testing
import VectorSQL

@Suite("Searches put together at run time")
struct VectorSearchTests {
  @Test("by the id of a row, pgvector")
  func byRowPgVector() throws {
    let query = try imageSearch().rendered(for: .pgvector, layout: .pretty).query
    #expect(
      query.text == """
        SELECT "id", "class", "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) AS "distance"
        FROM "public"."image_search"
        WHERE (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1) IS NOT NULL
        ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = $1)
        LIMIT $2
        """
    )
    #expect(query.binds == [.int8(4999), .int8(10)])
  }

  @Test("by a vector, AnalyticDB: ordered by the squared distance, shown as the true one")
  func byVectorAnalyticDB() throws {
    let query = try imageSearch(to: .vector(probe)).rendered(for: .analyticDB).query
    #expect(
      query.text
        == #"SELECT "id", "class", sqrt("image_vector" <-> $1::real[]) AS "distance" "#
        + #"FROM "public"."image_search" ORDER BY "image_vector" <-> $1::real[] LIMIT $2"#
    )
    #expect(query.binds == [.float4Array(probe), .int8(10)])
  }

  @Test("exact search orders by a function, which no vector index serves")
  func exact() throws {
    var search = imageSearch(to: .vector(probe))
    search.exact = true
    search.tieBreak = "id"
    #expect(
      try search.rendered(for: .pgvector).query.text.hasSuffix(
        #"WHERE "image_vector" IS NOT NULL ORDER BY l2_distance("image_vector", $1::vector), "id" LIMIT $2"#
      )
    )
    #expect(
      try search.rendered(for: .analyticDB).query.text.contains(
        #"ORDER BY l2_squared_distance("image_vector", $1::real[]), "id""#
      )
    )
  }

  @Test("the tutorial's own form, with l2_distance")
  func tutorialForm() throws {
    var search = imageSearch(to: .vector(probe))
    search.scores = [.function]
    #expect(
      try search.rendered(for: .analyticDB).query.text.hasPrefix(
        #"SELECT "id", "class", l2_distance("image_vector", $1::real[]) AS "distance" FROM"#
      )
    )
  }

  @Test("a vector that does not fit is refused before anything is sent")
  func refusedVectors() {
    func code(_ vector: [Float], _ metric: Metric = .l2) -> RenderingError.Code? {
      do {
        _ = try imageSearch(to: .vector(vector), by: metric).rendered(for: .pgvector)
        return nil
      } catch { return error.code }
    }
    #expect(code([1, 2]) == .dimensionMismatch)
    #expect(code([1, .nan, 2]) == .invalidVector)
    #expect(code([1, -.infinity, 2]) == .invalidVector)
    #expect(code([0, 0, 0], .cosine) == .invalidVector)
    #expect(code([0, 0, 0], .l2) == nil)
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
}
