import Basics
import Foundation
import ImageSearch
import PostgresClient
import Synchronization
import Testing
import VectorSQL

/// Tables of several layouts, searched: answers are complete, in order, and typed as the table is.
@Suite struct ImageSearchTests: ScratchTables {
  @Test func sampleIsOneQueryOfEvenlySpreadRows() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class text, step text, number int, image_vector vector(2));
          INSERT INTO \(schema).images SELECT g * 10, 'c', 's', g, '[1,1]' FROM generate_series(-50, 949) g
          """
      )
      let table = try await searcher(table(schema), connection).table
      let counted = CountedConnection(connection)
      let sample = try await ImageSearcher(table: table, connections: counted).sample(24, class: nil)
      let isLateral = try await connection.capabilities().engine.servesLateral
      #expect(counted.count.withLock { $0 } == (isLateral ? 1 : 25))
      #expect(sample.count == 24)
      #expect(sample.first?.id == -500)
      let ids = sample.compactMap(\.id.number)
      #expect(zip(ids, ids.dropFirst()).allSatisfy { (400...430).contains($1 - $0) })
      // Where a lateral join is not served by an index, the same rows come from one query each.
      var distributed = table
      distributed.dialect = table.dialect.adapted { $0.lateral = false }
      #expect(
        try await ImageSearcher(table: distributed, connections: connection).sample(24, class: nil) == sample
      )
      try await connection.run(trusted: "DELETE FROM \(schema).images WHERE id > -480")
      #expect(try await ImageSearcher(table: table, connections: counted).sample(24, class: nil).count == 3)
      try await connection.run(trusted: "DELETE FROM \(schema).images")
      #expect(try await ImageSearcher(table: table, connections: counted).sample(24, class: nil).isEmpty)
    }
  }

  /// No row is shown twice and none is left out, however many rows lie at one distance.
  @Test(arguments: ["", "hnsw", "ivfflat"], [false, true])
  func pagesShowEveryRowOnce(index: String, exact: Bool) async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id text PRIMARY KEY, class text, image_vector vector(2));
          INSERT INTO \(schema).images SELECT 'é ' || g, 'c' || g % 3, ARRAY[g / 7, 1]::real[]::vector
          FROM generate_series(0, 299) g
          """
      )
      if !index.isEmpty {
        try await connection.run(
          trusted: "CREATE INDEX ON \(schema).images USING \(index) (image_vector vector_l2_ops)"
        )
      }
      let searcher = try await searcher(table(schema), connection)
      for name in [nil, "c1"] {
        var query = ImageQuery(.vector([0, 1]), topK: 16, class: name, exact: exact)
        var (seen, distances) = ([ImageID](), [Double]())
        while true {
          let answer = try await searcher.search(query)
          seen += answer.hits.map(\.id)
          distances += answer.hits.map(\.distance)
          // Through a link and back.
          guard let next = answer.next, let read = ImageCursor(next.description) else { break }
          #expect(read == next)
          query.options.after = read
        }
        // What an index misses on one page is not nearer than the next one begins.
        if exact || index.isEmpty { #expect(seen.count == (name == nil ? 300 : 100)) }
        #expect(seen.count > 32)
        #expect(Set(seen).count == seen.count)
        #expect(distances == distances.sorted())
      }
    }
  }

  @Test func examplesPullAndPush() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class text, image_vector vector(2));
          INSERT INTO \(schema).images SELECT g, 'c', ARRAY[g, 1]::real[]::vector FROM generate_series(0, 9) g;
          INSERT INTO \(schema).images VALUES (10, 'c', NULL)
          """
      )
      let searcher = try await searcher(table(schema), connection)
      #expect(try await searcher.vector(for: ImageExamples(like: [2, 4, 4, 4])) == [3.5, 1])
      #expect(try await searcher.vector(for: ImageExamples(like: [2], vectors: [[4, 3]])) == [3, 2])
      let away = try await searcher.vector(for: ImageExamples(like: [4], unlike: [2]))
      #expect(away == [6, 1])
      var query = ImageQuery(.vector(away), topK: 3)
      query.excluded = [2, 4, 6]
      let found = try await searcher.search(query).hits
      #expect(Set(found.map(\.id)) == [5, 7, 8])
      for examples in [
        ImageExamples(unlike: [1]), ImageExamples(like: [99]), ImageExamples(like: [10]),
        ImageExamples(like: [1], vectors: [[1]]), ImageExamples(like: (0..<101).map { ImageID(Int64($0)) }),
      ] {
        await #expect(throws: ImageSearchError.self) { try await searcher.vector(for: examples) }
      }
      let directions = try await self.searcher(table(schema), connection, metric: .cosine)
      let mean = try await directions.vector(for: ImageExamples(like: [0], vectors: [[100, 0]]))
      #expect(mean == [0.5, 0.5], "a long vector counts no more than a short one")
    }
  }

  @Test func filteredSearchWhoseRowsAreFarIsCompleted() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class text, image_vector vector(4));
          INSERT INTO \(schema).images SELECT g, CASE WHEN g % 50 = 0 THEN 'rare' ELSE 'common' END,
            (SELECT array_agg(CASE WHEN g % 50 = 0 THEN 50 ELSE 0 END + random() + 0 * g + 0 * s)
             FROM generate_series(1, 4) s)::vector FROM generate_series(1, 2000) g;
          CREATE INDEX ON \(schema).images USING hnsw (image_vector vector_l2_ops);
          ANALYZE \(schema).images; SET enable_seqscan = off; SET enable_sort = off; SET hnsw.max_scan_tuples = 100
          """
      )
      let searcher = try await searcher(table(schema), connection)
      let query = ImageQuery(.id(1), topK: 10, class: "rare")
      #expect(try await searcher.plan(query).plan.vectorIndex != nil)
      let answer = try await searcher.search(query)
      #expect(answer.hits.count == 10)
      #expect(answer.hits.allSatisfy { $0.class == "rare" })
      #expect(answer.isComplete)
      #expect(answer.notices.count == 1)
      var exact = query
      exact.options.exact = true
      #expect(try await searcher.search(exact).hits.map(\.id) == answer.hits.map(\.id))
      #expect(try await searcher.search(ImageQuery(.id(1), class: "absent")).hits.isEmpty)
    }
  }

  @Test func invertedListsGiveAllRowsAskedForInOrder() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class text, image_vector vector(4));
          INSERT INTO \(schema).images SELECT g, 'c',
            (SELECT array_agg(random() + 0 * g + 0 * s) FROM generate_series(1, 4) s)::vector
            FROM generate_series(1, 3000) g;
          CREATE INDEX ON \(schema).images USING ivfflat (image_vector vector_l2_ops) WITH (lists = 60);
          ANALYZE \(schema).images; SET enable_seqscan = off
          """
      )
      let searcher = try await searcher(table(schema), connection)
      #expect(searcher.table.index == ServingIndex(.ivfflat, lists: 60))
      let query = ImageQuery(.id(3), topK: 300)
      let prelude = try await connection.capabilities().engine.settingsPrelude
      #expect(
        try searcher.table.search(query).rendered(for: searcher.table.dialect).settings.map(\.text)
          == [prelude, "SET LOCAL ivfflat.iterative_scan = relaxed_order"].compactMap(\.self)
      )
      #expect(try await searcher.plan(query).plan.vectorIndex != nil)
      let answer = try await searcher.search(query)
      #expect(answer.hits.count == 300)
      #expect(answer.notices.isEmpty)
      #expect(answer.hits.map(\.distance) == answer.hits.map(\.distance).sorted())
    }
  }

  @Test func pagesOfEqualDistancesShowEachRowOnce() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class text, image_vector vector(4));
          INSERT INTO \(schema).images SELECT g, 'c', CASE WHEN g <= 40 THEN '[1,0,0,0]' ELSE '[9,9,9,9]' END::vector
            FROM generate_series(1, 300) g ORDER BY random();
          CREATE INDEX ON \(schema).images USING hnsw (image_vector vector_l2_ops);
          ANALYZE \(schema).images; SET enable_seqscan = off; SET enable_sort = on
          """
      )
      let table = try await table(schema).read(dialect: .pgvector, metric: nil, from: connection)
      for withTies in [true, false] {
        let dialect = table.dialect.adapted { $0.withTies = withTies }
        var search = try table.search(ImageQuery(.vector([0, 0, 0, 0]), topK: 8))
        search.tieBreak = "id"
        var seen: [Int] = []
        for _ in 0..<6 {
          let rows = try await connection.query(search.rendered(for: dialect))
          let ids = try rows.map { try $0.value(at: 0, as: Int.self) }
          seen += ids
          let last = try #require(rows.last)
          search.after = SearchCursor(
            distance: try last.value(at: last.count - 1, as: Double.self),
            key: .int4(Int32(ids.last ?? 0)),
            seen: seen.count
          )
        }
        #expect(seen == Array(1...48))
      }
    }
  }

  @Test func embeddedSearchesKeepTheirSettings() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class text, image_vector vector(4));
          INSERT INTO \(schema).images SELECT g, 'c' || g % 2,
            (SELECT array_agg(random() + 0 * g + 0 * s) FROM generate_series(1, 4) s)::vector
            FROM generate_series(1, 1000) g;
          CREATE INDEX ON \(schema).images USING hnsw (image_vector vector_l2_ops);
          ANALYZE \(schema).images; SET enable_seqscan = off
          """
      )
      let table = try await table(schema).read(dialect: .pgvector, metric: nil, from: connection)
      let search = try table.search(ImageQuery(.vector([0, 0, 0, 0]), topK: 100))
      let outer: SQL = "SELECT count(*) FROM (\(search.sql)) AS \(id: "hit")"
      for statement in [search.summary([.count]), outer] {
        let rendered = try statement.rendered(for: table.dialect)
        let prelude = try await connection.capabilities().engine.settingsPrelude
        let settings = [prelude, "SET LOCAL hnsw.ef_search = 100"].compactMap(\.self)
        #expect(rendered.settings == settings)
        #expect(try await connection.query(rendered).first?.value(at: 0, as: Int.self) == 100)
        // Inside a transaction of the caller's the settings hold for the statement alone.
        try await connection.transaction { connection in
          _ = try await connection.query(rendered)
          let now = try await connection.query("SELECT current_setting('hnsw.ef_search')").first
          #expect(try now?.value(at: 0, as: String.self) == "40")
        }
      }
      // A column that is not selected groups the hits.
      var ids = search
      ids.outputs = [.init(column: "id")]
      let groups = try await connection.query(ids.summary([.count], by: "class").rendered(for: table.dialect))
      #expect(groups.count == 2)
      ids.perValueOf = "class"
      ids.limit = 3
      #expect(try await connection.query(ids.rendered(for: table.dialect)).count == 6)
    }
  }
}

/// Tables of images in the schema of a test.
protocol ScratchTables: Sendable {}

extension ScratchTables {
  /// A table of images in the test's schema.
  func table(_ schema: String, _ name: String = "images") throws -> ImageTable {
    ImageTable(
      name: QualifiedName(
        schema: try Identifier(validating: schema),
        name: try Identifier(validating: name)
      )
    )
  }

  func searcher(
    _ table: ImageTable,
    _ connection: PostgresConnection,
    metric: Metric? = nil
  ) async throws -> ImageSearcher {
    let read = try await table.read(dialect: .pgvector, metric: metric, from: connection)
    return ImageSearcher(table: read, connections: connection)
  }
}

/// Lends one connection and counts how often.
private final class CountedConnection: ConnectionSource {
  let count = Mutex(0)
  private let connection: PostgresConnection

  init(_ connection: PostgresConnection) { self.connection = connection }

  func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    count.withLock { $0 += 1 }
    return try await body(connection)
  }
}
