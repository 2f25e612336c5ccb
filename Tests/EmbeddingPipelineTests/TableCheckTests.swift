import ImageCollections
import Testing
import VectorSQL

@testable import EmbeddingPipeline

/// What is refused before the first byte is sent, each in one line.
struct TableCheckTests {
  private let target = LoadTarget(table: "public.image_search")

  private func column(
    _ name: String,
    _ type: String,
    modifier: Int = -1,
    notNull: Bool = false,
    storage: String = "x"
  )
    -> TableShape.Column
  {
    TableShape.Column(
      name: name,
      typeOID: 1,
      typeName: type,
      modifier: modifier,
      isNotNull: notNull,
      hasDefault: false,
      storage: storage
    )
  }

  private func shape(
    kind: String = "r",
    id: String = "int4",
    label: String = "text",
    vector: String = "_float4",
    modifier: Int = -1,
    storage: String = "p",
    extra: [TableShape.Column] = [],
    index: [TableShape.VectorIndex] = []
  ) -> TableShape {
    TableShape(
      oid: 1,
      kind: kind,
      columns: [
        column("id", id, notNull: true), column("class", label),
        column("image_vector", vector, modifier: modifier, storage: storage),
      ] + extra,
      hasUniqueID: true,
      vectorIndexes: index,
      blockSize: 8192,
      isOwned: true,
      mayHaveTriggers: false,
      hasRows: false
    )
  }

  private func index(_ operatorClass: String, options: [String] = []) -> TableShape.VectorIndex {
    TableShape.VectorIndex(
      name: "i",
      method: "ann",
      operatorClass: operatorClass,
      options: options,
      definition: "",
      isValid: true
    )
  }

  private func complaint(_ shape: TableShape, dimension: Int? = nil, rows: [(Int64, String?, [Float])] = [])
    -> String?
  {
    do {
      let check = try TableCheck(shape, target: target)
      if let dimension { try check.checkDimension(dimension, shape: shape, target: target) }
      var batch = FeatureBatch()
      for (id, label, vector) in rows { batch.append(id: id, label: label, vector: vector) }
      try check.check(batch, source: "f.txt")
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func tablesThatFitPass() {
    #expect(complaint(shape(), dimension: 1000, rows: [(1, nil, [1])]) == nil)
    #expect(
      complaint(shape(id: "int8", label: "varchar", vector: "vector", modifier: 3), dimension: 3) == nil
    )
    #expect(complaint(shape(extra: [column("note", "text")])) == nil)
  }

  @Test func tablesThatDoNotFitAreRefused() {
    let table = "\"public\".\"image_search\""
    #expect(complaint(shape(kind: "v"))?.hasPrefix("\(table) is no table") == true)
    #expect(complaint(shape(id: "uuid")) == "column \"id\" of \(table) is uuid; ids need an integer type")
    #expect(complaint(shape(label: "int4")) == "column \"class\" of \(table) is int4; the class needs text")
    #expect(
      complaint(shape(vector: "text"))
        == "column \"image_vector\" of \(table) is text; vectors need real[], vector or halfvec"
    )
    #expect(
      complaint(shape(extra: [column("owner", "text", notNull: true)]))?.contains(
        "NOT NULL without a default"
      ) == true
    )
  }

  @Test func dimensionsAreComparedWithColumnAndIndex() {
    let other =
      "the source's vectors have 3 numbers and column \"image_vector\" of \"public\".\"image_search\" takes 4"
    #expect(complaint(shape(vector: "vector", modifier: 4), dimension: 3) == other)
    #expect(complaint(shape(index: [index("ann_l2_ops", options: ["dim=4"])]), dimension: 3) == other)
  }

  /// Measured on PostgreSQL 18: 2,024 numbers of a PLAIN real[] fit a page of 8 KiB, 2,030 do not.
  @Test func aPlainVectorMustFitItsPage() {
    #expect(complaint(shape(), dimension: 2000) == nil)
    #expect(complaint(shape(), dimension: 2030)?.contains("SET STORAGE EXTERNAL") == true)
    #expect(complaint(shape(storage: "e"), dimension: 16_000) == nil)
  }

  @Test func rowsThatWouldFailAreNamedByTheirID() {
    #expect(
      complaint(shape(), rows: [(1, "a", [1]), (7, "b", [.nan])])
        == "f.txt: the vector of id 7 holds NaN or an infinity"
    )
    #expect(complaint(shape(), rows: [(8, "b", [-.infinity])])?.contains("id 8") == true)
    #expect(complaint(shape(), rows: [(1 << 40, "b", [1])])?.contains("does not fit the id column") == true)
    #expect(complaint(shape(), rows: [(9, "a\0b", [1])])?.contains("NUL") == true)
    #expect(complaint(shape(), rows: [(10, "b", [0, -0.0])]) == nil)
    let cosine = shape(index: [index("vector_cosine_ops")])
    #expect(complaint(cosine, rows: [(10, "b", [0, -0.0])])?.contains("no cosine distance") == true)
    let ann = shape(index: [index("ann_ops", options: ["distancemeasure=COSINE"])])
    #expect(complaint(ann, rows: [(10, "b", [0])])?.contains("no cosine distance") == true)
  }

  @Test func theMetricMustBeServedByAnIndexWhereThereIsOne() throws {
    let check = { (metric: Metric?, indexes: [TableShape.VectorIndex]) throws in
      try TableCheck.checkMetric(metric, shape: shape(index: indexes), target: target)
    }
    let cosine = index("ann_ops", options: ["dim=3", "distancemeasure=COSINE"])
    let plain = index("ann_ops", options: ["dim=3"])
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
