extension Projection {
  /// The keys under which a projection's file tells what its vectors were.
  private static let modelKey = "model"
  private static let weightsKey = "weights"
  private static let featureKey = "feature"

  /// The same projection, with the network, weights and feature that its samples came from noted in its provenance.
  public func fitted(for model: FeatureModel) -> Projection {
    var noted = self
    noted.provenance[Self.modelKey] = model.network.architecture.name
    noted.provenance[Self.weightsKey] = model.weightsDigest
    noted.provenance[Self.featureKey] = String(describing: model.feature)
    if model.copies != .one { noted.provenance["copies"] = model.copies.description }
    return noted
  }

  /// Refuses a network, weights or feature other than those that the projection was fitted for.
  ///
  /// A projection fitted on vectors whose origin was not told is checked by its length alone.
  ///
  /// - Parameter length: The length of the model's features before any projection.
  /// - Throws: `ProjectionError` with code `mismatch`.
  func check(fits model: FeatureModel, length: Int) throws {
    let found = [
      (Self.modelKey, model.network.architecture.name), (Self.featureKey, String(describing: model.feature)),
      (Self.weightsKey, model.weightsDigest),
    ]
    for (key, value) in found {
      guard let wanted = provenance[key], wanted != value else { continue }
      throw ProjectionError(
        .mismatch,
        "the projection was fitted for the \(key) \(wanted), not \(value); "
          + "choose that one, or fit another with adbvec projection fit"
      )
    }
    guard inputs == length else {
      throw ProjectionError(
        .mismatch,
        "the projection takes vectors of \(inputs) numbers, \(model.feature) of \(model.network.architecture.name) has "
          + "\(length); fit another with adbvec projection fit"
      )
    }
  }

  /// A fingerprint of the map; the provenance does not count.
  package func digest() throws -> String {
    let ways: [Float] = [normalisesInput ? 1 : 0, normalisesOutput ? 1 : 0]
    return try TensorDictionary([
      "matrix": Tensor(shape: [outputs, inputs], values: matrix),
      "mean": Tensor(shape: [inputs], values: mean),
      "normalises": Tensor(shape: [2], values: ways),
    ]).digest()
  }
}
