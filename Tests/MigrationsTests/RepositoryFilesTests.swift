import Migrations
import Testing

/// The files in `migrations/`, as `migrate render` shows them.
@Suite struct RepositoryFilesTests {
  /// The package's folder `migrations/`.
  static let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/migrations"

  private func statements(_ dialect: MigrationDialect, _ parameters: [String: String] = [:]) throws
    -> [String]
  {
    let migrator = try Migrator(
      source: .folder("\(Self.folder)/\(dialect)"),
      parameters: parameters,
      dialect: dialect
    )
    return try migrator.render().flatMap(\.statements)
  }

  @Test func `The AnalyticDB files render to the tutorial's three statements`() throws {
    #expect(
      try statements(.analyticDB).prefix(3) == [
        """
        CREATE TABLE public.image_search (
          id INTEGER NOT NULL,
          class TEXT,
          image_vector REAL[],
          PRIMARY KEY(id)
        ) DISTRIBUTED BY(id)
        """,
        "ALTER TABLE public.image_search ALTER COLUMN image_vector SET STORAGE PLAIN",
        """
        CREATE INDEX image_search_image_vector_idx ON public.image_search USING ann (image_vector)
          WITH (dim = '1000', hnsw_m = '100', pq_enable = '0')
        """,
      ]
    )
  }

  @Test func `Options that the tutorial leaves out are written when they are chosen`() throws {
    #expect(
      try statements(
        .analyticDB,
        ["dim": "512", "distance": "cosine", "hnsw_ef_construction": "600", "pq_enable": "true"]
      )[2] == """
        CREATE INDEX image_search_image_vector_idx ON public.image_search USING ann (image_vector)
          WITH (dim = '512', hnsw_m = '100', pq_enable = '1', hnsw_ef_construction = '600', distancemeasure = 'cosine')
        """
    )
  }

  @Test func `Without distribution the AnalyticDB files leave the clause out`() throws {
    var options = MigratorOptions()
    options.capabilities = [.distribution: false]
    let migrator = try Migrator(
      source: .folder("\(Self.folder)/analyticdb"),
      dialect: .analyticDB,
      options: options
    )
    #expect(try migrator.render()[0].statements[0].hasSuffix("PRIMARY KEY(id)\n)"))
  }

  @Test func `The pgvector files make the same table`() throws {
    #expect(
      try statements(.pgvector) == [
        "CREATE EXTENSION IF NOT EXISTS vector",
        """
        CREATE TABLE public.image_search (
          id integer NOT NULL,
          class text,
          image_vector vector(1000),
          PRIMARY KEY (id)
        )
        """,
        "ALTER TABLE public.image_search ALTER COLUMN image_vector SET STORAGE PLAIN",
        """
        CREATE INDEX image_search_image_vector_idx ON public.image_search
          USING hnsw (image_vector vector_l2_ops)
          WITH (m = 16, ef_construction = 64)
        """,
        "ALTER TABLE public.image_search ADD COLUMN source text",
        "ALTER TABLE public.image_search ADD COLUMN content_hash text",
        "CREATE UNIQUE INDEX image_search_source_idx ON public.image_search (source)",
        """
        DO $do$
        BEGIN
          IF NOT EXISTS (SELECT 1 FROM public.image_search) THEN
            ALTER TABLE public.image_search ALTER COLUMN id TYPE bigint;
          END IF;
        END
        $do$
        """,
      ]
    )
  }

  @Test func `The AnalyticDB files add what an image is known by, and the tutorial's integers stay`() throws {
    #expect(
      try statements(.analyticDB).dropFirst(3) == [
        "ALTER TABLE public.image_search ADD COLUMN source text",
        "ALTER TABLE public.image_search ADD COLUMN content_hash text",
        "CREATE INDEX image_search_source_idx ON public.image_search (source)",
      ]
    )
    let texts = try statements(.analyticDB, ["id_type": "text"]).last
    #expect(texts?.contains("ALTER COLUMN id TYPE text USING id::text::text;") == true)
  }

  @Test(arguments: [
    (Capability.citus, "distributed", false), (.citus, "replicated", true), (.citus, "local", true),
    (.distribution, "distributed", false), (.distribution, "replicated", true),
  ])
  func `A source is unique where its index may leave the distribution's column out`(
    capability: Capability,
    placement: String,
    isUnique: Bool
  ) throws {
    var options = MigratorOptions()
    options.capabilities = [capability: true]
    func index(_ parameters: [String: String]) throws -> String {
      let migrator = try Migrator(
        source: .folder("\(Self.folder)/pgvector"),
        parameters: parameters.merging(["placement": placement]) { $1 },
        dialect: .pgvector,
        options: options
      )
      return try migrator.render(version: "0006").flatMap(\.statements)[1]
    }
    #expect(try index([:]).hasPrefix(isUnique ? "CREATE UNIQUE INDEX" : "CREATE INDEX"))
    #expect(try index(["unique_source": "false"]).hasPrefix("CREATE INDEX"))
  }

  @Test func `On Citus the last file places the table as the parameters say`() throws {
    func last(_ parameters: [String: String]) throws -> [String] {
      var options = MigratorOptions()
      options.capabilities = [.citus: true]
      let migrator = try Migrator(
        source: .folder("\(Self.folder)/pgvector"),
        parameters: parameters,
        dialect: .pgvector,
        options: options
      )
      return try migrator.render(version: "0005").flatMap(\.statements)
    }
    let clean = "SELECT truncate_local_data_after_distributing_table($table$public.image_search$table$)"
    #expect(
      try last([:]) == ["SELECT create_distributed_table($table$public.image_search$table$, 'id')", clean]
    )
    #expect(
      try last(["shards": "64", "colocate_with": "none"])[0]
        == "SELECT create_distributed_table($table$public.image_search$table$, 'id', shard_count => 64, "
        + "colocate_with => 'none')"
    )
    #expect(
      try last(["placement": "replicated", "table": "My Images"])[0]
        == "SELECT create_reference_table($table$public.\"My Images\"$table$)"
    )
    #expect(try last(["placement": "local"]) == [])
  }

  @Test func `Above 2000 dimensions pgvector gets halfvec, above 4000 an error`() throws {
    let wide = try statements(.pgvector, ["dim": "2048", "distance": "ip", "table": "Wide"])
    #expect(wide[1].contains("image_vector halfvec(2048)"))
    #expect(wide[2].contains("ON public.\"Wide\"\n  USING hnsw (image_vector halfvec_ip_ops)"))
    let error = problem { _ = try statements(.pgvector, ["dim": "4001"]) }
    #expect(error?.message == "the parameter dim is 4001, which is not 1…4000 (pgvector)")
  }

  @Test func `ef_construction is at least twice m`() throws {
    let error = problem { _ = try statements(.pgvector, ["hnsw_m": "40"]) }
    #expect(error?.message == "the parameter hnsw_ef_construction is 64, below 2 * hnsw_m = 80 (pgvector)")
    #expect(try statements(.pgvector, ["hnsw_m": "40", "hnsw_ef_construction": "80"]).count == 8)
  }

  @Test(arguments: [MigrationDialect.analyticDB, .pgvector])
  func `Lint finds nothing in them`(dialect: MigrationDialect) throws {
    let migrator = try Migrator(source: .folder("\(Self.folder)/\(dialect)"), dialect: dialect)
    #expect(migrator.lint().map(\.description) == [])
    #expect(migrator.problems() == [])
  }
}
