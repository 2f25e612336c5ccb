import PostgresClient
import Testing
import VectorSQL
import VectorSQLExamples

extension VectorSQLOnServer {
  @Test(
    "each family of index serves the search that is written for it",
    arguments: Self.families.filter { VectorSQLServer.dialectNames.contains($0.3) }
  )
  func served(_ method: IndexMethod, _ metric: Metric, _ pass: FirstPass?, _ dialectName: String) async throws
  {
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    let server = try #require(VectorSQLServer.shared)
    let connection = try await server.connect(dialectName)
    let table: QualifiedName = "public.image_search"
    let column = ExampleTables.imageVector
    let index = IndexDefinition(on: table, column, by: metric, using: method, name: "tested_index")
    var search = imageSearch(to: .vector(probe), by: metric)
    search.firstPass = pass
    search.settings.efSearch = 100
    for exact in [false, true] {
      search.exact = exact
      if exact { search.firstPass = nil }
      _ = try await connection.run("BEGIN")
      _ = try await connection.run(#"DROP INDEX "image_vector_index""#)
      _ = try await connection.query(try index.rendered(for: dialect))
      _ = try await connection.run("SET LOCAL enable_seqscan = off")
      let query = try search.rendered(for: dialect).query
      let explained = try await connection.query(
        Statement(trusted: "EXPLAIN " + query.text, binds: query.binds)
      )
      let lines = try explained.map { try $0.value(at: 0, as: String.self) }
      let plan = try SearchPlan(explain: lines, of: search, indexes: [], dialect: dialect)
      #expect(plan.vectorIndex == (exact ? nil : "tested_index"), "\(lines.joined(separator: "\n"))")
      #expect(try await connection.query(query).count == 10)
      _ = try await connection.run("ROLLBACK")
    }
    await connection.close()
  }

  private static var families: [(IndexMethod, Metric, FirstPass?, String)] {
    [
      (IndexMethod.hnsw(), Metric.l2, nil, "pgvector"),
      (.hnsw(), .innerProduct, nil, "pgvector"),
      (.hnsw(), .cosine, nil, "pgvector"),
      (.hnsw(), .l1, nil, "pgvector"),
      (.ivfflat(IVFFlatOptions(lists: 4)), .l2, nil, "pgvector"),
      (.binaryQuantized(), .l2, FirstPass.binary(candidates: 40), "pgvector"),
      (.halfPrecision(), .cosine, .half(candidates: 40), "pgvector"),
      (.ann(ANNOptions(hnswM: 16, productQuantization: false)), .l2, nil, "analyticdb"),
      (.ann(), .cosine, nil, "analyticdb"),
      (.ann(), .innerProduct, nil, "analyticdb"),
      (
        .ann(ANNOptions(productQuantization: true, pqSegments: 4, pqCenters: 256)), .l2,
        .index(candidates: 40), "analyticdb"
      ),
    ]
  }
}
