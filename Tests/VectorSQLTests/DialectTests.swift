import Testing
import VectorSQL
import VectorSQLExamples

@Suite("What the connected server can do")
struct DialectTests {
  private func table(_ column: VectorColumn) -> TableDefinition {
    TableDefinition(
      "public.t",
      columns: [.init("id", .bigint, notNull: true), .init(column)],
      primaryKey: ["id"]
    )
  }

  @Test("placement: nowhere, by DISTRIBUTED BY, by Citus")
  func placement() throws {
    let column = VectorColumn("v", dim: 3)
    func statements(_ dialect: Dialect) throws -> [Statement] { try table(column).statements(for: dialect) }
    let head = #"CREATE TABLE "public"."t" ("id" bigint NOT NULL, "v" vector(3), PRIMARY KEY ("id"))"#
    #expect(try statements(.pgvector).map(\.text) == [head])
    let greenplum7 = Dialect.pgvector.adapted { $0.distributedBy = true }
    #expect(try statements(greenplum7).map(\.text) == [head + #" DISTRIBUTED BY ("id")"#])
    let citus = Dialect.pgvector.adapted { $0.citus = true }
    #expect(
      try statements(citus) == [
        Statement(trusted: head),
        Statement("SELECT create_distributed_table($1, $2)", binds: [.text(#""public"."t""#), .text("id")]),
      ]
    )
    #expect(
      try statements(.analyticDB).map(\.text) == [
        #"CREATE TABLE "public"."t" ("id" bigint NOT NULL, "v" real[], PRIMARY KEY ("id")) DISTRIBUTED BY ("id")"#,
        #"ALTER TABLE "public"."t" ALTER COLUMN "v" SET STORAGE PLAIN"#,
      ]
    )
  }

  @Test("a column's default, which is constant whatever is bound in it, and a key of distribution")
  func defaults() throws {
    var table = TableDefinition(
      "jobs",
      columns: [
        .init("queue", .text, notNull: true, default: "\("it's")"),
        .init("tags", .textArray, notNull: true, default: "'{}'"),
        .init("made_at", .timestamptz, default: "now()"), .init("tries", .integer, default: "\(Int32(-1))"),
        .init("done", .boolean),
      ],
      primaryKey: ["queue", "made_at"]
    )
    table.distributionKey = ["queue"]
    let text = """
      CREATE TABLE "jobs" ("queue" text NOT NULL DEFAULT 'it''s', "tags" text[] NOT NULL DEFAULT '{}', \
      "made_at" timestamptz DEFAULT now(), "tries" integer DEFAULT (-1), "done" boolean, \
      PRIMARY KEY ("queue", "made_at"))
      """
    #expect(try table.statements(for: .pgvector) == [Statement(trusted: text)])
    #expect(
      try table.statements(for: .analyticDB) == [Statement(trusted: text + #" DISTRIBUTED BY ("queue")"#)]
    )
    let citus = Dialect.pgvector.adapted { $0.citus = true }
    #expect(try table.statements(for: citus).last?.binds == [.text(#""jobs""#), .text("queue")])
    let beside = text.replacing("TABLE", with: "TABLE IF NOT EXISTS", maxReplacements: 1)
    #expect(try table.creation(distributes: false) == Statement(trusted: beside))
    #expect(
      try table.creation(distributes: true) == Statement(trusted: beside + #" DISTRIBUTED BY ("queue")"#)
    )
  }

  @Test("placement: copies on every node, a number of shards, beside another table, on one node")
  func otherPlacements() throws {
    var table = table(VectorColumn("v", dim: 3))
    func last(_ placement: Placement, _ dialect: Dialect) throws -> Statement? {
      table.placement = placement
      return try table.statements(for: dialect).last
    }
    let citus = Dialect.pgvector.adapted { $0.citus = true }
    let greenplum7 = Dialect.pgvector.adapted { $0.distributedBy = true }
    let name = SQLValue.text(#""public"."t""#)
    #expect(
      try last(.distributed(shards: 64), citus)
        == Statement(
          "SELECT create_distributed_table($1, $2, shard_count => $3, colocate_with => 'none')",
          binds: [name, .text("id"), .int4(64)]
        )
    )
    #expect(
      try last(.distributed(colocatedWith: "public.other"), citus)
        == Statement(
          "SELECT create_distributed_table($1, $2, colocate_with => $3)",
          binds: [name, .text("id"), .text(#""public"."other""#)]
        )
    )
    #expect(try last(.replicated, citus) == Statement("SELECT create_reference_table($1)", binds: [name]))
    #expect(try last(.local, citus)?.text.hasPrefix("CREATE TABLE") == true)
    #expect(try last(.replicated, greenplum7)?.text.hasSuffix("DISTRIBUTED REPLICATED") == true)
    #expect(try last(.local, greenplum7)?.text.contains("DISTRIBUTED") == false)
    #expect(try last(.replicated, .pgvector)?.text.contains("DISTRIBUTED") == false)
  }

  @Test("on Citus a row's vector is read before the search, and settings are sent on to the workers")
  func searchesOfWorkers() throws {
    let citus = Dialect.pgvector.adapted { $0.citus = true }
    var search = VectorSearch(
      table: "t",
      columns: ["id"],
      nearest: VectorColumn("v", dim: 3),
      to: .row(key: "id", value: .int4(7)),
      by: .l2,
      limit: 5
    )
    search.settings.efSearch = 100
    let here = try search.rendered(for: .pgvector).query
    let there = try search.rendered(for: citus).query
    #expect(there.text.contains(#"WHERE "id" = $1 OFFSET 0)"#))
    #expect(there.text.replacing(" OFFSET 0", with: "") == here.text)
    #expect(there.settings == ["SET LOCAL citus.propagate_set_commands = 'local'"] + here.settings)
    search.settings.efSearch = nil
    search.exact = true
    #expect(try search.rendered(for: citus).query.settings == [])
  }

  @Test("element types of the column decide type, cast and operator class")
  func elements() throws {
    func index(_ element: VectorElement, _ dimension: Int) throws -> String {
      let column = VectorColumn("v", dim: dimension, element: element)
      return try IndexDefinition(on: "t", column, by: .l2, using: .hnsw()).rendered(for: .pgvector).text
    }
    #expect(try index(.half, 3000).contains(#"("v" halfvec_l2_ops)"#))
    #expect(try index(.sparse, 30_000).contains(#"("v" sparsevec_l2_ops)"#))
    #expect(throws: RenderingError.self) { try index(.half, 4001) }
    let halves = Dialect.pgvector.storing(.half)
    #expect(try imageSearch(to: .vector(probe)).rendered(for: halves).query.text.contains("$1::halfvec"))
    #expect(try imageSearch(to: .vector(probe)).rendered(for: halves).query.binds[0] == .halfvec(probe))
  }

  @Test("AnalyticDB with vector(n) columns, squared or not")
  func analyticDBVector() throws {
    func text(_ squared: Bool) throws -> String {
      try imageSearch(to: .vector(probe)).rendered(for: .analyticDBVector(squaredL2: squared)).query.text
    }
    #expect(try text(true).contains(#"sqrt("image_vector" <-> $1::vector) AS "distance""#))
    #expect(try text(false).contains(#""class", "image_vector" <-> $1::vector AS "distance""#))
    #expect(try text(true).hasSuffix(#"ORDER BY "image_vector" <-> $1::vector LIMIT $2"#))
    let tables = try table(VectorColumn("v", dim: 3)).statements(for: .analyticDBVector(squaredL2: false))
    #expect(tables[0].text.contains(#""v" vector(3)"#))
  }

  @Test("dialects and metrics by the names that people type")
  func names() {
    #expect(Dialect(name: "AnalyticDB")?.name == "analyticdb")
    #expect(Dialect(name: "mysql") == nil)
    #expect(Metric.all.map { Metric(name: $0.description.uppercased()) } == Metric.all)
    #expect(Metric(name: "manhattan") == nil)
  }

  @Test("a text with U+0000 is refused before anything is sent")
  func nul() {
    let insert = InsertStatement(into: "t", columns: ["id"])
    for value in [SQLValue.text("a\0"), .jsonb("\0"), .textArray(["", "\0b"])] {
      let search = #expect(throws: RenderingError.self) {
        try ("x = \(value)" as SQL).rendered(for: .pgvector)
      }
      #expect(search?.code == .invalidValue)
      let row = #expect(throws: RenderingError.self) {
        try insert.statement(rows: [[.value(value)]], for: .pgvector)
      }
      #expect(row?.code == .invalidValue)
    }
  }
}
