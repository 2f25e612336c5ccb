import Testing
import VectorSQL
import VectorSQLExamples

@Suite("What EXPLAIN says")
struct SearchPlanTests {
  private func plan(
    _ text: String,
    indexes: [SearchPlan.IndexFacts] = [l2],
    _ change: (inout VectorSearch) -> Void = { _ in }
  ) throws -> SearchPlan {
    var search = imageSearch(to: .vector(probe))
    change(&search)
    let lines = text.split(separator: "\n").map(String.init)
    return try SearchPlan(explain: lines, of: search, indexes: indexes, dialect: .pgvector)
  }

  private static let l2 = SearchPlan.IndexFacts(
    name: "v_hnsw",
    method: "hnsw",
    metricOption: "vector_l2_ops",
    isValid: true
  )

  private let seqScan = """
    Limit  (cost=1.0..2.0 rows=10 width=4)
      ->  Sort  (cost=1.0..2.0 rows=5000 width=4)
            Sort Key: ((image_vector <-> '[1]'::vector))
            ->  Seq Scan on image_search  (cost=0.00..10.00 rows=5000 width=4)
    """

  @Test("served by pgvector's index")
  func pgvector() throws {
    let plan = try plan(
      """
      Limit  (cost=1.0..2.0 rows=10 width=4)
        ->  Index Scan using "my index" on image_search  (cost=1.0..995.50 rows=5000 width=24)
              Order By: (image_vector <-> '[1]'::vector)
      """
    )
    #expect(plan.vectorIndex == "\"my index\"")
    #expect(plan.reasons.isEmpty)
  }

  @Test("the shards' plans of Citus tell on how many of them the index serves")
  func shards() throws {
    let plan = try plan(
      """
      Limit  (cost=1292.48..1292.49 rows=3 width=12)
        ->  Sort  (cost=1292.48..1542.48 rows=100000 width=12)
              Sort Key: remote_scan.distance
              ->  Custom Scan (Citus Adaptive)  (cost=0.00..0.00 rows=100000 width=12)
                    ->  Distributed Subplan 9_1
                          ->  Custom Scan (Citus Adaptive)  (cost=0.00..0.00 rows=0 width=0)
                                Task Count: 1
                                Tasks Shown: All
                                ->  Task
                                      Node: host=127.0.0.1 port=9702 dbname=vec
                                      ->  Index Scan using t_pkey_102009 on t_102009 t  (cost=0.28..8.29 rows=1 width=72)
                                            Index Cond: (id = 5)
                    Task Count: 2
                    Tasks Shown: All
                    ->  Task
                          Node: host=127.0.0.1 port=9701 dbname=vec
                          ->  Limit  (cost=16.03..16.76 rows=3 width=12)
                                ->  Index Scan using v_hnsw_102008 on t_102008 t  (cost=16.03..251.46 rows=973 width=12)
                                      Order By: (image_vector <-> (InitPlan 1).col1)
                                      Filter: (image_vector IS NOT NULL)
                    ->  Task
                          Node: host=127.0.0.1 port=9702 dbname=vec
                          ->  Limit  (cost=37.74..37.75 rows=3 width=12)
                                ->  Sort  (cost=37.74..40.17 rows=973 width=12)
                                      Sort Key: ((image_vector <-> (InitPlan 1).col1))
                                      ->  Seq Scan on t_102009 t  (cost=0.00..25.16 rows=973 width=12)
      """
    )
    #expect(plan.vectorIndex == "v_hnsw")
    #expect(plan.shards?.served == 1)
    #expect(plan.shards?.count == 2)
    #expect(plan.shards?.servedShards == ["102008 (127.0.0.1:9701)"])
    #expect(plan.shards?.description == "on 1 of 2 shards, not on 102009 (127.0.0.1:9702)")
  }

  @Test("a number at the end of a name stays where there are no shards")
  func numberedIndex() throws {
    let plan = try plan(
      """
      Limit  (cost=1.0..2.0 rows=10 width=4)
        ->  Index Scan using v_2024 on images_2024  (cost=1.0..995.50 rows=5000 width=24)
              Order By: (image_vector <-> '[1]'::vector)
      """
    )
    #expect(plan.vectorIndex == "v_2024")
    #expect(plan.shards == nil)
  }

  @Test("an index scan without an order is not a vector search")
  func keyIndex() throws {
    let plan = try plan(
      """
      Limit  (cost=1.0..2.0 rows=10 width=4)
        ->  Sort  (cost=1.0..2.0 rows=1 width=4)
              ->  Index Scan using t_pkey on t  (cost=0.28..8.30 rows=1 width=17)
                    Index Cond: (id = 4999)
      """
    )
    #expect(plan.vectorIndex == nil)
  }

  @Test("served by AnalyticDB's index")
  func analyticDB() throws {
    let plan = try plan(
      """
      Limit
        -> Gather Motion 3:1  (slice1; segments: 3)
             Merge Key: ((v <-> $0))
             -> Limit
                  -> Ann Index Scan using docs_v_idx on docs
                       Order By: (v <-> $0)
      """
    )
    #expect(plan.vectorIndex == "docs_v_idx")
  }

  @Test("served by pgvector's index on Greenplum 7")
  func greenplum7() throws {
    let plan = try plan(
      """
      Limit  (cost=8.03..8.48 rows=5 width=12)
        ->  Gather Motion 3:1  (slice1; segments: 3)  (cost=8.03..9.38 rows=15 width=12)
              Merge Key: ((image_vector <-> '[1]'::vector))
              ->  Limit  (cost=8.03..9.08 rows=5 width=12)
                    ->  Index Scan using v_hnsw on image_search  (cost=8.03..78.03 rows=333 width=12)
                          Order By: (image_vector <-> '[1]'::vector)
      Optimizer: Postgres-based planner
      """
    )
    #expect(plan.vectorIndex == "v_hnsw")
    #expect(plan.shards == nil)
  }

  @Test("why not")
  func reasons() throws {
    let cosine = SearchPlan.IndexFacts(
      name: "c",
      method: "hnsw",
      metricOption: "vector_cosine_ops",
      isValid: true
    )
    let broken = SearchPlan.IndexFacts(
      name: "b",
      method: "hnsw",
      metricOption: "vector_l2_ops",
      isValid: false
    )
    #expect(try plan(seqScan, indexes: []).reasons == ["the column has no vector index; create one"])
    #expect(
      try plan(seqScan, indexes: [broken]).reasons == [
        "the index b is invalid after a failed build; drop and rebuild it"
      ]
    )
    #expect(
      try plan(seqScan, indexes: [cosine]).reasons == [
        "the index c is built for vector_cosine_ops, the search needs vector_l2_ops"
      ]
    )
    #expect(
      try plan(seqScan) { $0.exact = true }.reasons == ["the search is exact, which compares every row"]
    )
    #expect(
      try plan(seqScan).reasons == [
        "the planner finds a scan of 5000 rows cheaper; run ANALYZE, or compare with enable_seqscan = off"
      ]
    )
  }
}
