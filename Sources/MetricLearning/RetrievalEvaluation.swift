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
    try OpenBLAS.open()
    let database = RankedRows(self, metric)
    let searched = queries.map { RankedRows($0, metric) } ?? database
    var members: [Int: [Int]] = [:]
    for (row, label) in labels.enumerated() { members[label, default: []].append(row) }
    var totals = RankingTotals(ks: ks)
    for first in stride(from: 0, to: asked.count, by: blockRows) {
      let block = first..<min(first + blockRows, asked.count)
      let scores = database.scores(of: searched, block)
      scores.withUnsafeBufferPointer { scores in
        for query in block {
          let row = UnsafeBufferPointer(
            rebasing: scores[(query - block.lowerBound) * count..<(query - block.lowerBound + 1) * count]
          )
          let own = queries == nil ? query : nil
          let relevant = (members[asked.labels[query]] ?? []).filter { $0 != own }
          totals.add(
            RankingTotals.ranks(of: relevant, in: row, without: own),
            among: own == nil ? count : count - 1
          )
        }
      }
    }
    return totals.quality
  }

  /// The positions of the vectors nearest to each, nearest first, itself left out.
  ///
  /// - Parameter k: how many; all others where there are fewer.
  public func nearest(_ k: Int, metric: RankingMetric = .cosine) throws -> [[Int]] {
    try OpenBLAS.open()
    let rows = RankedRows(self, metric)
    var found: [[Int]] = []
    for first in stride(from: 0, to: count, by: blockRows) {
      let block = first..<min(first + blockRows, count)
      let scores = rows.scores(of: rows, block)
      for query in block {
        let start = (query - block.lowerBound) * count
        let order = (0..<count).filter { $0 != query }.sorted { scores[start + $0] > scores[start + $1] }
        found.append(Array(order.prefix(k)))
      }
    }
    return found
  }

  /// Queries whose scores are held at once: 16 MiB of them.
  private var blockRows: Int { max(1, min(1024, (4 << 20) / max(count, 1))) }
}

/// Vectors in the form whose products rank them.
private struct RankedRows {
  let count: Int
  let dimensions: Int
  let values: [Float]
  /// Half the squared length of each, subtracted from products; empty for the cosine.
  let halves: [Float]

  init(_ vectors: LabelledVectors, _ metric: RankingMetric) {
    (count, dimensions) = (vectors.count, vectors.dimensions)
    var rows = vectors.values
    guard metric == .cosine else {
      values = rows
      let width = dimensions
      halves = (0..<count).map { row in
        rows[row * width..<(row + 1) * width].reduce(0) { $0 + $1 * $1 } / 2
      }
      return
    }
    halves = []
    let (count, dimensions) = (count, dimensions)
    rows.withUnsafeMutableBufferPointer { rows in
      for row in 0..<count {
        VectorMath.normalise(
          UnsafeMutableBufferPointer(rebasing: rows[row * dimensions..<(row + 1) * dimensions])
        )
      }
    }
    values = rows
  }

  /// The scores of all rows for some of the queries, larger for nearer: the cosine, or half the squared distance without
  /// the query's own length, which does not change the order.
  func scores(of queries: RankedRows, _ block: Range<Int>) -> [Float] {
    var scores = [Float](repeating: 0, count: block.count * count)
    queries.values.withUnsafeBufferPointer { left in
      guard let start = left.baseAddress else { return }
      cblas_sgemm(
        CblasRowMajor,
        CblasNoTrans,
        CblasTrans,
        Int32(block.count),
        Int32(count),
        Int32(dimensions),
        1,
        start + block.lowerBound * dimensions,
        Int32(dimensions),
        values,
        Int32(dimensions),
        0,
        &scores,
        Int32(count)
      )
    }
    guard !halves.isEmpty else { return scores }
    scores.withUnsafeMutableBufferPointer { scores in
      for row in 0..<block.count {
        for column in 0..<count { scores[row * count + column] -= halves[column] }
      }
    }
    return scores
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

  /// The ranks of some rows among all, 0 for the nearest; ties are ranked by position.
  ///
  /// Every other row is placed between the sorted few by bisection, which is all that the figures need of a ranking.
  static func ranks(of relevant: [Int], in scores: UnsafeBufferPointer<Float>, without own: Int?) -> [Int] {
    func comes(_ left: Int, before right: Int) -> Bool {
      let (a, b) = (scores[left], scores[right])
      return a == b ? left < right : a > b || b.isNaN && !a.isNaN
    }
    let sorted = relevant.sorted { comes($0, before: $1) }
    guard let last = sorted.last else { return [] }
    var isRelevant = Set(sorted)
    if let own { isRelevant.insert(own) }
    // How many of the other rows lie before the n-th relevant one and behind the one before it.
    var between = [Int](repeating: 0, count: sorted.count)
    for row in scores.indices where comes(row, before: last) && !isRelevant.contains(row) {
      var (low, high) = (0, sorted.count - 1)
      while low < high {
        let middle = (low + high) / 2
        if comes(row, before: sorted[middle]) { high = middle } else { low = middle + 1 }
      }
      between[low] += 1
    }
    var before = 0
    return between.enumerated().map { index, count in
      before += count
      return before + index
    }
  }

  /// Adds a query by the ranks of the rows of its class, nearest first.
  mutating func add(_ ranks: [Int], among count: Int) {
    guard let nearest = ranks.first else { return }
    queries += 1
    first += nearest == 0 ? 1 : 0
    ten += Double(ranks.count { $0 < 10 }) / Double(min(10, count))
    for k in found.keys where nearest < k { found[k, default: 0] += 1 }
    for (hit, rank) in ranks.enumerated() {
      averagePrecision += Double(hit + 1) / Double(rank + 1) / Double(ranks.count)
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
