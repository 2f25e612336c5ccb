import Checkpoints
import Foundation
import ImageCodecs
import MetricLearning
import TestSupport
import Testing

@testable import Inference

/// From image to vector: copies, projections, checkpoints that were trained on elsewhere.
struct FeatureModelTests {
  private static let image: Image = {
    let rgb = (0..<40 * 30 * 3).map { UInt8(truncatingIfNeeded: $0 &* 37 ^ ($0 >> 4)) }
    guard let image = try? Image(width: 40, height: 30, rgb: rgb) else {
      preconditionFailure("40 x 30 x 3 bytes")
    }
    return image
  }()

  /// Runs `body` with a checkpoint file of generated weights.
  private func withCheckpoint(
    _ architecture: Architecture = .squeezeNet1_1,
    extra: [String: Tensor] = [:],
    _ body: (String) throws -> Void
  ) throws {
    let generated = GeneratedWeights(architecture)
    var tensors = extra
    for name in generated.names { tensors[name] = try generated.tensor(named: name) }
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      try Safetensors.write(tensors, toFile: path)
      try body(path)
    }
  }

  private func features(_ model: FeatureModel) throws -> [Float] {
    try model.makeExtractor().features(of: Self.image)
  }

  @Test func copiesAreAveraged() throws {
    try withCheckpoint { path in
      func vector(_ scales: [Double], _ mirror: TestTimeAugmentation.Mirror, normalised: Bool = false) throws
        -> [Float]
      {
        let copies = try TestTimeAugmentation(scales: scales, mirror: mirror)
        return try features(
          FeatureModel(
            architecture: nil,
            weights: path,
            feature: .gem(p: 3),
            normalised: normalised,
            augmentation: copies
          )
        )
      }
      let (plain, mirrored) = (try vector([1], .none), try vector([1], .only))
      #expect(plain != mirrored)
      #expect(try vector([1], .averaged) == VectorMath.mean(of: [plain, mirrored]))
      let small = try vector([0.5], .none)
      #expect(try vector([0.5, 1], .none) == VectorMath.mean(of: [small, plain]))
      #expect(
        try vector([0.5, 1], .averaged)
          == VectorMath.mean(of: [small, vector([0.5], .only), plain, mirrored])
      )
      var unit = try VectorMath.mean(of: [
        vector([1], .none, normalised: true), vector([1], .only, normalised: true),
      ])
      VectorMath.normalise(&unit)
      #expect(try vector([1], .averaged, normalised: true) == unit)
    }
  }

  /// Mirroring the network's input is as mirroring the image, where the crop leaves as much out on both sides.
  @Test func theMirrorImageIsTheImageTurned() throws {
    let side = 30
    let rgb = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: $0 &* 37 ^ ($0 >> 4)) }
    let turned = rgb.indices.map { index in
      let (pixel, channel) = (index / 3, index % 3)
      return rgb[(pixel / side * side + side - 1 - pixel % side) * 3 + channel]
    }
    var preprocessor = try Preprocessor(.torchvision)
    var values = try preprocessor.values(of: Image(width: side, height: side, rgb: rgb))
    values.withUnsafeMutableBufferPointer { TestTimeAugmentation.mirror($0, side: 224) }
    let expected = try preprocessor.values(of: Image(width: side, height: side, rgb: turned))
    // The filter's weights are rounded from the left, so that a level may differ.
    #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 0.02 })
    #expect(zip(values, expected).count { $0 == $1 } > values.count * 9 / 10)
  }

  @Test(arguments: ["", "0", "1,1", "9", "x", "1,,2", "0.1,1"])
  func scalesThatMeanNothingAreRefused(text: String) {
    #expect(throws: NetworkError.self) { try TestTimeAugmentation(parsing: text) }
  }

  @Test func aLayerHasOneScale() throws {
    try withCheckpoint { path in
      let model = try FeatureModel(
        architecture: nil,
        weights: path,
        feature: .layer("features.12"),
        augmentation: TestTimeAugmentation(parsing: "0.5, 1")
      )
      let error = #expect(throws: NetworkError.self) { try model.makeExtractor() }
      #expect(error?.description.contains("another length at every scale") == true)
    }
  }

  @Test func aProjectionIsAppliedAndKnowsItsModel() throws {
    try withCheckpoint { path in
      let plain = try FeatureModel(architecture: nil, weights: path, feature: .pooled)
      let vector = try features(plain)
      let samples = try LabelledVectors(
        vectors: (0..<6).map { shift in vector.enumerated().map { $0.1 + Float(($0.0 + shift) % 5) } },
        labels: [0, 0, 0, 1, 1, 1]
      )
      for method in ProjectionFit.Method.allCases {
        let learned = try ProjectionFit(method, outputs: 4).fit(samples).fitted(for: plain)
        let model = try FeatureModel(architecture: nil, weights: path, feature: .pooled, projection: learned)
        #expect(model.dimension == 4)
        #expect(try features(model) == learned.apply(to: vector))
        #expect(try model.recipe.hasPrefix(plain.recipe + " projection:"))
        let again = try Projection(decoding: learned.encoded())
        #expect(
          try FeatureModel(architecture: nil, weights: path, feature: .pooled, projection: again).dimension
            == 4
        )
        let error = #expect(throws: ProjectionError.self) {
          try FeatureModel(architecture: nil, weights: path, feature: .gem(p: 3), projection: learned)
        }
        #expect(
          error?.description
            == "the projection was fitted for the feature pooled, not the feature gem:3.0. Fix: choose that, or fit "
            + "another with adbvec projection fit"
        )
      }
      let unknown = try ProjectionFit(.pca, outputs: 4).fit(samples)
      let error = #expect(throws: ProjectionError.self) {
        try FeatureModel(architecture: nil, weights: path, feature: .logits, projection: unknown)
      }
      #expect(error?.code == .mismatch)
      #expect(error?.description.contains("512") == true && error?.description.contains("1000") == true)
    }
  }

  @Test func aProjectionKnowsItsWeights() throws {
    try withCheckpoint { path in
      let model = try FeatureModel(architecture: nil, weights: path, feature: .pooled)
      let samples = try LabelledVectors(
        vectors: (0..<3).map { row in (0..<512).map { Float(($0 + row) % 7) } },
        labels: [0, 1, 2]
      )
      let learned = try ProjectionFit(.pca, outputs: 2).fit(samples).fitted(for: model)
      try withCheckpoint(Architecture.squeezeNet1_1.withClasses(10)) { other in
        let error = #expect(throws: ProjectionError.self) {
          try FeatureModel(architecture: nil, weights: other, feature: .pooled, projection: learned)
        }
        #expect(error?.description.contains("weights \(model.weightsDigest)") == true)
      }
    }
  }

  @Test func checkpointsTrainedOnElsewhere() throws {
    let head = ["head.weight": try Tensor(shape: [1], values: [0])]
    try withCheckpoint(Architecture.squeezeNet1_1.withClasses(7), extra: head) { path in
      #expect(throws: NetworkError.self) { try FeatureModel(architecture: .squeezeNet1_1, weights: path) }
      let model = try FeatureModel(architecture: .squeezeNet1_1, weights: path, ignoresExtraTensors: true)
      #expect(model.dimension == 7)
    }
  }
}
