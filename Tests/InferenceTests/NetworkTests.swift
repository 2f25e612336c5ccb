import Checkpoints
import Testing

@testable import Inference

struct NetworkTests {
  private let architecture = Architecture.squeezeNet1_1

  private func weights(_ architecture: Architecture) throws -> TensorDictionary {
    let generated = GeneratedWeights(architecture)
    let pairs = try generated.names.map { ($0, try generated.tensor(named: $0)) }
    return TensorDictionary(Dictionary(uniqueKeysWithValues: pairs))
  }

  @Test func namesTheArchitectures() throws {
    #expect(try Architecture.named("resnet50").name == "resnet50")
    let error = #expect(throws: NetworkError.self) { try Architecture.named("resnet51") }
    #expect(error?.description.contains("resnet50, resnet101, vgg11") == true)
  }

  @Test func listsWhatDoesNotFit() throws {
    var weights = try weights(architecture)
    weights.tensors["features.0.bias"] = nil
    weights.tensors["features.3.squeeze.weight"] = try Tensor(
      shape: [16, 64],
      values: .init(repeating: 0, count: 1024)
    )
    weights.tensors["head.weight"] = try Tensor(shape: [1], values: [0])
    weights.tensors["bn.num_batches_tracked"] = try Tensor(shape: [], values: [0])
    let error = #expect(throws: NetworkError.self) {
      try Network(architecture: architecture, weights: weights)
    }
    #expect(
      error?.description
        == "the weights do not fit squeezenet1_1: missing features.0.bias; "
        + "wrongly shaped features.3.squeeze.weight [16, 64] instead of [16, 64, 1, 1]; left over head.weight"
    )
  }

  @Test func takesTheCheckpointsClassesAndIgnoresExtraHeads() throws {
    var weights = try weights(architecture.withClasses(7))
    weights.tensors["head.weight"] = try Tensor(shape: [1], values: [0])
    let network = try Network(architecture: architecture, weights: weights, ignoresExtraTensors: true)
    #expect(network.architecture.classes == 7)
    #expect(try network.makeSession(feature: .logits).dimensions == 7)
  }

  /// A fine-tuned network whose last layer was replaced, or cut off, still has everything before it.
  @Test func aCheckpointWithoutItsHeadGivesTheFeaturesBeforeIt() throws {
    var weights = try weights(architecture)
    weights.tensors["classifier.1.weight"] = nil
    weights.tensors["classifier.1.bias"] = nil
    weights.tensors["head.0.weight"] = try Tensor(shape: [1], values: [0])
    #expect(throws: NetworkError.self) { try Network(architecture: architecture, weights: weights) }
    let cut = try Network(architecture: architecture, weights: weights, ignoresExtraTensors: true)
    #expect(cut.leftOver == ["head.0.weight"])
    let whole = try Network(architecture: architecture, weights: self.weights(architecture))
    let input = (0..<3 * 64 * 64).map { Float($0 % 97) / 97 - 0.5 }
    for feature in [FeatureKind.pooled, .gem(p: 3), .rmac(levels: 2), .layer("features.12")] {
      let features = try [cut, whole].map {
        try $0.makeSession(feature: feature, inputSize: 64).features(ofInput: input)
      }
      #expect(features[0] == features[1])
    }
    let error = #expect(throws: NetworkError.self) { try cut.makeSession(feature: .logits) }
    #expect(
      error?.description
        == "the weights have no classifier.1.weight, which logits needs; use pooled, gem or rmac"
    )
  }

  /// Norms that change nothing make the one network the other.
  @Test func vgg11WithIdleBatchNormsIsVGG11() throws {
    let plain = try weights(.vgg11)
    var rest = Architecture.vgg11.tensors.map(\.name)[...]
    let names = Set(Architecture.vgg11BN.tensors.map(\.name))
    var normed = TensorDictionary([:])
    for (name, shape) in Architecture.vgg11BN.tensors {
      let (layer, kind) = try #require(name.lastIndex(of: ".").map { (name[..<$0], name[$0...]) })
      if names.contains(layer + ".running_mean") {
        let value: Float = kind == ".weight" ? 1 : kind == ".running_var" ? 1 - 1e-5 : 0
        normed.tensors[name] = try Tensor(
          shape: shape,
          values: .init(repeating: value, count: shape.reduce(1, *))
        )
      } else {
        let source = rest.popFirst()
        normed.tensors[name] = try plain.tensors[#require(source)]
      }
    }
    #expect(rest.isEmpty)
    let input = (0..<3 * 224 * 224).map { Float($0 % 97) / 97 - 0.5 }
    let both = try [
      Network(architecture: .vgg11, weights: plain), Network(architecture: .vgg11BN, weights: normed),
    ].map { try $0.makeSession(feature: .pooled, inputSize: 224).features(ofInput: input) }
    let largest = both[0].map(abs).max() ?? 0
    #expect(largest > 0 && zip(both[0], both[1]).allSatisfy { abs($0 - $1) < 1e-4 * largest })
  }

  @Test func weightsThatAreNoNumbersAreRefused() throws {
    var weights = try weights(architecture)
    var broken = try #require(weights.tensors["features.0.weight"]).values
    broken[7] = .nan
    weights.tensors["features.0.weight"] = try Tensor(shape: [64, 3, 3, 3], values: broken)
    let error = #expect(throws: NetworkError.self) {
      try Network(architecture: architecture, weights: weights)
    }
    #expect(error?.description.hasPrefix("the tensor features.0.weight holds NaN or an infinity") == true)
  }

  @Test func sessionsCheckTheirFeatureAndInput() throws {
    let network = try Network(architecture: architecture, weights: weights(architecture))
    #expect(throws: NetworkError.self) { try network.makeSession(feature: .cls) }
    #expect(throws: NetworkError.self) { try network.makeSession(feature: .layer("features.99")) }
    #expect(throws: NetworkError.self) { try network.makeSession(feature: .pooled, inputSize: 8) }
    let session = try network.makeSession(feature: .layer("features.12"), inputSize: 64)
    #expect(session.dimensions == 512 * 3 * 3)
    #expect(throws: NetworkError.self) { try session.features(ofInput: [Float](repeating: 0, count: 5)) }
  }

  /// A layer before its activation is what the activation gets.
  @Test func layersAreSeenBeforeTheirActivation() throws {
    let network = try Network(architecture: architecture, weights: weights(architecture))
    let input = (0..<3 * 64 * 64).map { Float($0 % 97) / 97 - 0.5 }
    func values(_ layer: String) throws -> [Float] {
      try network.makeSession(feature: .layer(layer), inputSize: 64).features(ofInput: input)
    }
    let before = try values("features.3.squeeze")
    #expect(before.contains { $0 < 0 })
    #expect(try values("features.3.squeeze_activation") == before.map { max($0, 0) })
  }

  @Test func probabilitiesAndNormalisation() throws {
    let network = try Network(architecture: architecture, weights: weights(architecture))
    let input = [Float](repeating: 0.5, count: 3 * 64 * 64)
    let chances = try network.makeSession(feature: .probabilities, inputSize: 64).features(ofInput: input)
    #expect(abs(chances.reduce(0, +) - 1) < 1e-5)
    let session = try network.makeSession(feature: .gem(p: 2.5), inputSize: 64, normalised: true)
    let unit = try session.features(ofInput: input)
    #expect(abs(unit.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
  }
}
