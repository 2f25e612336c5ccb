internal import Basics
internal import COpenBLAS

/// Learns a projection from labels by gradient descent: vectors are drawn to a proxy of their own class and
/// pushed from the others'.
///
/// The loss is the cross-entropy of a softmax over scaled cosines to one learned proxy a class
/// (Movshovitz-Attias et al., "No Fuss Distance Metric Learning using Proxies", 2017, in the form of Zhai and
/// Wu, "Classification is a Strong Baseline for Deep Metric Learning", 2019), minimised by Adam over
/// mini-batches. Starts from the discriminant projection and is deterministic for a seed.
///
/// The usual settings are soft (small steps, a low scale, much smoothing, strong shrinkage): sharper ones fit the classes of
/// the samples better and harm the search among classes that were not there.
public struct ProxyLearning: Sendable, Hashable {
  /// The dimensions to project to.
  public var outputs: Int
  /// How often every vector is seen.
  public var epochs = 20
  /// Vectors in a step.
  public var batch = 128
  /// Adam's step, relative to the size of the starting weights.
  public var learningRate: Float = 0.005
  /// What cosines are multiplied by before the softmax.
  public var scale: Float = 6
  /// The probability that is spread over all classes instead of the own one.
  public var smoothing: Float = 0.3
  /// The share of its inputs that every vector loses at random in each step, against learning by heart.
  public var dropout: Float = 0.2
  /// The shrinkage of the discriminant projection that it starts from.
  public var shrinkage = 0.7
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

/// The weights and proxies of a metric being learned, with one step of its descent.
struct ProxyModel {
  private(set) var weights: [Float]
  private var proxies: [Float]
  private var weightsAdam: Adam
  private var proxiesAdam: Adam
  private let samples: PreparedSamples
  private let slots: [Int]
  private let classes: Int
  private let outputs: Int
  private let settings: ProxyLearning

  init(start: Projection, samples: PreparedSamples, settings: ProxyLearning) {
    self.samples = samples
    self.settings = settings
    outputs = start.outputs
    let names = Array(Set(samples.labels)).sorted()
    let position = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    slots = samples.labels.map { position[$0] ?? 0 }
    classes = names.count
    // Only directions count, so the weights are brought to a root mean square of 1, which steps are relative
    // to.
    let square = start.matrix.reduce(0) { $0 + $1 * $1 } / Float(start.matrix.count)
    weights = start.matrix.map { $0 / max(square.squareRoot(), .leastNormalMagnitude) }
    proxies = [Float](repeating: 0, count: classes * start.outputs)
    weightsAdam = Adam(count: weights.count)
    proxiesAdam = Adam(count: proxies.count)
    let projected = Matrix.product(
      samples.rows,
      weights,
      rows: samples.count,
      inner: samples.dimensions,
      columns: outputs,
      transposing: .right
    )
    for row in 0..<samples.count {
      var unit = Array(projected[row * outputs..<(row + 1) * outputs])
      VectorMath.normalise(&unit)
      for index in 0..<outputs { proxies[slots[row] * outputs + index] += unit[index] }
    }
    _ = Matrix.normaliseRows(&proxies, width: outputs)
  }

  /// One step down the gradient of a mini-batch; returns its mean loss.
  mutating func step(_ chosen: [Int], rate: Float, generator: inout SeededGenerator) -> Float {
    let (count, inputs) = (chosen.count, samples.dimensions)
    let batch = self.batch(chosen, generator: &generator)
    var units = Matrix.product(
      batch,
      weights,
      rows: count,
      inner: inputs,
      columns: outputs,
      transposing: .right
    )
    let lengths = Matrix.normaliseRows(&units, width: outputs)
    var proxyUnits = proxies
    let proxyLengths = Matrix.normaliseRows(&proxyUnits, width: outputs)
    var scores = Matrix.product(
      units,
      proxyUnits,
      rows: count,
      inner: outputs,
      columns: classes,
      transposing: .right
    )
    let loss = becomeGradient(&scores, chosen)
    var unitGradient = Matrix.product(
      scores,
      proxyUnits,
      rows: count,
      inner: classes,
      columns: outputs
    )
    Matrix.throughNormalisation(&unitGradient, units: units, lengths: lengths, width: outputs)
    var proxyGradient = Matrix.product(
      scores,
      units,
      rows: classes,
      inner: count,
      columns: outputs,
      transposing: .left
    )
    Matrix.throughNormalisation(&proxyGradient, units: proxyUnits, lengths: proxyLengths, width: outputs)
    let weightGradient = Matrix.product(
      unitGradient,
      batch,
      rows: outputs,
      inner: count,
      columns: inputs,
      transposing: .left
    )
    weightsAdam.step(&weights, gradient: weightGradient, rate: rate)
    // Proxies have length 1 over all outputs, weights a root mean square of 1.
    proxiesAdam.step(&proxies, gradient: proxyGradient, rate: rate / Float(outputs).squareRoot())
    return loss
  }

  private func batch(_ chosen: [Int], generator: inout SeededGenerator) -> [Float] {
    let inputs = samples.dimensions
    let kept = 1 - settings.dropout
    let threshold = UInt64(Double(settings.dropout) * 4_294_967_296)
    var rows: [Float] = []
    rows.reserveCapacity(chosen.count * inputs)
    for row in chosen {
      for index in row * inputs..<(row + 1) * inputs {
        let stays = threshold == 0 || generator.next() >> 32 >= threshold
        rows.append(stays ? samples.rows[index] / kept : 0)
      }
    }
    return rows
  }

  /// Turns cosines into the gradient of the mean cross-entropy with respect to them; returns the loss.
  private func becomeGradient(_ scores: inout [Float], _ chosen: [Int]) -> Float {
    let (scale, spread) = (settings.scale, settings.smoothing / Float(classes))
    var loss: Float = 0
    for (row, sample) in chosen.enumerated() {
      let range = row * classes..<(row + 1) * classes
      let largest = scores[range].max() ?? 0
      var sum: Float = 0
      for index in range { sum += Float.exponential(scale * (scores[index] - largest)) }
      let logSum = Float.logarithm(sum) + scale * largest
      for index in range {
        let own = index - range.lowerBound == slots[sample]
        let target = spread + (own ? 1 - settings.smoothing : 0)
        let logit = scale * scores[index]
        loss -= target * (logit - logSum)
        scores[index] = scale * (Float.exponential(logit - logSum) - target) / Float(chosen.count)
      }
    }
    return loss / Float(chosen.count)
  }
}

/// Adam (Kingma and Ba, 2014) with its usual constants.
struct Adam {
  private var first: [Float]
  private var second: [Float]
  private var firstPower: Float = 1
  private var secondPower: Float = 1

  init(count: Int) {
    first = [Float](repeating: 0, count: count)
    second = first
  }

  mutating func step(_ values: inout [Float], gradient: [Float], rate: Float) {
    let (beta1, beta2): (Float, Float) = (0.9, 0.999)
    firstPower *= beta1
    secondPower *= beta2
    let (correction1, correction2) = (1 - firstPower, 1 - secondPower)
    for index in values.indices {
      let slope = gradient[index]
      first[index] = beta1 * first[index] + (1 - beta1) * slope
      second[index] = beta2 * second[index] + (1 - beta2) * slope * slope
      values[index] -=
        rate * (first[index] / correction1) / ((second[index] / correction2).squareRoot() + 1e-8)
    }
  }
}
