import Testing
import VectorSQL
import VectorSQLExamples

@Suite("Typed searches")
struct TypedSearchTests {
  @Test("from key paths to SQL")
  func search() throws {
    let search = try Search(Products.self)
      .select { ($0.id, $0.price) }
      .where { $0.price.isBetween(100, 200) }
      .nearest(\.feature, to: probe, by: .l2, limit: 10)
    let query = try search.tuned(efSearch: 200).rendered(for: .analyticDB)
    #expect(
      query.query.text
        == #"SELECT "id", "price", sqrt("feature" <-> $1::real[]) AS "distance" FROM "public"."products" "#
        + #"WHERE "price" BETWEEN $2 AND $3 ORDER BY "feature" <-> $1::real[] LIMIT $4"#
    )
    #expect(query.query.binds == [.float4Array(probe), .float8(100), .float8(200), .int8(10)])
    #expect(query.settings.map(\.text) == ["SET LOCAL fastann.hnsw_ef_search = 200"])
  }

  @Test("a pattern is compared in any case")
  func patternInAnyCase() throws {
    let search = try Search(Products.self)
      .select { $0.id }
      .where { $0.title.isLikeIgnoringCase("%Lamp_") }
      .nearest(\.feature, to: probe, by: .l2, limit: 10)
    let query = try search.rendered(for: .analyticDB).query
    #expect(query.text.contains(#" WHERE "title" ILIKE $2 ORDER BY "#))
    #expect(query.binds == [.float4Array(probe), .text("%Lamp_"), .int8(10)])
  }

  @Test("a dimension that does not fit throws when the search is made")
  func dimension() {
    let error = #expect(throws: RenderingError.self) {
      try Search(Products.self).select { $0.id }.nearest(\.feature, to: [1, 2], by: .l2, limit: 1)
    }
    #expect(error?.description == "the column \"feature\" has 8 dimensions, the vector has 2")
  }

  @Test("the typed forms build the same trees as those put together at run time")
  func sameTree() throws {
    let bits = try Search(Products.self).select { $0.id }
      .nearest(\.bits, toBits: [true, false, true, true, false, false, true, false], by: .hamming, limit: 5)
    let golden = try #require(Example.all.first { $0.name == "Hamming distance of bits" })
    #expect(try [bits.rendered(for: .pgvector).query] == golden.statements(.pgvector))
    let weighted = Search(Products.self).select { $0.id }.nearest(key: \.id, limit: 5) {
      [
        .init($0.feature, near: probe, by: .cosine, weight: 0.75),
        .init($0.shape, near: otherProbe, by: .l2, weight: 0.25),
      ]
    }
    let goldenWeighted = try #require(Example.all.first { $0.name == "several vectors, weighted" })
    #expect(try [weighted.sql.rendered(for: .pgvector)] == goldenWeighted.statements(.pgvector))
    let side = NeighborJoin.Side(Products.self, key: \.id, column: \.feature) { ($0.id, $0.title) }
    #expect(
      side == .init(table: Products.name, key: "id", column: Products().feature, outputs: ["id", "title"])
    )
    let index = IndexDefinition(
      on: Products.self,
      \.feature,
      by: .l2,
      using: .hnsw(HNSWOptions(m: 24, efConstruction: 200))
    )
    let goldenIndex = try #require(Example.all.first { $0.name == "graph index" })
    #expect(try [index.rendered(for: .pgvector)] == goldenIndex.statements(.pgvector))
  }

  @Test("pages, classes, radius and passes by key path")
  func shapes() throws {
    let base = try Search(Products.self).select { ($0.id, $0.title) }
      .nearest(\.feature, to: probe, by: .cosine, limit: 10)
    #expect(
      try base.after(SearchCursor(distance: 0.5, key: .int8(3), seen: 10), by: \.id).rendered(for: .pgvector)
        .query.text.contains(#"WHERE ("distance", "id") > ($3, $4) ORDER BY "distance", "id""#)
    )
    #expect(
      try base.perValue(of: \.title).rendered(for: .pgvector).query.text.contains(#"PARTITION BY "title""#)
    )
    #expect(try base.reranked(.binary(candidates: 90)).rendered(for: .pgvector).query.text.contains("<~>"))
    let all = try Search(Products.self).select { $0.id }.all(
      within: 0.5,
      of: probe,
      in: \.feature,
      by: .cosine
    )
    #expect(try !all.rendered(for: .pgvector).query.text.contains("LIMIT"))
  }
}
