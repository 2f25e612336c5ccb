/// A network with its weights and the feature that is taken from it; shared by any number of extractors.
public struct FeatureModel: Sendable {
  /// The network.
  public let network: Network
  /// What is taken from it.
  public let feature: FeatureKind
  /// Whether features are scaled to Euclidean length 1.
  public let normalised: Bool
  /// The copies of an image whose features are averaged.
  public let copies: ImageCopies
  /// What is applied to every feature last.
  public let projection: Projection?
  /// From image to input.
  public let preprocessing: Preprocessing
  /// How many numbers a feature has.
  public let dimension: Int
  /// A fingerprint of the weights.
  public let weightsDigest: String

  /// A model from a checkpoint file.
  ///
  /// - Parameters:
  ///   - architecture: nil finds the one whose tensors the checkpoint has.
  ///   - weights: A `.safetensors` or `.pth` file.
  ///   - ignoresExtraTensors: Do not mind tensors that the architecture does not have, as further heads of a network
  ///     that was trained on elsewhere.
  ///   - projection: Applied to every feature; must have been fitted for this network, weights and feature.
  /// - Throws: `CheckpointError` for a file that cannot be read; `NetworkError` listing tensors that are missing, have
  ///   another shape or are left over, and for a feature that the network does not have; `ProjectionError` with code
  ///   `mismatch`.
  public init(
    architecture: Architecture?,
    weights: String,
    feature: FeatureKind = .logits,
    normalised: Bool = false,
    copies: ImageCopies = .one,
    projection: Projection? = nil,
    ignoresExtraTensors: Bool = false
  ) throws {
    let checkpoint = try Checkpoint(contentsOfFile: weights)
    let chosen = try architecture ?? Architecture.matching(checkpoint, file: weights)
    do {
      network = try Network(
        architecture: chosen,
        weights: checkpoint,
        ignoresExtraTensors: ignoresExtraTensors
      )
    } catch let error as NetworkError where error.code == .weights {
      throw NetworkError(.weights, "\(weights): \(error.description)")
    }
    self.feature = feature
    self.normalised = normalised
    self.copies = copies
    self.projection = projection
    preprocessing = chosen.preprocessing
    weightsDigest = try checkpoint.digest()
    let side = ImageCopies.scaled(chosen.preprocessing, by: copies.scales[0]).crop
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
      if copies != .one { words.append(copies.description) }
      if let projection { words.append("projection:\(try projection.digest())") }
      return words.joined(separator: " ")
    }
  }

  /// An extractor for one thread.
  public func makeExtractor() throws -> FeatureExtractor {
    try FeatureExtractor(self)
  }
}

extension Architecture {
  /// The architecture that shares the most tensors, by name and shape, with a checkpoint.
  /// - Throws: `NetworkError` with code `unknownArchitecture` when fewer than half of anyone's are there.
  static func matching(_ weights: some TensorSource, file: String) throws -> Architecture {
    let present = Set(weights.names)
    let scored = all.map { architecture in
      let wanted = architecture.tensors
      let found = wanted.filter { present.contains($0.name) && (try? weights.shape(of: $0.name)) == $0.shape }
      return (architecture, Double(found.count) / Double(max(wanted.count, present.count)))
    }
    guard let best = scored.max(by: { $0.1 < $1.1 }), best.1 >= 0.5 else {
      throw NetworkError(
        .unknownArchitecture,
        "\(file) has no known network's tensors; name the network with --model"
      )
    }
    return best.0
  }
}
