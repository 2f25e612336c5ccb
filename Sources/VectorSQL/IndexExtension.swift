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
