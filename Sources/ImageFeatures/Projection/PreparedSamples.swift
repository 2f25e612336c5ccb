/// Vectors as the fits want them: length made 1 if asked, mean taken off.
struct PreparedSamples {
  let dimensions: Int
  let mean: [Float]
  let rows: [Float]
  let labels: [Int]

  var count: Int { labels.count }

  /// - Throws: `ProjectionError` with code `samples` when there are fewer than two.
  init(_ samples: LabelledVectors, normalised: Bool) throws {
    guard samples.count >= 2 else {
      throw ProjectionError(.samples, "a projection needs at least two vectors to learn from")
    }
    dimensions = samples.dimensions
    labels = samples.labels
    var rows = samples.values
    let (dimensions, count) = (samples.dimensions, samples.count)
    if normalised {
      rows.withUnsafeMutableBufferPointer { rows in
        for row in 0..<count {
          VectorMath.normalise(
            UnsafeMutableBufferPointer(rebasing: rows[row * dimensions..<(row + 1) * dimensions])
          )
        }
      }
    }
    var sum = [Double](repeating: 0, count: dimensions)
    for index in rows.indices { sum[index % dimensions] += Double(rows[index]) }
    let mean = sum.map { Float($0 / Double(count)) }
    for index in rows.indices { rows[index] -= mean[index % dimensions] }
    self.mean = mean
    self.rows = rows
  }

  /// The mean of each class and the rows' distances from it.
  func byClass() -> (means: [[Double]], counts: [Int], deviations: [Float]) {
    let classes = Array(Set(labels)).sorted()
    let position = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    let slots = labels.map { position[$0] ?? 0 }
    var means = [[Double]](repeating: [Double](repeating: 0, count: dimensions), count: classes.count)
    var counts = [Int](repeating: 0, count: classes.count)
    for (row, slot) in slots.enumerated() {
      counts[slot] += 1
      for index in 0..<dimensions { means[slot][index] += Double(rows[row * dimensions + index]) }
    }
    for slot in classes.indices { means[slot] = means[slot].map { $0 / Double(counts[slot]) } }
    var deviations = rows
    for (row, slot) in slots.enumerated() {
      for index in 0..<dimensions { deviations[row * dimensions + index] -= Float(means[slot][index]) }
    }
    return (means, counts, deviations)
  }
}
