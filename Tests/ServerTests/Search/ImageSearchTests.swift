import Basics
import Foundation
import ImageSearch
import PostgresClient
import Synchronization
import Testing
import VectorSQL

/// Tables of several layouts, searched: answers are complete, in order, and typed as the table is.
@Suite struct ImageSearchTests {
  /// A table of images in the test's schema.
  private func table(_ schema: String, _ name: String = "images") throws -> ImageTable {
    ImageTable(
      name: QualifiedName(
        schema: try Identifier(validating: schema),
        name: try Identifier(validating: name)
      )
    )
  }

  private func searcher(
    _ table: ImageTable,
    _ connection: PostgresConnection,
    metric: Metric? = nil
  ) async throws -> ImageSearcher {
    let read = try await table.read(dialect: .pgvector, metric: metric, from: connection)
    return ImageSearcher(table: read, connections: connection)
  }

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
          query.after = read
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
      exact.exact = true
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

  @Test func rowsWithoutVectorOrDirectionAreNamed() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class text, image_vector vector(3));
          INSERT INTO \(schema).images VALUES (1, 'a', '[1,2,3]'), (2, 'b', '[3,2,1]'), (3, 'z', '[0,0,0]'),
            (4, 'n', NULL);
          CREATE INDEX ON \(schema).images USING hnsw (image_vector vector_cosine_ops)
          """
      )
      let searcher = try await searcher(table(schema), connection)
      #expect(searcher.table.metric == .cosine)
      let answer = try await searcher.search(ImageQuery(.id(1)))
      #expect(answer.hits.map(\.id) == [2])
      #expect(answer.notices.count == 1)
      #expect(try JSONEncoder().encode(answer.hits).isEmpty == false)
      func code(_ id: ImageID) async -> ImageSearchError.Code? {
        do {
          _ = try await searcher.search(ImageQuery(.id(id)))
          return nil
        } catch { return (error as? ImageSearchError)?.code }
      }
      #expect(await code(3) == .noVector)
      #expect(await code(4) == .noVector)
      #expect(await code(5) == .noSuchID)
      #expect(await code(ImageID("x")) == .noSuchID)
    }
  }

  @Test(arguments: [
    ("int", "5", "6", "7"),
    (
      "uuid", "00000000-0000-0000-0000-000000000005", "00000000-0000-0000-0000-000000000006",
      "00000000-0000-0000-0000-000000000007"
    ), ("boolean", "true", "false", "false"), ("mood", "ok", "sad", "sad"),
    ("numeric", "1.50", "2.50", "9"), ("varchar(9)", "a", "b", "c"),
  ])
  func classesOfAnyType(_ type: String, _ first: String, _ second: String, _ third: String) async throws {
    try await ScratchSchema.with { connection, schema in
      let type = type == "mood" ? "\(schema).mood" : type
      try await connection.run(
        trusted: """
          CREATE TYPE \(schema).mood AS ENUM ('ok', 'sad');
          CREATE TABLE \(schema).images (id int PRIMARY KEY, class \(type), image_vector vector(2));
          INSERT INTO \(schema).images VALUES (1, '\(first)', '[1,2]'), (2, '\(second)', '[3,2]'), (3, '\(third)', '[3,3]')
          """
      )
      let searcher = try await searcher(table(schema), connection)
      let hits = try await searcher.search(ImageQuery(.id(1))).hits
      #expect(hits.map(\.id) == [2, 3])
      let name = try #require(hits[0].class)
      #expect(try await searcher.search(ImageQuery(.id(1), class: name)).hits.first?.id == 2)
      #expect(try await searcher.sample(9, class: name).first?.id == 2)
      #expect(try await searcher.classes().map(\.name).contains(name))
      #expect(try await searcher.row(id: 2)?.class == name)
      guard !type.hasPrefix("varchar") else { return }
      await #expect(throws: ImageSearchError.self) {
        try await searcher.search(ImageQuery(.id(1), class: "no value of this type"))
      }
    }
  }

  @Test func layoutsOfOthersAreSearchable() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).smart_search ("assetId" uuid PRIMARY KEY, embedding vector(2) NOT NULL);
          INSERT INTO \(schema).smart_search VALUES ('00000000-0000-0000-0000-00000000000a', '[1,2]'),
            ('00000000-0000-0000-0000-00000000000b', '[3,2]');
          CREATE TABLE \(schema).langchain_pg_embedding (id varchar PRIMARY KEY, collection_id uuid, embedding vector,
            document varchar, cmetadata jsonb);
          INSERT INTO \(schema).langchain_pg_embedding VALUES ('007', NULL, '[1,2]', 'a', '{}'), ('b', NULL, '[2,3]', 'b', '{}');
          CREATE VIEW \(schema).images AS SELECT id, document AS class, embedding AS image_vector
            FROM \(schema).langchain_pg_embedding
          """
      )
      var immich = try table(schema, "smart_search")
      immich.idColumn = "assetId"
      immich.vectorColumn = "embedding"
      let assets = try await searcher(immich, connection)
      #expect(assets.table.notices.count == 1)
      let first = ImageID("00000000-0000-0000-0000-00000000000a")
      let asset = try await assets.search(ImageQuery(.id(first))).hits
      #expect(asset.map(\.id.description) == ["00000000-0000-0000-0000-00000000000b"])
      #expect(try await assets.sample(5, class: nil).first?.id == first)
      await #expect(throws: ImageSearchError.self) {
        try await assets.search(ImageQuery(.id(first), class: "a"))
      }

      var langchain = try table(schema, "langchain_pg_embedding")
      langchain.vectorColumn = "embedding"
      langchain.classColumn = "document"
      let documents = try await searcher(langchain, connection)
      #expect(try await documents.search(ImageQuery(.id(ImageID("007")))).hits.map(\.class) == ["b"])
      #expect(
        try await searcher(table(schema), connection).search(ImageQuery(.id(ImageID("b")))).hits.count == 1
      )
    }
  }

  @Test func extensionOutsideTheSearchPathIsNamed() async throws {
    let connection = try await ScratchSchema.connect()
    try await connection.run(trusted: "DROP DATABASE IF EXISTS adbvec_other_schema")
    try await connection.run(trusted: "CREATE DATABASE adbvec_other_schema")
    let settings = try await ScratchSchema.settings(database: "adbvec_other_schema")
    let other = try await PostgresConnection.connect(settings)
    try await other.run(
      trusted: """
        CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions;
        CREATE TABLE images (id int PRIMARY KEY, class text, image_vector extensions.vector(3), bits bit(3));
        INSERT INTO images VALUES (1, 'a', '[1,2,3]', '101'), (2, 'b', '[1,2,4]', '100'), (3, 'c', '[9,9,9]', '000')
        """
    )
    var table = ImageTable(name: "public.images")
    for metric in [Metric.l2, .innerProduct, .cosine, .l1] {
      table = try await table.read(dialect: .pgvector, metric: metric, from: other)
      let index = IndexDefinition(
        on: table.name,
        VectorColumn("image_vector", dim: 3),
        by: metric,
        using: .hnsw()
      )
      _ = try await other.query(index.rendered(for: table.dialect))
      try await other.run("DROP INDEX images_image_vector_hnsw")
      let searcher = ImageSearcher(table: table, connections: other)
      for exact in [false, true] {
        let near = try await searcher.search(ImageQuery(.id(1), topK: 2, exact: exact)).hits
        #expect(near.count == 2)
        let probe = try await searcher.search(ImageQuery(.vector([1, 2, 3]), topK: 3, exact: exact)).hits
        #expect(probe.count == 3)
      }
      for form in SQLScript.Form.allCases where form != .psql && form != .parameters {
        let script = try table.search(ImageQuery(.vector([1, 2, 3]))).script(form, for: table.dialect)
        try await other.run(trusted: script.text)
      }
    }
    let insert = InsertStatement(
      into: table.name,
      columns: ["id", .init(VectorColumn("image_vector", dim: 3))]
    )
    let rows: [[InsertStatement.Cell]] = [[.value(.int4(7)), .vector([1, 1, 1])]]
    for statement in try insert.statements(rows: rows, for: table.dialect) {
      try await other.query(statement)
    }
    let more: [[InsertStatement.Cell]] = [[.value(.int4(8)), .vector([1, 1, 1])]]
    try await other.query(insert.unnestStatement(rows: more, for: table.dialect))
    var coarse = try table.search(ImageQuery(.vector([1, 2, 3]), topK: 2))
    coarse.column = VectorColumn("image_vector", dim: 3)
    coarse.metric = .cosine
    for pass in [FirstPass.binary(candidates: 3), .half(candidates: 3)] {
      coarse.firstPass = pass
      #expect(try await other.query(coarse.rendered(for: table.dialect)).count == 2)
    }
    await other.close()
    await connection.close()
  }

  @Test func partitionsAndExpressionsAreKnown() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int, class text, image_vector vector(2)) PARTITION BY RANGE (id);
          CREATE TABLE \(schema).one PARTITION OF \(schema).images FOR VALUES FROM (0) TO (10);
          CREATE TABLE \(schema).two PARTITION OF \(schema).images FOR VALUES FROM (10) TO (20);
          CREATE INDEX ON \(schema).one USING hnsw (image_vector vector_ip_ops);
          CREATE INDEX ON \(schema).two USING hnsw ((image_vector::halfvec(2)) halfvec_l2_ops) WHERE class = 'a';
          INSERT INTO \(schema).images SELECT g, 'a', '[1,2]' FROM generate_series(1, 15) g;
          ANALYZE \(schema).one; ANALYZE \(schema).two
          """
      )
      let catalog = try await VectorTable.read(
        table(schema).name,
        vectorColumn: "image_vector",
        from: connection
      )
      #expect(catalog.vectorIndexes.isEmpty)
      #expect(catalog.parts.map { $0.name.split(separator: ".").last ?? "" } == ["one", "two"])
      #expect(catalog.estimatedRows == 15)
      let index = try #require(catalog.parts[1].vectorIndexes.first)
      #expect(index.expression?.contains("halfvec") == true)
      #expect(index.predicate?.contains("class") == true)
      #expect(!index.servesPlainSearches)
      #expect(catalog.searchableIndexes.compactMap(\.metric) == [.innerProduct])
      let read = try await table(schema).read(dialect: .pgvector, metric: nil, from: connection)
      #expect(read.metric == .innerProduct)
      #expect(read.index == ServingIndex(.hnsw))
    }
  }
}

/// What tables record of their vectors.
@Suite struct RecipeStoreTests {
  @Test func recipeIsReplacedAndVersionOneIsRead() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int, image_vector vector(2));
          CREATE TABLE \(schema).adbvec_load (table_oid bigint, recipe text, started_at timestamptz DEFAULT now());
          INSERT INTO \(schema).adbvec_load VALUES ('\(schema).images'::regclass::oid::bigint,
            'squeezenet1_1 logits weights:ab12cd34 normalised, ids by path')
          """
      )
      let name = QualifiedName(schema: try Identifier(validating: schema), name: "images")
      func store() async throws -> RecipeStore {
        try await RecipeStore(table: name, column: "image_vector", on: connection)
      }
      let old = try #require(try await store().read(connection))
      #expect(old.recipe[.normalise] == "yes")
      #expect(old.recipe[.weights] == "ab12cd34")
      var recipe = Recipe([.architecture: "resnet18", .weights: "ff"])
      for feature in ["logits", "gem:3"] {
        recipe[.feature] = feature
        try await store().write(recipe, on: connection)
        #expect(try await store().read(connection)?.recipe == recipe)
      }
      let column = try await RecipeStore(table: name, column: "other", on: connection)
      #expect(try await column.read(connection)?.recipe == old.recipe)
    }
  }

  @Test func aDroppedTableLeavesNoRecipeToItsSuccessor() async throws {
    try await ScratchSchema.with { connection, schema in
      let name = QualifiedName(schema: try Identifier(validating: schema), name: "images")
      let recipe = Recipe([.architecture: "resnet18", .weights: "ff", .feature: "pooled"])
      func run(_ sql: String) async throws { try await connection.run(trusted: sql) }
      func store() async throws -> RecipeStore {
        try await RecipeStore(table: name, column: "image_vector", on: connection)
      }
      func found() async throws -> [Recipe?] {
        let current = try await store()
        return [try await current.read(connection)?.recipe, try await current.recorded(connection)]
      }
      let make = "CREATE TABLE \(schema).images (id int, image_vector vector(2))"
      let fill = "INSERT INTO \(schema).images VALUES (1, '[1,2]')"
      try await run(make)
      try await store().write(recipe, on: connection)
      #expect(try await found() == [recipe, recipe])
      // Emptied it is the same table.
      try await run(fill)
      try await run("TRUNCATE \(schema).images")
      #expect(try await found() == [recipe, recipe])
      for isRestored in [true, false] {
        try await run("DROP TABLE \(schema).images")
        try await run(make)
        #expect(try await found() == [nil, nil])
        if !isRestored { try await store().forgetPredecessor(on: connection) }
        // The rows of a dump were made as was recorded with them.
        try await run(fill)
        #expect(try await found() == (isRestored ? [recipe, recipe] : [nil, nil]))
        try await store().forgetPredecessor(on: connection)
        #expect(try await found() == (isRestored ? [recipe, recipe] : [nil, nil]))
      }
      // Of versions that did not write down the table.
      try await store().write(recipe, on: connection)
      try await run("UPDATE \(schema).adbvec_recipe SET recipe = (recipe::jsonb - 'table_oid')::text")
      try await run("TRUNCATE \(schema).images")
      #expect(try await found() == [recipe, recipe])
    }
  }

  @Test func recipesAreComparedFieldByField() throws {
    let words = try #require(
      Recipe(
        recorded: "vgg11 rmac:3 normalised weights:ab12cd34 scales:0.7,1.0 mirror:averaged projection:77 "
          + "background:255,0,10 exif grey16:scaled"
      )
    )
    #expect(
      words
        == Recipe([
          .architecture: "vgg11", .feature: "rmac:3", .normalise: "yes", .weights: "ab12cd34",
          .scales: "0.7,1",
          .mirror: "yes", .projection: "77", .background: "#ff000a", .exif: "yes", .icc: "no",
          .decode: "exact", .grey16: "scaled",
        ])
    )
    #expect(Recipe(recorded: "") == nil)
    // Before there was a choice every pixel was decoded.
    let older = try #require(Recipe(recorded: #"{"exif":"no","resize":"256"}"#))
    #expect(older[.decode] == "exact" && older[.icc] == "no")
    let faster = #expect(throws: RecipeMismatch.self) {
      try older.check(Recipe([.exif: "no", .decode: "fast"]), table: "images")
    }
    #expect(faster?.description.hasSuffix("Fix: use --decode exact") ?? false)
    #expect(Recipe(recorded: #"{"resize":"256"}"#)?[.decode] == nil)
    #expect(Recipe(recorded: "{broken") == nil)
    #expect(Recipe(recorded: words.json) == words)
    var other = words
    #expect(words.differences(from: other).isEmpty)
    other[.weights] = "ab12cd34" + String(repeating: "0", count: 56)
    #expect(words.differences(from: other).isEmpty)
    // What one of them does not know is not compared.
    other[.resize] = "256"
    #expect(words.differences(from: other).isEmpty)
    for field in Recipe.Field.compared where words[field] != nil {
      var changed = words
      changed[field] = "none of these"
      #expect(words.differences(from: changed).map(\.field) == [field])
      #expect(throws: RecipeMismatch.self) { try words.check(changed, table: "images") }
    }
    let mismatch = RecipeMismatch(
      table: "public.images",
      differences: words.differences(from: Recipe([.exif: "no"]))
    )
    #expect(mismatch.description.hasSuffix("Fix: use --exif"))
    // What is recorded in pixels is given as a share, and every option named exists.
    let recorded = Recipe([.resize: "256", .crop: "224", .deviation: "128,128,128"])
    let changedCrop = Recipe([.resize: "248", .crop: "224", .deviation: "1,1,1"])
    let refusal = #expect(throws: RecipeMismatch.self) { try recorded.check(changedCrop, table: "images") }
    #expect(refusal?.description.hasSuffix("Fix: use --crop 0.875 --std 128,128,128") ?? false)
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
