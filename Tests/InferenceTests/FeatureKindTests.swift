import Checkpoints
import Testing

@testable import Inference

struct FeatureKindTests {
  @Test(arguments: [
    ("logits", FeatureKind.logits), ("probabilities", .probabilities), ("pooled", .pooled),
    ("gem", .gem(p: 3)),
    ("gem:2.5", .gem(p: 2.5)), ("rmac", .rmac(levels: 3)), ("rmac:4", .rmac(levels: 4)), ("cls", .cls),
    ("layer:features.12", .layer("features.12")), ("layer:a:b", .layer("a:b")),
  ])
  func reads(text: String, feature: FeatureKind) throws {
    #expect(try FeatureKind(parsing: text) == feature)
    #expect(try FeatureKind(parsing: feature.description) == feature)
  }

  @Test(arguments: [
    "", "gem:0", "gem:-1", "gem:x", "gem:nan", "rmac:0", "rmac:9", "layer:", "layer", "cls:1", "Logits",
  ])
  func refuses(text: String) {
    #expect(throws: NetworkError.self) { try FeatureKind(parsing: text) }
  }

  @Test func regionsOfThreeLevels() {
    let squeezeNet = MapPooling.regions(height: 13, width: 13, levels: 3)
    #expect(squeezeNet.count == 14)
    #expect(squeezeNet.map(\.height) == [13] + Array(repeating: 8, count: 4) + Array(repeating: 6, count: 9))
    #expect(squeezeNet.suffix(3).map(\.left) == [0, 3, 7])
    #expect(MapPooling.regions(height: 7, width: 7, levels: 3).suffix(3).map(\.left) == [0, 2, 4])
  }
}

struct KnownArchitectureTests {
  @Test func everyKnownModelHasItsArchitecture() throws {
    for model in KnownModel.all { #expect(try Architecture.named(model.architecture).pooledDimensions > 100) }
  }
}
