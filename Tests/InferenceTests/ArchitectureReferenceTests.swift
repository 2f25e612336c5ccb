import ImageCodecs
import Testing

@testable import Inference

/// Every architecture with generated weights against what PyTorch computed with the same weights.
@Suite(.enabled(if: ReferenceData.isPresent, Comment(rawValue: ReferenceData.reason)), .serialized)
struct ArchitectureReferenceTests {
  static let references: [String: [String]] = [
    "squeezenet1_0": ["logits", "pooled", "gem", "rmac"],
    "squeezenet1_1": ["logits", "pooled", "gem", "rmac"],
    "vgg11": ["logits", "pooled", "gem", "rmac", "penultimate"],
    "vgg16": ["logits", "pooled", "gem", "rmac", "penultimate"],
    "vgg16_bn": ["logits", "pooled", "gem", "rmac", "penultimate"],
    "resnet18": ["logits", "pooled", "gem", "rmac"],
    "resnet34": ["logits", "pooled", "gem", "rmac"],
    "resnet50": ["logits", "pooled", "gem", "rmac"],
    "resnet101": ["logits", "pooled", "gem", "rmac"],
    "mobilenet_v2": ["logits", "pooled", "gem", "rmac"],
    "efficientnet_lite0": ["logits", "pooled"],
    "efficientnet_lite1": ["logits", "pooled"],
    "efficientnet_lite2": ["logits", "pooled"],
    "vit_b_16": ["logits", "pooled", "cls"],
    "vit_b_32": ["logits", "pooled", "cls"],
    "deit_tiny_patch16_224": ["logits", "pooled", "cls"],
    "deit_small_patch16_224": ["logits", "pooled", "cls"],
  ]

  static func feature(_ name: String) throws -> FeatureKind {
    name == "penultimate" ? .layer("classifier.4") : try FeatureKind(parsing: name)
  }

  @Test(arguments: references.keys.sorted())
  func matchesPyTorch(name: String) throws {
    let architecture = try Architecture.named(name)
    let network = try Network(architecture: architecture, weights: GeneratedWeights(architecture))
    let crops = try ReferenceData.crops()
    let (chelsea, coffee) = (crops[5], crops[6])
    let images = [chelsea, coffee].map { ReferenceData.input($0, architecture.preprocessing.normalization) }
    for reference in ArchitectureReferenceTests.references[name] ?? [] {
      let session = try network.makeSession(
        feature: ArchitectureReferenceTests.feature(reference),
        inputSize: 224
      )
      let expected = try ReferenceData.rows("reference/architectures/\(name).\(reference).npy")
      for (input, row) in zip(images, expected) {
        let difference = relativeDifference(try session.features(ofInput: input), row)
        #expect(difference <= 1e-4, "\(name) \(reference)")
      }
    }
  }
}
