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
}
