/// A way to learn a projection, with its settings: what `adbvec projection fit` asks for.
public struct ProjectionFit: Sendable, Hashable {
  /// The ways there are.
  public enum Method: String, Sendable, Hashable, CaseIterable {
    /// Principal components.
    case pca
    /// Principal components scaled to equal variance.
    case pcaWhitening = "pca-whitening"
    /// Fisher's discriminant after whitening inside the classes.
    case discriminant
    /// A softmax loss over one learned proxy a class.
    case proxies

    /// Whether it learns from labels.
    public var isSupervised: Bool { self == .discriminant || self == .proxies }
  }

  /// The way.
  public var method: Method
  /// The dimensions to keep.
  public var outputs: Int
  /// Whether vectors are scaled to length 1 first.
  public var normalisesInput = true
  /// How far a supervised way draws the covariance towards a sphere.
  public var shrinkage = 0.3
  /// How often `proxies` sees every vector.
  public var epochs = 30
  /// Vectors in a mini-batch of `proxies`.
  public var batch = 128
  /// The step of `proxies`.
  public var learningRate: Float = 0.02
  /// What `proxies` draws its batches from.
  public var seed: UInt64 = 1

  /// A way with its usual settings.
  public init(_ method: Method, outputs: Int) {
    self.method = method
    self.outputs = outputs
  }

  /// Learns from vectors; labels count for the supervised ways only.
  ///
  /// - Parameter progress: Told the mean loss after each epoch of `proxies`.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`.
  public func fit(
    _ samples: LabelledVectors,
    progress: (_ epoch: Int, _ loss: Float) -> Void = { _, _ in }
  ) throws -> Projection {
    switch method {
    case .pca, .pcaWhitening:
      return try .principalComponents(
        of: samples,
        outputs: outputs,
        whitens: method == .pcaWhitening,
        normalisesInput: normalisesInput
      )
    case .discriminant:
      return try .discriminant(
        of: samples,
        outputs: outputs,
        shrinkage: shrinkage,
        normalisesInput: normalisesInput
      )
    case .proxies:
      var learning = MetricLearning(outputs: outputs)
      learning.epochs = epochs
      learning.batch = batch
      learning.learningRate = learningRate
      learning.shrinkage = shrinkage
      learning.normalisesInput = normalisesInput
      learning.seed = seed
      return try learning.fit(samples, progress: progress)
    }
  }
}
