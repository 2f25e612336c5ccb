import Checkpoints
import Foundation
import ImageCodecs
import TestSupport
import Testing

@testable import Inference

/// Which architecture a checkpoint is taken for, and with which preprocessing.
struct WeightFitTests {
  /// Runs `body` with generated weights in a folder of their own, under a prefix, with what else is there.
  private func withWeights(
    _ architecture: Architecture,
    prefix: String = "",
    extra: [String: Tensor] = [:],
    config: String? = nil,
    _ body: (String) throws -> Void
  ) throws {
    let generated = GeneratedWeights(architecture)
    var tensors = extra
    for name in generated.names { tensors[prefix + name] = try generated.tensor(named: name) }
    let folder = try TemporaryFolder()
    if let config { _ = try folder.file("config.json", config) }
    let path = folder.path + "/model.safetensors"
    try Safetensors.write(tensors, toFile: path)
    try body(path)
  }

  /// A Lightning module keeps its network under a name of its own, beside losses and metrics.
  @Test(arguments: ["backbone.", "net.encoder.", "model.backbone."])
  func findsTheNetworkBelowAPrefix(prefix: String) throws {
    let extra = ["criterion.weight": try Tensor(shape: [1000], values: [Float](repeating: 1, count: 1000))]
    try withWeights(.squeezeNet1_1, prefix: prefix, extra: extra) { path in
      let model = try FeatureModel(architecture: nil, weights: path, feature: .pooled)
      #expect(model.network.architecture == .squeezeNet1_1)
      #expect(model.unusedTensors == ["criterion.weight"])
      let named = try FeatureModel(architecture: .squeezeNet1_1, weights: path, feature: .pooled)
      #expect(named.weightsDigest == model.weightsDigest)
    }
  }

  @Test func asksWhichOneWhenPreprocessingDiffers() throws {
    try withWeights(.deiTTiny) { path in
      let error = #expect(throws: NetworkError.self) { try FeatureModel(architecture: nil, weights: path) }
      #expect(error?.code == .unknownArchitecture)
      for part in ["deit_tiny_patch16_224", "vit_tiny_patch16_224", "--model", "config.json"] {
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
      }
      let named = try FeatureModel(architecture: .timmViTTiny, weights: path, feature: .cls)
      #expect(named.preprocessing.normalization == .half)
      #expect(named.preprocessing.interpolation == .bicubic)
    }
  }

  @Test func timmsConfigDecides() throws {
    let config = """
      {"architecture": "vit_tiny_patch16_224", "num_classes": 1000, "pretrained_cfg": {"tag": "augreg",
       "input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center",
       "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 0.5], "license": null, "first_conv": ["a", {"b": []}]}}
      """
    try withWeights(.deiTTiny, config: config) { path in
      let model = try FeatureModel(architecture: nil, weights: path, feature: .cls)
      #expect(model.network.architecture.name == "vit_tiny_patch16_224")
      #expect(model.preprocessing.resize == 235)
      #expect(model.preprocessing.normalization.deviation == [0.25, 0.5, 0.5])
      // What the user names counts more, and the file is another network's then.
      let deiT = try FeatureModel(architecture: .deiTTiny, weights: path, feature: .cls)
      #expect(deiT.preprocessing == Architecture.deiTTiny.preprocessing)
      let changed = try FeatureModel(
        architecture: nil,
        weights: path,
        feature: .cls,
        preprocessing: PreprocessingChanges(mean: [0, 0, 0], interpolation: .bilinear, cropShare: 1)
      )
      #expect(changed.preprocessing.normalization.mean == [0, 0, 0])
      #expect(changed.preprocessing.normalization.deviation == [0.25, 0.5, 0.5])
      #expect((changed.preprocessing.resize, changed.preprocessing.interpolation) == (224, .bilinear))
    }
  }

  @Test(arguments: [
    (#"{"architecture": "squeezenet1_1", "crop_pct": "#, "is not JSON"),
    (#"{"architecture": "squeezenet1_1", "crop_pct": 7}"#, "share from 0.1 to 1"),
    (#"{"architecture": "squeezenet1_1", "mean": [1, 2], "crop_pct": 0.9}"#, "three numbers"),
    (#"{"architecture": "squeezenet1_1", "interpolation": "lanczos"}"#, "interpolation lanczos"),
    (#"{"architecture": "squeezenet1_1", "crop_mode": "squash", "crop_pct": 0.9}"#, "crop mode squash"),
  ])
  func aConfigThatCannotBeFollowedIsRefused(config: String, reason: String) throws {
    try withWeights(.squeezeNet1_1, config: config) { path in
      let error = #expect(throws: NetworkError.self) { try FeatureModel(architecture: nil, weights: path) }
      #expect(error?.code == .preprocessing)
      #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }
  }

  @Test func anotherModelsConfigIsLeftAlone() throws {
    for config in [
      #"{"architectures": ["ViTForImageClassification"], "hidden_size": 7}"#,
      #"{"architecture": "x", "mean": [9, 9, 9]}"#,
    ] {
      try withWeights(.squeezeNet1_1, config: config) { path in
        let model = try FeatureModel(architecture: nil, weights: path)
        #expect(model.preprocessing == .torchvision)
      }
    }
  }

  @Test func networksOfAnotherDivisorTakeUsualMeans() throws {
    let changed = try Architecture.efficientNetLite0.preprocessing.changed(by: .init(mean: [0.5, 0.5, 0.5]))
    #expect(changed.normalization.divisor == 255)
    #expect(abs(changed.normalization.deviation[0] - 128.0 / 255) < 1e-6)
    let own = Architecture.efficientNetLite0.preprocessing
    let same = try own.changed(by: .init(mean: own.normalization.mean, resize: own.resize, crop: own.crop))
    #expect(same == own)
  }
}
