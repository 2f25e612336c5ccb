/// Turns pictures into feature vectors, one at a time, on one thread; its buffers are allocated once.
public final class FeatureExtractor {
  private let session: FeatureSession
  private var preprocessor: Preprocessor
  private let input: UnsafeMutableBufferPointer<Float>

  /// The length of a feature.
  public var dimension: Int { session.dimensions }

  init(_ model: FeatureModel) throws {
    session = try model.network.makeSession(feature: model.feature, normalised: model.normalised)
    preprocessor = try Preprocessor(model.preprocessing)
    input = .allocate(capacity: model.preprocessing.outputCount)
    input.initialize(repeating: 0)
  }

  deinit {
    input.deallocate()
  }

  /// The feature of a picture: the same bits for the same picture, whatever was computed before.
  /// - Throws: `PictureError` for a picture too large to resize.
  public func features(of picture: Picture) throws -> [Float] {
    try preprocessor.write(picture, into: input)
    return try session.features(ofInput: UnsafeBufferPointer(input))
  }
}
