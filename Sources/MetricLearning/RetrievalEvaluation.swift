internal import COpenBLAS

/// How well the nearest vectors belong to a query's class.
public struct RetrievalQuality: Sendable, Hashable {
  /// The share of queries whose nearest vector is of their class.
  public var precisionAt1: Double
  /// The share of the ten nearest that are of the query's class, on average.
  public var precisionAt10: Double
  /// The mean over queries of the average precision over the whole ranking.
  public var meanAveragePrecision: Double
  /// For each asked k, the share of queries with one of their class among the k nearest.
  public var recallAt: [Int: Double]
  /// The number of queries that had anything of their class to find.
  public var queries: Int
}

/// The distance that rankings are made by.
public enum RankingMetric: String, Sendable, Hashable, CaseIterable {
  /// Euclidean distance.
  case l2
  /// The cosine of the angle.
  case cosine
}

extension LabelledVectors {
  /// Searches these vectors for each of the queries' nearest and measures how many share the class.
  ///
  /// Queries whose class does not occur are left out. Ties are ranked by position.
  ///
  /// - Parameters:
  ///   - queries: The vectors to search with; nil searches with each of these vectors among all others.
  ///   - metric: The distance.
  ///   - ks: The k's of recall@k.
  /// - Throws: `ProjectionError` with code `shape` when the lengths differ.
  public func retrievalQuality(
    of queries: LabelledVectors? = nil,
    metric: RankingMetric = .cosine,
    recallAt ks: [Int] = [1, 5, 10]
  ) throws -> RetrievalQuality {
    let asked = queries ?? self
    guard asked.dimensions == dimensions else {
      throw ProjectionError(
        .shape,
        "queries of \(asked.dimensions) values do not fit vectors of \(dimensions)"
      )
    }
    let scores = Scores(database: self, queries: asked, metric: metric)
    var totals = RankingTotals(ks: ks)
    for query in 0..<asked.count {
      let own = queries == nil ? query : nil
      let ranked = scores.ranking(of: query).filter { $0 != own }
      totals.add(ranked.map { labels[$0] == asked.labels[query] })
    }
    return totals.quality
  }
}

/// All queries' scores, larger for nearer.
private struct Scores {
  let count: Int
  let values: [Float]

  init(database: LabelledVectors, queries: LabelledVectors, metric: RankingMetric) {
    _ = OpenBLAS.singleThreaded
    let (left, right) = (Scores.rows(queries, metric), Scores.rows(database, metric))
    let (count, dimensions) = (database.count, database.dimensions)
    var values = [Float](repeating: 0, count: queries.count * count)
    cblas_sgemm(
      CblasRowMajor,
      CblasNoTrans,
      CblasTrans,
      Int32(queries.count),
      Int32(count),
      Int32(dimensions),
      1,
      left,
      Int32(dimensions),
      right,
      Int32(dimensions),
      0,
      &values,
      Int32(count)
    )
    if metric == .l2 {
      // Half the squared distance, without the query's own length: it does not change the order.
      let halves = (0..<count).map { row in
        right[row * dimensions..<(row + 1) * dimensions].reduce(0) { $0 + $1 * $1 } / 2
      }
      for index in values.indices { values[index] -= halves[index % count] }
    }
    (self.count, self.values) = (count, values)
  }

  private static func rows(_ vectors: LabelledVectors, _ metric: RankingMetric) -> [Float] {
    guard metric == .cosine else { return vectors.values }
    var values = vectors.values
    let dimensions = vectors.dimensions
    values.withUnsafeMutableBufferPointer { values in
      for row in 0..<vectors.count {
        VectorMath.normalise(
          UnsafeMutableBufferPointer(rebasing: values[row * dimensions..<(row + 1) * dimensions])
        )
      }
    }
    return values
  }

  func ranking(of query: Int) -> [Int] {
    let row = values[query * count..<(query + 1) * count]
    let start = row.startIndex
    return (0..<count).sorted { left, right in
      let (a, b) = (row[start + left], row[start + right])
      return a == b ? left < right : a > b
    }
  }
}

private struct RankingTotals {
  var first = 0.0
  var ten = 0.0
  var averagePrecision = 0.0
  var found: [Int: Double]
  var queries = 0

  init(ks: [Int]) {
    found = Dictionary(uniqueKeysWithValues: Set(ks).map { ($0, 0) })
  }

  mutating func add(_ relevant: [Bool]) {
    let all = relevant.count { $0 }
    guard all > 0, let nearest = relevant.firstIndex(of: true) else { return }
    queries += 1
    first += nearest == 0 ? 1 : 0
    ten += Double(relevant.prefix(10).count { $0 }) / Double(min(10, relevant.count))
    for k in found.keys where nearest < k { found[k, default: 0] += 1 }
    var hits = 0.0
    for (rank, hit) in relevant.enumerated() where hit {
      hits += 1
      averagePrecision += hits / Double(rank + 1) / Double(all)
    }
  }

  var quality: RetrievalQuality {
    let count = Double(max(queries, 1))
    return RetrievalQuality(
      precisionAt1: first / count,
      precisionAt10: ten / count,
      // Shares that are summed may end above 1 by their rounding.
      meanAveragePrecision: min(averagePrecision / count, 1),
      recallAt: found.mapValues { $0 / count },
      queries: queries
    )
  }
}
