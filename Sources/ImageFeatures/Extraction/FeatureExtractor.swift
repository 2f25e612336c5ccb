/// Turns images into feature vectors, one at a time, on one thread; its buffers are allocated once.
public final class FeatureExtractor {
  /// One size of the input: its own preprocessing, working memory and input.
  private struct Lane {
    let session: FeatureSession
    var preprocessor: Preprocessor
    let input: UnsafeMutableBufferPointer<Float>

    init(_ model: FeatureModel, scale: Double, normalised: Bool) throws {
      let recipe = ImageCopies.scaled(model.preprocessing, by: scale)
      session = try model.network.makeSession(
        feature: model.feature,
        inputSize: recipe.crop,
        normalised: normalised
      )
      preprocessor = try Preprocessor(recipe)
      input = .allocate(capacity: recipe.outputCount)
      input.initialize(repeating: 0)
    }

    mutating func features(of image: Image, _ mirror: ImageCopies.Mirror) throws -> [[Float]] {
      try preprocessor.write(image, into: input)
      var found: [[Float]] = []
      if mirror != .only { found.append(try session.features(ofInput: UnsafeBufferPointer(input))) }
      if mirror != .none {
        ImageCopies.mirror(input, side: session.inputSize)
        found.append(try session.features(ofInput: UnsafeBufferPointer(input)))
      }
      return found
    }
  }

  private let model: FeatureModel
  private var lanes: [Lane] = []

  /// The length of a feature.
  public let dimension: Int

  init(_ model: FeatureModel) throws {
    self.model = model
    for scale in model.copies.scales {
      // Averaged copies count alike, whatever their lengths.
      lanes.append(try Lane(model, scale: scale, normalised: model.normalised))
    }
    let found = lanes[0].session.dimensions
    guard lanes.allSatisfy({ $0.session.dimensions == found }) else {
      throw NetworkError(
        .feature,
        "\(model.feature) has another length at every scale and no mean; take pooled, gem, rmac or one scale"
      )
    }
    dimension = model.projection?.outputs ?? found
  }

  deinit {
    for lane in lanes { lane.input.deallocate() }
  }

  /// The feature of an image: the same bits for the same image, whatever was computed before.
  /// - Throws: `ImageError` for an image too large to resize.
  public func features(of image: Image) throws -> [Float] {
    var copies: [[Float]] = []
    for index in lanes.indices { copies += try lanes[index].features(of: image, model.copies.mirror) }
    var feature = copies[0]
    if model.copies.isAverage {
      feature = try VectorMath.mean(of: copies)
      if model.normalised { VectorMath.normalise(&feature) }
    }
    return try model.projection?.apply(to: feature) ?? feature
  }
}
