import Basics
import Doctor
import Foundation
import ImageSearch
import Migrations
import PostgresClient
import Testing
import TestSupport
import Tuning
import VectorSQL

/// Searches of tables whose rows are on several nodes.
@Suite(.enabled(if: CitusCluster.isThere, CitusCluster.reason), .serialized) struct CitusSearchTests {
  private func searcher(_ cluster: CitusCluster) async throws -> ImageSearcher {
    let table = try await cluster.table.read(dialect: .pgvector, metric: nil, from: cluster.connection)
    return ImageSearcher(table: table, connections: cluster.connection)
  }

  @Test func searchesFindWhatComparingEveryRowFinds() async throws {
    try await CitusCluster.withImages { cluster in
      let searcher = try await searcher(cluster)
      for row in [0, 17, 3999] {
        let vector = CitusCluster.vector(row)
        let others = CitusCluster.nearest(to: vector, count: 20) { $0 != row }
        var query = ImageQuery(.id(ImageID(Int64(row))), topK: 20)
        query.options.efSearch = 400
        #expect(try await searcher.search(query).hits.compactMap(\.id.number) == others)
        query.options.exact = true
        #expect(try await searcher.search(query).hits.compactMap(\.id.number) == others)
        var byVector = ImageQuery(.vector(vector), topK: 20)
        byVector.options.efSearch = 400
        let all = CitusCluster.nearest(to: vector, count: 20)
        #expect(try await searcher.search(byVector).hits.compactMap(\.id.number) == all)
        var filtered = ImageQuery(.vector(vector), topK: 100, class: "c3")
        filtered.options.efSearch = 400
        let ofClass = CitusCluster.nearest(to: vector, count: 100) { $0 % 10 == 3 }
        let found = try await searcher.search(filtered)
        #expect(found.hits.count == 100 && found.isComplete)
        #expect(Set(found.hits.compactMap(\.id.number)).intersection(ofClass).count >= 98)
      }
    }
  }

  @Test func searchSettingsReachTheShards() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let searcher = try await searcher(cluster)
      // What each shard computes, in the transaction of a search.
      let known = try await cluster.connection.transaction { connection in
        try await connection.setLocally(["SET LOCAL hnsw.ef_search = 77"])
        return try await connection.column(
          "SELECT DISTINCT current_setting('hnsw.ef_search') || left(class, 0) FROM \(cluster.schema).image_search"
        )
      }
      #expect(known == ["77"])
      func recall(_ efSearch: Int) async throws -> Double {
        var sum = 0.0
        for row in stride(from: 0, to: 4000, by: 200) {
          var query = ImageQuery(.id(ImageID(Int64(row))), topK: 10)
          query.options.efSearch = efSearch
          sum += try await searcher.trial(query).recall
        }
        return sum / 20
      }
      let (few, many) = (try await recall(1), try await recall(400))
      #expect(few < many)
      #expect(many >= 0.99)
    }
  }

  @Test func thePlanIsReadFromTheShards() async throws {
    try await CitusCluster.withImages { cluster in
      let searcher = try await searcher(cluster)
      try await cluster.connection.run("SET citus.propagate_set_commands = 'local'")
      for subject in [ImageQuery.Subject.vector(CitusCluster.vector(5)), .id(5)] {
        let plan = try await cluster.connection.transaction { connection in
          try await connection.run("SET LOCAL enable_seqscan = off")
          return try await searcher.plan(ImageQuery(subject, topK: 5)).plan
        }
        #expect(plan.vectorIndex == "image_search_image_vector_idx")
        #expect(plan.shards?.served == 4)
        #expect(plan.shards?.count == 4)
        let shards = try await cluster.column(
          "SELECT format('%s (%s:%s)', shardid, nodename, nodeport) FROM citus_shards WHERE table_name = "
            + "'\(cluster.schema).image_search'::regclass"
        )
        #expect(plan.shards.map { Set($0.servedShards) } == Set(shards))
      }
      var exact = ImageQuery(.id(5), topK: 5)
      exact.options.exact = true
      let plan = try await searcher.plan(exact).plan
      #expect(plan.vectorIndex == nil)
      #expect(plan.shards?.served == 0)
      #expect(plan.shards?.comparingShards.count == 4)
    }
  }

  @Test func everyLibraryStatementRuns() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let server = try await cluster.connection.capabilities()
      let dialect = try Dialect.pgvector.checked(against: server)
      var target = SearchTarget.imageSearch
      target.table = try cluster.name
      target.column = VectorColumn("image_vector", dim: CitusCluster.dimension)
      for statement in LibraryStatement.all where statement.name != "nearest_by_vector" {
        let rendered = try statement.sql(for: target).rendered(for: dialect)
        let rows = try await cluster.connection.query(rendered)
        #expect(
          rows.count > 0 || ["near_duplicates", "nearest_filtered"].contains(statement.name),
          "\(statement.name)"
        )
      }
    }
  }

  @Test func theTablesHealthCountsTheRowsAndBytesOfItsShards() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let dialect = try Dialect.pgvector.checked(against: try await cluster.connection.capabilities())
      var target = SearchTarget.imageSearch
      target.table = try cluster.name
      let statement = try #require(LibraryStatement(name: "table_health"))
      let text = try statement.sql(for: target).rendered(for: dialect).text
      let rows = try await cluster.connection.run(trusted: text).last?.rows.first ?? []
      #expect(rows.first == "4000")
      #expect(rows.last == "4000")
      let size = try await cluster.column(
        "SELECT pg_size_pretty(citus_total_relation_size('\(cluster.schema).image_search'))"
      )
      #expect(rows.dropLast().last == size.first)
    }
  }

  @Test func typedSearchesOfEveryShapeRun() async throws {
    try await CitusCluster.withImages(shards: 2) { cluster in
      let dialect = try Dialect.pgvector.checked(against: try await cluster.connection.capabilities())
      let column = VectorColumn("image_vector", dim: CitusCluster.dimension)
      var search = VectorSearch(
        table: try cluster.name,
        columns: ["id", "class"],
        nearest: column,
        to: .row(key: "id", value: .int4(7)),
        by: .l2,
        limit: 5
      )
      search.settings.efSearch = 400
      let nearest = CitusCluster.nearest(to: CitusCluster.vector(7), count: 5)
      func ids(_ search: VectorSearch) async throws -> [Int64] {
        try await cluster.connection.query(try search.rendered(for: dialect)).map {
          Int64(try $0.value(at: 0, as: Int.self))
        }
      }
      #expect(try await ids(search) == nearest)
      var paged = search
      paged.tieBreak = "id"
      #expect(try await ids(paged) == nearest)
      var passes = search
      passes.firstPass = FirstPass(nil, candidates: 100)
      #expect(try await ids(passes) == nearest)
      var radius = search
      radius.limit = nil
      radius.maximumDistance = 0.01
      #expect(try await ids(radius) == [7])
      var perClass = search
      perClass.perValueOf = "class"
      perClass.limit = 1
      #expect(try await ids(perClass).count == 10)
      let weighted = WeightedSearch(
        table: try cluster.name,
        columns: ["id"],
        key: "id",
        terms: [.init(column, near: CitusCluster.vector(7), by: .l2)],
        limit: 5,
        candidates: 50
      )
      let found = try await cluster.connection.query(try weighted.rendered(for: dialect))
      #expect(try found.map { Int64(try $0.value(at: 0, as: Int.self)) } == nearest)
    }
  }
}
