internal import COpenBLAS

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
  private let settings: MetricLearning

  init(start: Projection, samples: PreparedSamples, settings: MetricLearning) {
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
      rightTransposed: true
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
      rightTransposed: true
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
      rightTransposed: true
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
      leftTransposed: true
    )
    Matrix.throughNormalisation(&proxyGradient, units: proxyUnits, lengths: proxyLengths, width: outputs)
    let weightGradient = Matrix.product(
      unitGradient,
      batch,
      rows: outputs,
      inner: count,
      columns: inputs,
      leftTransposed: true
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
