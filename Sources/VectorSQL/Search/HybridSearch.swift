/// A search by words and by a vector at once: the two lists of ranks are joined by reciprocal rank fusion.
///
/// Each row's score is the sum of `weight / (constant + rank)` over the lists that it is in (Cormack, Clarke and
/// Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009). Scores of
/// different kinds need not be comparable for that.
///
///     HybridSearch(
///       vectors: VectorSearch(table: "products", columns: ["id"], nearest: feature, to: .vector(probe), by: .cosine, limit: 50),
///       key: "id", words: "red shoes", in: "to_tsvector('english', title)", language: "english", limit: 10
///     )
public struct HybridSearch: Sendable {
  /// The search by the vector; its limit is how many candidates it contributes, its outputs and filters are those of the
  /// whole.
  public var vectors: VectorSearch
  /// The column that names a row.
  public var key: Identifier
  /// The words looked for, as people type them.
  public var words: String
  /// The document searched: a `tsvector` column or expression; an index on the same expression can serve it.
  public var document: SQL
  /// The text search configuration that reads ``words``, such as `english`.
  public var language: String
  /// The most rows returned.
  public var limit: Int
  /// How much less the first ranks count for: 60 in the paper.
  public var constant = 60.0
  /// The weight of the list by vector.
  public var vectorWeight = 1.0
  /// The weight of the list by words.
  public var wordWeight = 1.0

  /// A search by a vector and by words.
  public init(
    vectors: VectorSearch,
    key: Identifier,
    words: String,
    in document: SQL,
    language: String,
    limit: Int
  ) {
    self.vectors = vectors
    self.key = key
    self.words = words
    self.document = document
    self.language = language
    self.limit = limit
  }

  /// The search as a fragment, which carries its settings. Rows show the outputs and then the `score`, best first; rows
  /// of equal scores by their key.
  public var sql: SQL {
    .perDialect { _ throws(RenderingError) in try body() }
  }

  /// The search as a statement with its settings.
  /// - Throws: `RenderingError`, as the search by the vector, and for a limit or weight out of range.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> Statement {
    try sql.rendered(for: dialect, layout: layout)
  }

  private func body() throws(RenderingError) -> SQL {
    try RenderingError.check(limit, in: 1...Int(Int32.max), "the number of rows")
    guard let candidates = vectors.limit else {
      throw RenderingError(.invalidShape, "the search by the vector needs a limit: its number of candidates")
    }
    guard constant >= 0, constant.isFinite,
      [vectorWeight, wordWeight].allSatisfy({ $0 >= 0 && $0.isFinite })
    else {
      throw RenderingError(
        .outOfRange,
        "the weights and the constant of a fusion must be finite and 0 or more"
      )
    }
    return [
      "SELECT \(vectors.outputs.map(\.declaration).joined(separator: ", ")), \(id: "fused_score") AS \(id: "score")",
      "FROM \(fused(candidates).asBlock) AS \(id: "fused")",
      "JOIN \(table: vectors.table) ON \(table: vectors.table).\(id: key) = \(id: "fused").\(id: "fused_key")",
      "ORDER BY \(id: "fused_score") DESC, \(id: "fused_key")",
    ].clauses
  }

  private func fused(_ candidates: Int) -> SQL {
    func share(_ list: Identifier, _ weight: Double) -> SQL {
      "coalesce(\(weight) / (\(constant) + \(id: list).\(id: "place")), 0)"
    }
    return [
      "SELECT coalesce(\(id: "near").\(id: "fused_key"), \(id: "worded").\(id: "fused_key")) AS \(id: "fused_key"),",
      "\(share("near", vectorWeight)) + \(share("worded", wordWeight)) AS \(id: "fused_score")",
      "FROM \(near.asBlock) AS \(id: "near")",
      "FULL JOIN \(worded(candidates).asBlock) AS \(id: "worded")",
      "ON \(id: "near").\(id: "fused_key") = \(id: "worded").\(id: "fused_key")",
      "ORDER BY \(id: "fused_score") DESC, 1",
      "LIMIT \(Int64(limit))",
    ].clauses
  }

  private var near: SQL {
    var search = vectors
    search.outputs = [VectorSearch.Output("\(id: key)", as: "fused_key")]
    search.scores = [.distance]
    return [
      "SELECT \(id: "fused_key"), row_number() OVER (ORDER BY \(id: "distance"), \(id: "fused_key")) AS \(id: "place")",
      "FROM \(search.sql.asBlock) AS \(id: "hit")",
    ].clauses
  }

  private func worded(_ candidates: Int) -> SQL {
    let query: SQL = "plainto_tsquery(CAST(\(language) AS regconfig), \(words))"
    let rank: SQL = "ts_rank_cd(\(document), \(query))"
    let matches = Condition("(\(document)) @@ \(query)")
    return [
      "SELECT \(id: key) AS \(id: "fused_key"),",
      "row_number() OVER (ORDER BY \(rank) DESC, \(id: key)) AS \(id: "place")",
      "FROM \(table: vectors.table)",
      "WHERE \(Condition.all(vectors.filters + [matches]))",
      "ORDER BY \(id: "place")",
      "LIMIT \(Int64(candidates))",
    ].clauses
  }
}

extension NearestSearch {
  /// The search joined with one by words; the limit of this one becomes the number of candidates of each list.
  ///
  ///     search.fused(withWords: "red shoes", in: { "to_tsvector('english', \(id: $0.title))" }, language: "english",
  ///       key: \.id, limit: 10)
  public func fused<Key: SQLEncodable>(
    withWords words: String,
    in document: (T) -> SQL,
    language: String,
    key: KeyPath<T, Column<Key>>,
    limit: Int
  ) -> FusedSearch<repeat each Value> {
    FusedSearch(
      untyped: HybridSearch(
        vectors: untyped,
        key: T()[keyPath: key].name,
        words: words,
        in: document(T()),
        language: language,
        limit: limit
      )
    )
  }
}

/// A search by words and by a vector whose rows have the types of the columns selected.
public struct FusedSearch<each Value: SQLEncodable>: Sendable {
  /// The search without its types; its weights and its constant can be changed here.
  public var untyped: HybridSearch

  /// The search as a statement with its settings.
  /// - Throws: `RenderingError`, as ``HybridSearch/rendered(for:layout:)``.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> Statement {
    try untyped.rendered(for: dialect, layout: layout)
  }
}
