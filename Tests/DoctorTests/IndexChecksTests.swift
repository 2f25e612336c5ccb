import Testing
import VectorSQL

@testable import Doctor
@testable import ImageSearch
@testable import PostgresClient

/// The index that is advised: for each type of vectors, for partitions, and to whom.
@Suite struct IndexChecksTests: JudgedFacts {
  @Test func invalidParentIndexIsFixedByAttachingParts() throws {
    let parent = VectorTable.Index(
      name: "\"p idx\"",
      method: "hnsw",
      operatorClass: "vector_l2_ops",
      options: [:],
      definition:
        "CREATE INDEX \"p idx\" ON ONLY public.image_search USING hnsw (image_vector vector_l2_ops)",
      isAttached: false,
      isValid: false
    )
    let facts = facts(table(index: parent)) {
      var built = Facts.Part(name: "p1")
      built.indexes = [
        .init(
          name: "p1_i",
          parent: nil,
          isValid: true,
          definition: "CREATE INDEX p1_i ON public.p1 USING hnsw (image_vector vector_l2_ops)"
        )
      ]
      var done = Facts.Part(name: "p2")
      done.indexes = [.init(name: "p2_i", parent: "\"p idx\"", isValid: true, definition: "")]
      $0.parts = [Facts.Part(name: "p0"), built, done]
    }
    let finding = try finding("index", facts) { _ in }
    #expect(finding.message.contains("2 of 3 are not"))
    #expect(
      finding.fix == #"CREATE INDEX "p0_p idx" ON p0 USING hnsw (image_vector vector_l2_ops); "#
        + #"ALTER INDEX "p idx" ATTACH PARTITION "p0_p idx"; ALTER INDEX "p idx" ATTACH PARTITION p1_i;"#
    )
  }

  @Test func partitionWithoutIndexIsNamed() throws {
    let index = Facts.Part.Index(name: "i", parent: nil, isValid: true, definition: "")
    let facts = facts(table(index: nil)) {
      $0.parts = [Facts.Part(name: "p0", indexes: [index]), Facts.Part(name: "p1")]
    }
    let finding = try finding("index", facts)
    #expect(finding.message == "the partition p1 has no vector index; searches compare all of its rows")
    #expect(
      finding.fix?.hasPrefix(#"CREATE INDEX "image_search_image_vector_hnsw" ON "public"."image_search""#)
        == true
    )
  }

  @Test func fixesSayWhoMustRunThem() throws {
    let restricted = VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .table,
      columns: table().columns,
      vectorIndexes: [],
      estimatedRows: 1000,
      isOwned: false,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
    #expect(
      try finding("index", facts(restricted)).fix?.hasPrefix(
        #"as the owner of "public"."image_search": CREATE"#
      ) == true
    )
    let standby = facts(table(index: nil)) { $0.server.isStandby = true }
    #expect(try finding("index", standby).fix?.hasPrefix("on the primary server: CREATE INDEX") == true)
  }

  @Test func viewHasNoIndexOfItsOwn() throws {
    let view = VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .init(rawValue: "v"),
      columns: table().columns,
      vectorIndexes: [],
      estimatedRows: 0,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: true
    )
    for check in ["index", "storage", "statistics"] {
      #expect(try finding(check, facts(view)).severity == .skipped)
    }
  }

  /// The fix of a column without an index, for vectors of some dimension.
  private func index(
    on type: String,
    dimension: Int?,
    isDomain: Bool = false,
    _ change: (inout Expectations) -> Void = { _ in }
  ) throws -> Finding {
    var vectors = column("image_vector", type, storage: "e")
    vectors.isDomain = isDomain
    let table = VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .table,
      columns: [column("id", "integer", isRequired: true, storage: "p"), vectors],
      vectorIndexes: [],
      estimatedRows: 10,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
    return try finding(
      "index",
      facts(table) {
        $0.vectors = .init(
          rows: 10,
          vectors: dimension == nil ? 0 : 10,
          leastDimension: dimension,
          greatestDimension: dimension
        )
      },
      change
    )
  }

  private static let create =
    #"CREATE INDEX "image_search_image_vector_hnsw" ON "public"."image_search" USING hnsw ("image_vector" "#

  @Test(arguments: [
    ("vector(3)", 3, false, "\(create)vector_l2_ops);"), ("bit(8)", nil, false, "\(create)bit_hamming_ops);"),
    ("sparsevec(9)", nil, false, "\(create)sparsevec_l2_ops);"),
    ("vector(3)", 3, true, "\(alter)vector(3); \(create)vector_l2_ops);"),
    ("vector", 3, false, "\(alter)vector(3); \(create)vector_l2_ops);"),
    ("vector(2500)", 2500, false, "\(alter)halfvec(2500); \(create)halfvec_l2_ops);"),
    ("vector(5000)", 5000, false, signs("vector", 5000)),
    ("halfvec(4500)", 4500, false, signs("halfvec", 4500)),
  ])
  func theIndexThatIsAdvisedCanBeMade(type: String, dimension: Int?, isDomain: Bool, fix: String) throws {
    #expect(try index(on: type, dimension: dimension, isDomain: isDomain).fix == fix)
  }

  private static let alter =
    #"ALTER TABLE "public"."image_search" ALTER COLUMN "image_vector" TYPE "#

  private static func signs(_ type: String, _ dimension: Int) -> String {
    #"CREATE INDEX "image_search_image_vector_bq" ON "public"."image_search" USING hnsw "#
      + #"((binary_quantize("image_vector")::bit(\#(dimension))) bit_hamming_ops); "#
      + #"COMMENT ON INDEX "public"."image_search_image_vector_bq" IS 'first pass of searches by l2';"#
  }

  @Test func anIndexWaitsForADimension() throws {
    #expect(try index(on: "vector", dimension: nil).severity == .skipped)
    #expect(try index(on: "vector", dimension: nil) { $0.dimension = 4 }.severity == .wrong)
  }

  /// The second of two equal statements would find the index there.
  @Test func oneIndexIsAdvisedOnce() throws {
    var partial = Self.index()
    partial.predicate = "class = 'a'"
    let facts = try facts(table(index: partial)) { $0.plan = try plan(uses: nil) }
    #expect(try finding("index", facts).fix?.contains("CREATE INDEX") == true)
    let judged = try finding("plan", facts)
    #expect(judged.severity == .wrong)
    #expect(judged.fix?.contains("CREATE INDEX") == false)
  }
}
