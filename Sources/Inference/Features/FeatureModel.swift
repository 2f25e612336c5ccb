internal import Basics
internal import Checkpoints
public import ImageCodecs
public import MetricLearning

/// A network with its weights and the feature that is taken from it; shared by any number of extractors.
public struct FeatureModel: Sendable {
  /// The network.
  public let network: Network
  /// What is taken from it.
  public let feature: FeatureKind
  /// Whether features are scaled to Euclidean length 1.
  public let normalised: Bool
  /// The scaled and mirrored copies of an image whose features are averaged.
  public let augmentation: TestTimeAugmentation
  /// What is applied to every feature last.
  public let projection: Projection?
  /// From image to input.
  public let preprocessing: Preprocessing
  /// How many numbers a feature has.
  public let dimension: Int
  /// A fingerprint of the weights.
  public let weightsDigest: String
  /// The checkpoint's tensors that the network does not use.
  public let unusedTensors: [String]

  /// A model from a checkpoint file.
  ///
  /// - Parameters:
  ///   - architecture: nil finds the one whose tensors the checkpoint has.
  ///   - weights: A `.safetensors` or `.pth` file.
  ///   - ignoresExtraTensors: Do not mind tensors that the architecture does not have, as further heads of a network
  ///     that was trained on elsewhere.
  ///   - projection: Applied to every feature; must have been fitted for this network, weights and feature.
  ///   - changes: What differs from the architecture's own preprocessing, or from that of timm's `config.json`
  ///     beside the weights, where there is one.
  /// - Throws: `CheckpointError` for a file that cannot be read; `NetworkError` listing tensors that are missing, have
  ///   another shape or are left over, and for a feature that the network does not have; `ProjectionError` with code
  ///   `mismatch`.
  public init(
    architecture: Architecture?,
    weights: String,
    feature: FeatureKind = .logits,
    normalised: Bool = false,
    augmentation: TestTimeAugmentation = .one,
    projection: Projection? = nil,
    preprocessing changes: PreprocessingChanges = PreprocessingChanges(),
    ignoresExtraTensors: Bool = false
  ) throws {
    let checkpoint = try Checkpoint(contentsOfFile: weights)
    let fit = try WeightFit(checkpoint, file: weights, architecture: architecture)
    do {
      network = try Network(
        architecture: fit.architecture,
        weights: fit.source,
        ignoresExtraTensors: ignoresExtraTensors
      )
    } catch let error as NetworkError where error.code == .weights {
      throw NetworkError(.weights, "\(weights): \(error.description)")
    }
    self.feature = feature
    self.normalised = normalised
    self.augmentation = augmentation
    self.projection = projection
    unusedTensors = network.leftOver + fit.outside
    preprocessing = try fit.preprocessing.changed(by: changes)
    weightsDigest = try fit.source.digest()
    let side = TestTimeAugmentation.scaled(preprocessing, by: augmentation.scales[0]).crop
    let length = try network.makeSession(feature: feature, inputSize: side).dimensions
    dimension = projection?.outputs ?? length
    try projection?.check(fits: self, length: length)
  }

  /// What makes these vectors, in words that change when anything that changes the vectors does.
  public var recipe: String {
    get throws {
      var words = ["\(network.architecture.name) \(feature)"]
      if normalised { words.append("normalised") }
      words.append("weights:\(weightsDigest)")
      if augmentation != .one { words.append(augmentation.description) }
      if let projection { words.append("projection:\(try projection.digest())") }
      return words.joined(separator: " ")
    }
  }

  /// What is taken of an image over all scales: the longest that its shorter side becomes, and the largest part of it that a crop
  /// leaves.
  public var coverage: Image.DecodingOptions.Coverage {
    let sizes =
      augmentation.scales.map { TestTimeAugmentation.scaled(preprocessing, by: $0) } + [preprocessing]
    let side = sizes.dropLast().map(\.resize).max() ?? preprocessing.resize
    let share = sizes.map { Double($0.crop) / Double($0.resize) }.max() ?? 1
    return Image.DecodingOptions.Coverage(side: side, crop: Int((share * Double(side)).rounded(.up)))
  }

  /// An extractor for one thread.
  public func makeExtractor() throws -> FeatureExtractor {
    try FeatureExtractor(self)
  }
}

/// Turns images into embeddings, one at a time, on one thread; its buffers are allocated once.
public final class FeatureExtractor {
  /// One size of the input: its own preprocessing, working memory and input.
  private struct Lane {
    let session: FeatureSession
    var preprocessor: Preprocessor
    let input: UnsafeMutableBufferPointer<Float>

    init(_ model: FeatureModel, scale: Double, normalised: Bool) throws {
      let preprocessing = TestTimeAugmentation.scaled(model.preprocessing, by: scale)
      session = try model.network.makeSession(
        feature: model.feature,
        inputSize: preprocessing.crop,
        normalised: normalised
      )
      preprocessor = try Preprocessor(preprocessing)
      input = .allocate(capacity: preprocessing.outputCount)
      input.initialize(repeating: 0)
    }

    mutating func features(of image: Image, _ mirror: TestTimeAugmentation.Mirror) throws -> [[Float]] {
      try preprocessor.write(image, into: input)
      var found: [[Float]] = []
      if mirror != .only { found.append(try session.features(ofInput: UnsafeBufferPointer(input))) }
      if mirror != .none {
        TestTimeAugmentation.mirror(input, side: session.inputSize)
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
    for scale in model.augmentation.scales {
      // Averaged copies count alike; their lengths do not matter.
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

  /// The feature of an image: the same bits for the same image, independent of what was computed before.
  /// - Throws: `ImageError` for an image too large to resize.
  public func features(of image: Image) throws -> [Float] {
    var copies: [[Float]] = []
    for index in lanes.indices { copies += try lanes[index].features(of: image, model.augmentation.mirror) }
    var feature = copies[0]
    if model.augmentation.isAverage {
      feature = try VectorMath.mean(of: copies)
      if model.normalised { VectorMath.normalise(&feature) }
    }
    return try model.projection?.apply(to: feature) ?? feature
  }
}

extension Projection {
  /// What the samples of a projection were, by the keys of its provenance.
  private static func origin(_ model: FeatureModel) -> [(key: String, value: String)] {
    [
      ("model", model.network.architecture.name), ("feature", String(describing: model.feature)),
      ("weights", model.weightsDigest), ("copies", model.augmentation.description),
      ("normalised", model.normalised ? "yes" : "no"), ("preprocessing", model.preprocessing.description),
    ]
  }

  /// The same projection, with everything that made its samples noted in its provenance.
  public func fitted(for model: FeatureModel) -> Projection {
    var noted = self
    for (key, value) in Self.origin(model) where !value.isEmpty { noted.provenance[key] = value }
    return noted
  }

  /// Refuses anything other than what the projection was fitted for.
  ///
  /// A projection fitted on vectors of unknown origin is checked by its length alone. Files of earlier versions note
  /// neither `normalised` nor `preprocessing`.
  ///
  /// - Parameter length: The length of the model's features before any projection.
  /// - Throws: `ProjectionError` with code `mismatch`.
  func check(fits model: FeatureModel, length: Int) throws {
    for (key, value) in Self.origin(model) {
      var wanted = provenance[key]
      // Without copies the image alone was the sample.
      if key == "copies", provenance["model"] != nil { wanted = wanted ?? "" }
      guard let wanted, !(key == "weights" ? SHA256.agree(wanted, value) : wanted == value) else { continue }
      throw ProjectionError(
        .mismatch,
        "the projection was fitted for \(Self.phrase(key, wanted)), not \(Self.phrase(key, value)). Fix: choose that, "
          + "or fit another with adbvec projection fit"
      )
    }
    guard inputs == length else {
      throw ProjectionError(
        .mismatch,
        "the projection takes vectors of \(inputs) values, \(model.feature) of \(model.network.architecture.name) has "
          + "\(length). Fix: fit another with adbvec projection fit"
      )
    }
  }

  private static func phrase(_ key: String, _ value: String) -> String {
    switch key {
    case "copies": value.isEmpty ? "the image alone" : value
    case "normalised":
      value == "yes" ? "vectors of length 1 (--normalise)" : "vectors as they are (--no-normalise)"
    default: "the \(key) \(value)"
    }
  }
}
