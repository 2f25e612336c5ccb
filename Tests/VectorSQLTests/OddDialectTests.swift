import Testing
import VectorSQL

/// A dialect that spells everything in another way; what a test finds of PostgreSQL's spelling in its output was
/// written into the builder instead of being taken from the dialect.
private let odd = Dialect(
  name: "odd",
  capabilities: Capabilities(onConflict: true),
  defaultElement: .single,
  vectorTypes: [
    .single: VectorType(
      castName: "spline",
      declaresDimension: false,
      maximumIndexedDimension: 3,
      metrics: [
        .l2: MetricSpelling(
          order: { column, query in "\(column) %% \(query)" },
          distance: { column, query in "gap(\(query), \(column))" },
          exactOrder: { column, query in "slow(\(column), \(query))" },
          exactDistance: { column, query in "slow(\(column), \(query)) / 2" },
          function: { column, query in "f(\(column), \(query))" },
          similarity: { column, query in "like(\(column), \(query))" },
          indexOption: "curly"
        )
      ],
      encode: { .float8Array($0.map(Double.init)) }
    )
  ],
  plainVectorStorage: false,
  settings: SettingsVocabulary(numbers: [.probes: .init("odd.eyes", 2...3)]),
  placeholder: { "&\($0)" },
  renderIndex: { definition, dialect throws(RenderingError) in
    try definition.createIndex(dialect, method: "knot", key: "[\(definition.column.sql)]", options: ["x = 1"])
  }
)

private let plain = VectorSearch(
  table: "t",
  columns: ["id"],
  nearest: VectorColumn("v", dim: 2),
  to: .vector([1, 2]),
  by: .l2,
  limit: 3
)

@Suite("Nothing of a dialect is written into the builder")
struct OddDialectTests {
  @Test("search")
  func search() throws {
    var search = plain
    search.scores = [.distance, .similarity, .init(.function, as: "f")]
    search.settings.probes = 2
    let rendered = try search.rendered(for: odd)
    #expect(
      rendered.query.text
        == #"SELECT "id", gap(&1::spline, "v") AS "distance", like("v", &1::spline) AS "similarity", "#
        + #"f("v", &1::spline) AS "f" FROM "t" ORDER BY "v" %% &1::spline LIMIT &2"#
    )
    #expect(rendered.query.binds == [.float8Array([1, 2]), .int8(3)])
    #expect(rendered.settings.map(\.text) == ["SET LOCAL odd.eyes = 2"])
    search.exact = true
    let exact = try search.rendered(for: odd)
    #expect(exact.query.text.contains(#"slow("v", &1::spline) / 2 AS "distance""#))
    #expect(exact.query.text.contains(#"ORDER BY slow("v", &1::spline) LIMIT"#))
    #expect(exact.settings.isEmpty)
  }

  @Test("an exact distance that cannot be written is an error of the completion alone")
  func completion() throws {
    var half = odd
    let spelling = try odd.spelling(of: .l2, for: .single)
    let missing: MetricSpelling.Pair = { _, _ in
      .perDialect { _ throws(RenderingError) in throw RenderingError(.unsupportedFeature, "no exact distance")
      }
    }
    half.vectorTypes[.single] = VectorType(
      castName: "spline",
      declaresDimension: false,
      maximumIndexedDimension: 3,
      metrics: [
        .l2: MetricSpelling(
          order: spelling.order,
          distance: spelling.distance,
          exactOrder: missing,
          exactDistance: missing,
          function: spelling.function,
          similarity: spelling.similarity,
          indexOption: "curly"
        )
      ],
      encode: { .float8Array($0.map(Double.init)) }
    )
    let (whole, rendered) = (try plain.rendered(for: odd), try plain.rendered(for: half))
    #expect(try whole.completion?.text.contains(#"ORDER BY slow("v", &1::spline) LIMIT"#) == true)
    #expect(rendered.query == whole.query)
    #expect(throws: RenderingError(.unsupportedFeature, "no exact distance")) { try rendered.completion }
    #expect(rendered != whole)
    #expect(rendered == (try plain.rendered(for: half)))
    #expect(whole == (try plain.rendered(for: odd)))
  }

  @Test("insertion, index and table")
  func others() throws {
    let insert = InsertStatement(into: "t", columns: ["id", .init(VectorColumn("v", dim: 2))])
    #expect(
      try insert.statement(rows: [[.value(.int8(1)), .vector([1, 2])]], for: odd)
        == Statement(
          #"INSERT INTO "t" ("id", "v") VALUES (&1, &2::spline)"#,
          binds: [.int8(1), .float8Array([1, 2])]
        )
    )
    let index = IndexDefinition(on: "t", VectorColumn("v", dim: 2), by: .l2, using: .hnsw())
    #expect(
      try index.rendered(for: odd).text == #"CREATE INDEX "t_v_hnsw" ON "t" USING knot (["v"]) WITH (x = 1)"#
    )
    let table = TableDefinition("t", columns: [.init(VectorColumn("v", dim: 2))], primaryKey: [])
    #expect(try table.statements(for: odd).map(\.text) == [#"CREATE TABLE "t" ("v" spline)"#])
  }

  @Test("what it lacks is refused")
  func refused() {
    let join = NeighborJoin(
      queries: .init(table: "t", key: "id", column: VectorColumn("v", dim: 2)),
      neighbors: .init(table: "t", key: "id", column: VectorColumn("v", dim: 2)),
      by: .cosine,
      limit: 1
    )
    #expect(throws: RenderingError.self) { try join.rendered(for: odd) }
    #expect(throws: RenderingError.self) { try SearchSettings(efSearch: 10).statements(for: odd) }
    #expect(throws: RenderingError.self) { try SearchSettings(probes: 4).statements(for: odd) }
    #expect(throws: RenderingError.self) { try SearchSettings(iterativeScan: .strict).statements(for: odd) }
  }
}
