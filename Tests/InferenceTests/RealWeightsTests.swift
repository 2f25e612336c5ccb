import Checkpoints
import Foundation
import ImageCodecs
import Testing

@testable import Inference

/// Published weights on seventeen images, from the same crops as PyTorch had.
@Suite(.enabled(if: ReferenceData.isPresent, Comment(rawValue: ReferenceData.reason)), .serialized)
struct RealWeightsTests {
  static func network(_ name: String, kernels: KernelSet = .best) throws -> Network {
    let file =
      name == "squeezenet1_1" ? "squeezenet1_1-onnxzoo.safetensors" : "efficientnet-lite0-57934424.pth"
    let path = ReferenceData.root.appending(path: "weights/\(file)").path
    let checkpoint = try Checkpoint(contentsOfFile: path)
    return try Network(architecture: .named(name), weights: checkpoint, kernels: kernels)
  }

  @Test(arguments: [
    ("squeezenet1_1", "logits", "sq_logits"), ("squeezenet1_1", "pooled", "sq_gap512"),
    ("squeezenet1_1", "gem:3", "sq_gem3"), ("squeezenet1_1", "rmac:3", "sq_rmac3"),
    ("efficientnet_lite0", "logits", "el_logits"), ("efficientnet_lite0", "pooled", "el_pool1280"),
    ("efficientnet_lite0", "gem:3", "el_gem3"), ("efficientnet_lite0", "rmac:3", "el_rmac3"),
  ])
  func matchesPyTorch(name: String, feature: String, file: String) throws {
    let network = try RealWeightsTests.network(name)
    let session = try network.makeSession(feature: FeatureKind(parsing: feature))
    let expected = try ReferenceData.rows("reference/set1/\(file).npy")
    #expect(expected.count == 17)
    for (crop, row) in zip(try ReferenceData.crops(), expected) {
      let input = ReferenceData.input(crop, network.architecture.preprocessing.normalization)
      #expect(relativeDifference(try session.features(ofInput: input), row) <= 1e-4)
    }
  }

  /// Photographs of many pixels, made from small ones: `--decode fast` is what it says.
  @Test(arguments: ["squeezenet1_1", "efficientnet_lite0"])
  func reducedDecodingKeepsEmbeddings(name: String) throws {
    let network = try RealWeightsTests.network(name)
    let session = try network.makeSession(feature: .logits)
    var preprocessor = try Preprocessor(network.architecture.preprocessing)
    for file in ["astronaut.png", "coffee.png"] {
      let path = ReferenceData.root.appending(path: "reference/set1/\(file)").path
      let small = try Image(contentsOfFile: path)
      var resampler = Resampler()
      let large = try resampler.resize(
        small,
        width: small.width * 4,
        height: small.height * 4,
        interpolation: .bicubic
      )
      let jpeg = try large.jpegData(quality: 92)
      let options = Image.DecodingOptions(
        fidelity: .fast,
        coverage: .init(side: preprocessor.preprocessing.resize, crop: preprocessor.preprocessing.crop)
      )
      let reduced = try Image(decoding: jpeg, options: options)
      #expect(reduced.width < large.width)
      let exact = try session.features(ofInput: preprocessor.values(of: Image(decoding: jpeg)))
      let fast = try session.features(ofInput: preprocessor.values(of: reduced))
      func dot(_ left: [Float], _ right: [Float]) -> Float { zip(left, right).reduce(0) { $0 + $1.0 * $1.1 } }
      #expect(dot(exact, fast) / (dot(exact, exact) * dot(fast, fast)).squareRoot() >= 0.999, "\(file)")
    }
  }

  /// All instruction sets, and OpenBLAS, agree to the same tolerance.
  @Test(arguments: KernelSet.available.map(\.name), ["squeezenet1_1", "efficientnet_lite0"])
  func kernelsAgree(kernels: String, name: String) throws {
    let chosen = try #require(KernelSet.available.first { $0.name == kernels })
    let network = try RealWeightsTests.network(name, kernels: chosen)
    let session = try network.makeSession(feature: .logits)
    let file = name == "squeezenet1_1" ? "sq_logits" : "el_logits"
    let expected = try ReferenceData.rows("reference/set1/\(file).npy")[8]
    let crop = try ReferenceData.crops()[8]
    let input = ReferenceData.input(crop, network.architecture.preprocessing.normalization)
    #expect(relativeDifference(try session.features(ofInput: input), expected) <= 1e-4)
  }

  /// The same image gives the same bits again, in another session, and after other images.
  @Test(arguments: ["squeezenet1_1", "efficientnet_lite0"], ["logits", "rmac:3"])
  func repeatsToTheBit(name: String, feature: String) throws {
    let network = try RealWeightsTests.network(name)
    let kind = try FeatureKind(parsing: feature)
    let inputs = try ReferenceData.crops().prefix(4).map {
      ReferenceData.input($0, network.architecture.preprocessing.normalization)
    }
    let session = try network.makeSession(feature: kind)
    let forward = try inputs.map { try session.features(ofInput: $0) }
    let other = try network.makeSession(feature: kind)
    let backward = try inputs.reversed().map { try other.features(ofInput: $0) }
    #expect(forward == backward.reversed())
  }
}
