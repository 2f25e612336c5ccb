import Basics
import Testing

@testable import MetricLearning

struct RetrievalQualityTests {
  @Test func countsByHand() throws {
    let database = try LabelledVectors(vectors: [[0], [1], [2], [4]], labels: [7, 8, 7, 8])
    let queries = try LabelledVectors(vectors: [[0.2], [3.5], [9]], labels: [7, 7, 99])
    let quality = try database.retrievalQuality(of: queries, metric: .l2, recallAt: [1, 2])
    // First query: 0, 1, 2, 4, hits at ranks 1 and 3. Second: 4, 2, 1, 0, hits at ranks 2 and 4. Third: no
    // such class.
    #expect(quality.queries == 2)
    #expect(quality.precisionAt1 == 0.5)
    #expect(quality.precisionAt10 == 0.5)
    #expect(abs(quality.meanAveragePrecision - ((1 + 2.0 / 3) / 2 + (0.5 + 0.5) / 2) / 2) < 1e-12)
    #expect(quality.recallAt == [1: 0.5, 2: 1])
  }

  @Test func leavesTheQueryItselfOut() throws {
    let database = try LabelledVectors(vectors: [[1, 0], [1, 0.1], [0, 1]], labels: [1, 2, 1])
    let quality = try database.retrievalQuality(metric: .cosine, recallAt: [1])
    #expect(quality.queries == 2)
    #expect(quality.precisionAt1 == 0)
    #expect(quality.meanAveragePrecision == 0.5)
  }

  /// The figures by sorting everything, as they are defined.
  private func bySorting(
    _ database: LabelledVectors,
    _ queries: LabelledVectors?,
    _ metric: RankingMetric,
    _ ks: [Int]
  ) -> RetrievalQuality {
    let (asked, width) = (queries ?? database, database.dimensions)
    var (first, ten, precision, count) = (0.0, 0.0, 0.0, 0)
    var recall = Dictionary(uniqueKeysWithValues: ks.map { ($0, 0.0) })
    func row(_ vectors: LabelledVectors, _ index: Int) -> [Double] {
      vectors.values[index * width..<(index + 1) * width].map(Double.init)
    }
    for query in 0..<asked.count {
      let a = row(asked, query)
      let scores = (0..<database.count).map { index -> Double in
        let b = row(database, index)
        let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        let (la, lb) = (a.reduce(0) { $0 + $1 * $1 }, b.reduce(0) { $0 + $1 * $1 })
        return metric == .l2 ? product - lb / 2 : product / max((la * lb).squareRoot(), 1e-30)
      }
      let ranked = (0..<database.count).filter { queries != nil || $0 != query }
        .sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1] }
      let hits = ranked.map { database.labels[$0] == asked.labels[query] }
      let all = hits.count { $0 }
      guard all > 0, let nearest = hits.firstIndex(of: true) else { continue }
      count += 1
      first += nearest == 0 ? 1 : 0
      ten += Double(hits.prefix(10).count { $0 }) / Double(min(10, hits.count))
      for k in ks where nearest < k { recall[k, default: 0] += 1 }
      var found = 0.0
      for (rank, hit) in hits.enumerated() where hit {
        found += 1
        precision += found / Double(rank + 1) / Double(all)
      }
    }
    let n = Double(max(count, 1))
    return RetrievalQuality(
      precisionAt1: first / n,
      precisionAt10: ten / n,
      meanAveragePrecision: min(precision / n, 1),
      recallAt: recall.mapValues { $0 / n },
      queries: count
    )
  }

  /// Small whole numbers, so that ties are many and every product is exact.
  @Test(arguments: 0..<60)
  func agreesWithSortingEverything(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    func vectors(_ count: Int) throws -> LabelledVectors {
      try LabelledVectors(
        vectors: (0..<count).map { _ in (0..<3).map { _ in Float(Int.random(in: -2...2, using: &generator)) }
        },
        labels: (0..<count).map { _ in Int.random(in: 0..<4, using: &generator) }
      )
    }
    let database = try vectors(Int.random(in: 1...40, using: &generator))
    let queries =
      Bool.random(using: &generator) ? try vectors(Int.random(in: 1...20, using: &generator)) : nil
    let found = try database.retrievalQuality(of: queries, metric: .l2, recallAt: [1, 3])
    let expected = bySorting(database, queries, .l2, [1, 3])
    #expect(found.queries == expected.queries)
    #expect(abs(found.precisionAt1 - expected.precisionAt1) < 1e-12)
    #expect(abs(found.precisionAt10 - expected.precisionAt10) < 1e-12)
    #expect(abs(found.meanAveragePrecision - expected.meanAveragePrecision) < 1e-12)
    for k in [1, 3] { #expect(abs((found.recallAt[k] ?? -1) - (expected.recallAt[k] ?? -2)) < 1e-12) }
  }
}
