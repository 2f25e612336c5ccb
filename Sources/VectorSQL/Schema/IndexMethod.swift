/// How a vector index works: graphs, inverted lists, and graphs over smaller copies of the vectors.
public enum IndexMethod: Sendable, Hashable {
  /// A graph (pgvector's `hnsw`; AnalyticDB's `ann` with the same numbers).
  case hnsw(HNSWOptions = HNSWOptions())
  /// Inverted lists around k-means centres (pgvector's `ivfflat`).
  case ivfflat(IVFFlatOptions)
  /// AnalyticDB's `ann`: a graph, with product quantisation where it is asked for.
  case ann(ANNOptions = ANNOptions())
  /// Hashing: a graph over one bit an element, read with Hamming distance and re-ranked (pgvector).
  case binaryQuantized(HNSWOptions = HNSWOptions())
  /// A graph over half-precision copies of the elements (pgvector, above 2,000 dimensions).
  case halfPrecision(HNSWOptions = HNSWOptions())

  var name: String {
    switch self {
    case .hnsw: "hnsw"
    case .ivfflat: "ivfflat"
    case .ann: "ann"
    case .binaryQuantized: "binary-quantised hnsw"
    case .halfPrecision: "half-precision hnsw"
    }
  }
}

/// Options of a graph index; nil leaves the server's default.
public struct HNSWOptions: Sendable, Hashable {
  /// What pgvector takes where an option is not given.
  package static let defaults = (m: 16, efConstruction: 64)

  /// Neighbours of each point. pgvector: 2…100, 16 by default.
  public var m: Int?
  /// Candidates kept while the graph is built. pgvector: 4…1000, 64 by default; at least twice `m`.
  public var efConstruction: Int?

  /// Options by name.
  public init(m: Int? = nil, efConstruction: Int? = nil) {
    self.m = m
    self.efConstruction = efConstruction
  }
}

/// Options of an inverted-list index.
public struct IVFFlatOptions: Sendable, Hashable {
  /// Lists, 1…32768; pgvector advises rows / 1000 up to a million rows, √rows above.
  public var lists: Int

  /// Options by name.
  public init(lists: Int) {
    self.lists = lists
  }

  /// The number of lists that pgvector's documentation advises for a table of that many rows.
  public init(rows: Int) {
    var advised = max(1, min(1000, rows / 1000))
    if rows > 1_000_000 {
      while advised < 32_768, (advised + 1) * (advised + 1) <= rows { advised += 1 }
    }
    lists = advised
  }
}

/// Options of AnalyticDB's `ann`; nil leaves the server's default.
public struct ANNOptions: Sendable, Hashable {
  /// Neighbours of each point, 10…1000; 32 by default.
  public var hnswM: Int?
  /// Candidates kept while the graph is built, 40…4000.
  public var efConstruction: Int?
  /// Product quantisation: smaller and faster, less exact; advised above 500,000 rows.
  public var productQuantization: Bool?
  /// Parts that a vector is cut into for quantisation, 1…256; must divide the dimension.
  public var pqSegments: Int?
  /// Centres of each part, 256…8192.
  public var pqCenters: Int?
  /// AnalyticDB 6.0 only: the index in a mapped file, faster, on a table without DELETE and UPDATE.
  public var externalStorage: Bool?
  /// AnalyticDB 7.0 only: the algorithm, such as `hnswflat`.
  public var algorithm: Algorithm?
  /// Writes each number in quotes, as the vendor's tutorial does.
  public var quotesNumbers = false

  /// The algorithms named in AnalyticDB 7.0's documentation.
  public enum Algorithm: String, Sendable, Hashable, CaseIterable {
    /// A graph.
    case hnswflat
    /// Nova, in memory.
    case novam
    /// Nova, on disk.
    case novad
    /// Nova, in memory with RaBitQ.
    case novamr
  }

  /// Options by name.
  public init(
    hnswM: Int? = nil,
    efConstruction: Int? = nil,
    productQuantization: Bool? = nil,
    pqSegments: Int? = nil,
    pqCenters: Int? = nil,
    externalStorage: Bool? = nil,
    algorithm: Algorithm? = nil
  ) {
    self.hnswM = hnswM
    self.efConstruction = efConstruction
    self.productQuantization = productQuantization
    self.pqSegments = pqSegments
    self.pqCenters = pqCenters
    self.externalStorage = externalStorage
    self.algorithm = algorithm
  }
}

/// The extension that a dialect's vector indexes come from.
public enum IndexExtension: Sendable, Hashable {
  /// pgvector: `hnsw` and `ivfflat`.
  case vector
  /// AnalyticDB's: `ann`.
  case fastann

  /// The name that `CREATE EXTENSION` takes.
  public var name: String {
    switch self {
    case .vector: "vector"
    case .fastann: "fastann"
    }
  }

  /// The graph index with the options that the server names so; options without a number keep the server's default.
  public func graph(_ options: [String: String]) -> IndexMethod {
    let number = { options[$0].flatMap { Int($0) } }
    switch self {
    case .vector: return .hnsw(HNSWOptions(m: number("m"), efConstruction: number("ef_construction")))
    case .fastann:
      return .ann(
        ANNOptions(
          hnswM: number("hnsw_m"),
          efConstruction: number("hnsw_ef_construction"),
          productQuantization: options["pq_enable"].map { $0 == "1" }
        )
      )
    }
  }

  /// What the server calls the options that the migrations' parameters set.
  public var optionsByParameter: [String: String] {
    switch self {
    case .vector: ["hnsw_m": "m", "hnsw_ef_construction": "ef_construction"]
    case .fastann:
      ["hnsw_m": "hnsw_m", "hnsw_ef_construction": "hnsw_ef_construction", "pq_enable": "pq_enable"]
    }
  }
}

/// An option of an index method, as servers name and bound it. Sources: pgvector's README and the help pages of AnalyticDB for
/// PostgreSQL ("Create an HNSW vector index").
package struct IndexOption: Sendable, Hashable {
  /// The name behind `WITH`.
  package let name: String
  /// The values that the server takes; nil for words, and where the sources give no bounds.
  package let range: ClosedRange<Int>?
  /// The major versions of AnalyticDB that know it; nil for all.
  package let versions: [Int]?

  private init(_ name: String, _ range: ClosedRange<Int>? = nil, versions: [Int]? = nil) {
    self.name = name
    self.range = range
    self.versions = versions
  }

  /// The most dimensions of AnalyticDB's `ann`.
  static let mostDimensions = 8192

  static let m = IndexOption("m", 2...100)
  static let efConstruction = IndexOption("ef_construction", 4...1000)
  static let lists = IndexOption("lists", 1...32_768)
  static let dim = IndexOption("dim", 1...mostDimensions)
  static let hnswM = IndexOption("hnsw_m", 10...1000)
  static let hnswEfConstruction = IndexOption("hnsw_ef_construction", 40...4000)
  static let pqSegments = IndexOption("pq_segments", 1...256)
  static let pqCenters = IndexOption("pq_centers", 256...8192)

  private static let ofANN =
    [
      dim, hnswM, hnswEfConstruction, pqSegments, pqCenters, IndexOption("distancemeasure"),
      IndexOption("pq_enable", 0...1), IndexOption("external_storage", 0...1, versions: [6]),
    ]
    + [
      "algorithm", "nlist", "rabitq_bits", "auto_reduction", "pca_dim", "max_key_len", "vector_include",
    ].map { IndexOption($0, versions: [7]) }

  /// The options of an access method; nil for one that is not for vectors.
  package static func known(by method: String) -> [IndexOption]? {
    switch method {
    case "hnsw": [m, efConstruction]
    case "ivfflat": [lists]
    case "ann": ofANN
    default: nil
    }
  }

  /// - Throws: `RenderingError` with code `outOfRange`.
  func check(_ value: Int) throws(RenderingError) {
    guard let range else { return }
    try RenderingError.check(value, in: range, name)
  }
}
