/// Learns a projection from labels by gradient descent: vectors are drawn to a proxy of their own class and
/// pushed from the others'.
///
/// The loss is the cross-entropy of a softmax over scaled cosines to one learned proxy a class
/// (Movshovitz-Attias et al., "No Fuss Distance Metric Learning using Proxies", 2017, in the form of Zhai and
/// Wu, "Classification is a Strong Baseline for Deep Metric Learning", 2019), minimised by Adam over
/// mini-batches. Starts from the discriminant projection and is deterministic for a seed.
public struct MetricLearning: Sendable, Hashable {
  /// The dimensions to project to.
  public var outputs: Int
  /// How often every vector is seen.
  public var epochs = 30
  /// Vectors in a step.
  public var batch = 128
  /// Adam's step, relative to the size of the starting weights.
  public var learningRate: Float = 0.02
  /// What cosines are multiplied by before the softmax.
  public var scale: Float = 12
  /// The probability that is spread over all classes instead of the own one.
  public var smoothing: Float = 0.1
  /// The share of its inputs that every vector loses at random in each step, against learning by heart.
  public var dropout: Float = 0.2
  /// The shrinkage of the discriminant projection that it starts from.
  public var shrinkage = 0.3
  /// Whether vectors are scaled to length 1 first.
  public var normalisesInput = true
  /// What the order of the vectors is drawn from.
  public var seed: UInt64 = 1

  /// The usual settings for a number of dimensions.
  public init(outputs: Int) { self.outputs = outputs }

  /// Learns from labelled vectors.
  ///
  /// - Parameter progress: Told the mean loss after each epoch.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`.
  public func fit(
    _ samples: LabelledVectors,
    progress: (_ epoch: Int, _ loss: Float) -> Void = { _, _ in }
  ) throws -> Projection {
    guard epochs > 0, batch > 0, learningRate > 0, scale > 0, (0..<1).contains(dropout) else {
      throw ProjectionError(
        .shape,
        "epochs, batch, learning rate and scale must be positive, dropout below 1"
      )
    }
    let start = try Projection.discriminant(
      of: samples,
      outputs: outputs,
      shrinkage: shrinkage,
      normalisesInput: normalisesInput
    )
    let prepared = try PreparedSamples(samples, normalised: normalisesInput)
    var model = ProxyModel(start: start, samples: prepared, settings: self)
    var generator = SeededGenerator(seed: seed)
    var order = Array(0..<prepared.count)
    for epoch in 0..<epochs {
      order.shuffle(using: &generator)
      // The step falls to zero along half a cosine.
      let rate = learningRate * (1 + Float.cosine(.pi * Float(epoch) / Float(epochs))) / 2
      var loss: Float = 0
      for first in stride(from: 0, to: order.count, by: batch) {
        let chosen = Array(order[first..<min(first + batch, order.count)])
        loss += model.step(chosen, rate: rate, generator: &generator) * Float(chosen.count)
      }
      guard loss.isFinite else {
        throw ProjectionError(.numerical, "learning diverged in epoch \(epoch + 1); lower the learning rate")
      }
      progress(epoch + 1, loss / Float(order.count))
    }
    return try Projection(
      matrix: model.weights,
      mean: prepared.mean,
      normalisesInput: normalisesInput,
      normalisesOutput: true,
      provenance: [
        "method": "proxy-softmax", "samples": String(prepared.count), "epochs": String(epochs),
        "batch": String(batch), "learning_rate": String(learningRate), "scale": String(scale),
        "smoothing": String(smoothing), "dropout": String(dropout), "shrinkage": String(shrinkage),
        "seed": String(seed),
      ]
    )
  }
}
