import Basics
import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import MetricLearning

struct ProjectionTests {
  /// Three classes that differ in two directions only, under louder noise in the others.
  private func clouds(seed: UInt64, each: Int = 30) throws -> LabelledVectors {
    var generator = SeededGenerator(seed: seed)
    let centres: [[Float]] = [[1, 0], [-0.5, 0.8], [-0.5, -0.8]]
    let labels = (0..<3 * each).map { $0 % 3 }
    let vectors = labels.map { label in
      centres[label].map { $0 + Float.random(in: -0.4...0.4, using: &generator) }
        + (0..<10).map { _ in Float.random(in: -3...3, using: &generator) }
    }
    return try LabelledVectors(vectors: vectors, labels: labels)
  }

  @Test func principalComponentsFollowTheVariance() throws {
    let vectors: [[Float]] = [[3, 1], [-3, 1], [3, 1.5], [-3, 0.5]]
    let samples = try LabelledVectors(vectors: vectors, labels: [0, 0, 0, 0])
    let projection = try Projection.principalComponents(
      of: samples,
      outputs: 1,
      normalisesInput: false,
      normalisesOutput: false
    )
    #expect(projection.mean == [0, 1])
    #expect(abs(projection.matrix[0]) > 0.99)
    #expect(try projection.apply(to: [0, 1]) == [0])
  }

  @Test func whiteningGivesUnitVariance() throws {
    let samples = try clouds(seed: 3)
    let projection = try Projection.principalComponents(
      of: samples,
      outputs: 5,
      whitens: true,
      normalisesInput: false,
      normalisesOutput: false
    )
    let white = try samples.projected(by: projection)
    for component in 0..<5 {
      let square = (0..<white.count).reduce(0) { $0 + pow(white.values[$1 * 5 + component], 2) }
      #expect(abs(square / Float(white.count) - 1) < 1e-3)
    }
  }

  /// Eight vectors vary in seven directions at most; an eighth would be rounding, blown up to the size of the others.
  @Test func whiteningKeepsNoDirectionWithoutVariance() throws {
    let all = try clouds(seed: 3, each: 3)
    let vectors = (0..<8).map { Array(all.values[$0 * all.dimensions..<($0 + 1) * all.dimensions]) }
    let samples = try LabelledVectors(vectors: vectors, labels: [Int](repeating: 0, count: 8))
    _ = try Projection.principalComponents(of: samples, outputs: 7, whitens: true)
    let error = #expect(throws: ProjectionError.self) {
      try Projection.principalComponents(of: samples, outputs: 8, whitens: true)
    }
    #expect(
      error?.description
        == "the samples vary in 7 directions only, and whitening keeps 8; keep 7 or fewer, or learn from more samples"
    )
    #expect(throws: Never.self) { try Projection.principalComponents(of: samples, outputs: 8) }
  }

  @Test func supervisedProjectionsFindTheClasses() throws {
    let (train, test) = (try clouds(seed: 1), try clouds(seed: 2))
    let before = try train.retrievalQuality(of: test).meanAveragePrecision
    let discriminant = try Projection.discriminant(
      of: train,
      outputs: 2,
      shrinkage: 0.01,
      normalisesInput: false
    )
    var learning = ProxyLearning(outputs: 2)
    (learning.batch, learning.normalisesInput, learning.shrinkage) = (16, false, 0.05)
    var losses: [Float] = []
    let learned = try learning.fit(train) { losses.append($1) }
    for projection in [discriminant, learned] {
      let after = try train.projected(by: projection)
        .retrievalQuality(of: test.projected(by: projection)).meanAveragePrecision
      #expect(after > before + 0.2)
    }
    #expect(losses[losses.count - 1] < losses[0])
    #expect(try learning.fit(train) == learned)
  }

  /// Twelve classes whose centres vary in four directions of sixteen; the classes of a trial are drawn from them.
  private func manyClasses() throws -> LabelledVectors {
    var generator = SeededGenerator(seed: 9)
    let centres = (0..<12).map { _ in (0..<4).map { _ in Float.random(in: -1...1, using: &generator) } }
    let labels = (0..<240).map { $0 % 12 }
    let vectors = labels.map { label in
      centres[label].map { $0 + Float.random(in: -0.3...0.3, using: &generator) }
        + (0..<12).map { _ in Float.random(in: -0.6...0.6, using: &generator) }
    }
    return try LabelledVectors(vectors: vectors, labels: labels)
  }

  @Test(arguments: ProjectionFit.Method.allCases)
  func aTrialMeasuresClassesThatWereHeldOut(method: ProjectionFit.Method) throws {
    let samples = try manyClasses()
    let way = ProjectionFit(method, outputs: 6)
    let trial = try #require(try way.trial(samples))
    #expect((trial.seen.classes, trial.unseen.classes) == (7, 5))
    #expect(trial.seen.before.queries == 7 * 4)
    #expect(trial.unseen.before.queries == 5 * 20)
    #expect(try way.trial(samples) == trial, "deterministic for a seed")
    if method.isSupervised {
      #expect(trial.seen.after.meanAveragePrecision > trial.seen.before.meanAveragePrecision)
      #expect(!trial.unseen.isHarmed, "what tells these classes apart tells others apart too")
    }
  }

  @Test func aTrialNeedsFiveClassesOfThree() throws {
    #expect(try ProjectionFit(.discriminant, outputs: 2).trial(clouds(seed: 1)) == nil)
  }

  /// Directions that tell the seen classes apart and hide the others: the trial says so.
  @Test func aTrialSeesHarm() throws {
    let quality = { (first: Double, map: Double) in
      RetrievalQuality(
        precisionAt1: first,
        precisionAt10: 0,
        meanAveragePrecision: map,
        recallAt: [:],
        queries: 400
      )
    }
    let harmed = ProjectionTrial.Comparison(classes: 9, before: quality(0.6, 0.3), after: quality(0.5, 0.24))
    let noise = ProjectionTrial.Comparison(classes: 9, before: quality(0.6, 0.3), after: quality(0.58, 0.31))
    #expect(harmed.isHarmed && !noise.isHarmed)
  }

  @Test func moreOutputsThanClassesAreFilledUp() throws {
    let projection = try Projection.discriminant(of: clouds(seed: 1), outputs: 12, shrinkage: 0.1)
    #expect(projection.outputs == 12)
    #expect(!projection.matrix.contains { !$0.isFinite })
  }

  @Test func keepsItselfInAFile() throws {
    var projection = try Projection.discriminant(of: clouds(seed: 1), outputs: 2)
    projection.provenance["feature"] = "rmac:3 of \"photos\"\n"
    #expect(try Projection(decoding: projection.encoded()) == projection)
    try withTemporaryFolder { folder in
      let path = folder + "/projection.safetensors"
      try projection.write(toFile: path)
      #expect(try Projection(contentsOfFile: path) == projection)
    }
    #expect(throws: ProjectionError.self) { try projection.write(toFile: "/nowhere/at/all") }
    let other = try Safetensors.encode(["matrix": Tensor(shape: [1], values: [1])])
    #expect(throws: ProjectionError.self) { try Projection(decoding: other) }
  }

  @Test func refusesWhatDoesNotFit() throws {
    let samples = try clouds(seed: 1)
    #expect(throws: ProjectionError.self) { try Projection.principalComponents(of: samples, outputs: 13) }
    let alike = try LabelledVectors(
      dimensions: samples.dimensions,
      values: samples.values,
      labels: [Int](repeating: 1, count: samples.count)
    )
    #expect(throws: ProjectionError.self) { try Projection.discriminant(of: alike, outputs: 2) }
    let projection = try Projection.principalComponents(of: samples, outputs: 2)
    #expect(throws: ProjectionError.self) { try projection.apply(to: [1, 2]) }
    #expect(throws: ProjectionError.self) { try LabelledVectors(vectors: [[1], [1, 2]], labels: [0, 1]) }
  }
}
