import Basics
import ImageSources
import Testing
import VectorSQL

@testable import Ingestion
@testable import ImageSearch

/// What is refused before the first byte is sent, each in one line.
struct TableCheckTests {
  private let target = LoadTarget(table: "public.image_search")

  private func column(_ name: String, _ type: String, isRequired: Bool = false, storage: String = "x")
    -> VectorTable.Column
  {
    VectorTable.Column(
      name: name,
      type: type,
      typeOID: 1,
      isRequired: isRequired,
      hasDefault: false,
      isUnique: name == "id",
      storage: storage
    )
  }

  private func table(
    id: String = "integer",
    label: String = "text",
    vector: String = "real[]",
    storage: String = "p",
    extra: [VectorTable.Column] = [],
    index: [VectorTable.Index] = [],
    blockSize: Int = 8192
  ) -> TargetTable {
    let catalog = VectorTable(
      name: target.table,
      oid: 1,
      kind: .table,
      columns: [
        column("id", id, isRequired: true), column("class", label),
        column("image_vector", vector, storage: storage),
      ] + extra,
      vectorIndexes: index,
      estimatedRows: -1,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
    return TargetTable(target: target, catalog: catalog, blockSize: blockSize, hasRows: false)
  }

  private func index(_ operatorClass: String, options: [String: String]? = nil) -> VectorTable.Index {
    VectorTable.Index(
      name: "i",
      method: options == nil ? "hnsw" : "ann",
      operatorClass: operatorClass,
      options: options ?? [:],
      definition: "",
      isAttached: false,
      isValid: true
    )
  }

  private func complaint(
    _ table: TargetTable,
    dimension: Int? = nil,
    rows: [(ImageID, String?, [Float])] = []
  ) -> String? {
    do {
      let check = try TableCheck(table)
      if let dimension { try check.checkDimension(dimension, of: table) }
      var batch = FeatureBatch()
      for (id, label, vector) in rows { batch.append(id: id, label: label, vector: vector) }
      try check.check(batch, source: "f.txt")
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func tablesThatFitPass() {
    #expect(complaint(table(), dimension: 1000, rows: [(1, nil, [1])]) == nil)
    #expect(
      complaint(table(id: "bigint", label: "character varying(20)", vector: "vector(3)"), dimension: 3) == nil
    )
    #expect(complaint(table(vector: "extensions.vector(3)"), dimension: 3) == nil, "outside the search path")
    #expect(complaint(table(extra: [column("note", "text")])) == nil)
    #expect(complaint(table(id: "uuid")) == nil && complaint(table(id: "text")) == nil)
  }

  /// Greenplum 6.24.3 stored 8167 numbers beside a class of 64 characters in a page of 32 KiB, and refused 8171.
  @Test func vectorsThatNoPageHoldsAreRefused() {
    #expect(complaint(table(blockSize: 32_768), dimension: 8167) == nil)
    #expect(complaint(table(blockSize: 32_768), dimension: 8171)?.contains("a page holds 32736") == true)
    #expect(complaint(table(), dimension: 3000)?.contains("SET STORAGE EXTERNAL") == true)
    #expect(complaint(table(storage: "x", blockSize: 32_768), dimension: 9000) == nil)
  }

  @Test func tablesThatDoNotFitAreRefused() {
    let name = "\"public\".\"image_search\""
    #expect(
      complaint(table(id: "bytea"))
        == "column \"id\" of \(name) is bytea; ids need an integer type, text or uuid. "
        + "Fix: set id-column in adbvec.yaml to another column"
    )
    #expect(
      complaint(table(label: "jsonb"))
        == "column \"class\" of \(name) is jsonb; a class is text, an integer, an enum, a boolean "
        + "or a uuid. Fix: set class-column in adbvec.yaml to another column"
    )
    #expect(complaint(table(label: "integer")) == nil)
    #expect(
      complaint(table(vector: "text"))
        == "column \"image_vector\" of \(name) is text; vectors need real[], vector or halfvec"
    )
    #expect(
      complaint(table(extra: [column("owner", "text", isRequired: true)]))?.contains(
        "NOT NULL without a default"
      ) == true
    )
  }

  @Test func dimensionsAreComparedWithColumnAndIndex() {
    let other =
      "the source's vectors have 3 numbers and column \"image_vector\" of \"public\".\"image_search\" takes 4. Fix: choose a model and feature of 4 numbers, or make another table, 'adbvec migrate up --table NAME --history-table NAME_migrations --set dim=3', and load with --table NAME"
    #expect(complaint(table(vector: "vector(4)"), dimension: 3) == other)
    #expect(complaint(table(index: [index("ann_l2_ops", options: ["dim": "4"])]), dimension: 3) == other)
  }

  /// Measured on PostgreSQL 18: 2,024 numbers of a PLAIN real[] fit a page of 8 KiB, 2,030 do not.
  @Test func aPlainVectorMustFitItsPage() {
    #expect(complaint(table(), dimension: 2000) == nil)
    #expect(complaint(table(), dimension: 2030)?.contains("SET STORAGE EXTERNAL") == true)
    #expect(complaint(table(storage: "e"), dimension: 16_000) == nil)
  }

  @Test func rowsThatWouldFailAreNamedByTheirID() {
    #expect(
      complaint(table(), rows: [(1, "a", [1]), (7, "b", [.nan])])
        == "f.txt: the vector of id 7 holds NaN or an infinity"
    )
    #expect(complaint(table(), rows: [(8, "b", [-.infinity])])?.contains("id 8") == true)
    #expect(
      complaint(table(), rows: [(ImageID(1 << 40), "b", [1])])?.contains("does not fit the id column") == true
    )
    #expect(complaint(table(), rows: [(9, "a\0b", [1])])?.contains("NUL") == true)
    #expect(complaint(table(), rows: [(10, "b", [0, -0.0])]) == nil)
    let cosine = table(index: [index("vector_cosine_ops")])
    #expect(complaint(cosine, rows: [(10, "b", [0, -0.0])])?.contains("no cosine distance") == true)
    let ann = table(index: [index("ann_ops", options: ["distancemeasure": "COSINE"])])
    #expect(complaint(ann, rows: [(10, "b", [0])])?.contains("no cosine distance") == true)
  }

  @Test func theMetricMustBeServedByAnIndexWhereThereIsOne() throws {
    let check = { (metric: Metric?, indexes: [VectorTable.Index]) throws in
      try TableCheck.checkMetric(metric, of: table(index: indexes))
    }
    let cosine = index("ann_ops", options: ["dim": "3", "distancemeasure": "COSINE"])
    let plain = index("ann_ops", options: ["dim": "3"])
    try check(nil, [cosine])
    try check(.cosine, [])
    try check(.cosine, [plain, cosine])
    try check(.l2, [plain])
    let refused = #expect(throws: LoadError.self) { try check(.l2, [cosine]) }
    #expect(
      refused?.description
        == "the metric is set to l2 and the index on \"image_vector\" of \"public\".\"image_search\" serves cosine; "
        + "make an index for l2, or leave the setting out"
    )
  }
}
