import Basics
import Foundation
import ImageSearch
import PostgresClient
import Testing
import VectorSQL

/// Tables as others made them: types of any kind, views, partitions, an extension in a schema of its own.
@Suite struct ImageTableTests: ScratchTables {
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
