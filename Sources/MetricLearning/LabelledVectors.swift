/// Vectors of one length with the class of each, to learn from and to measure with.
public struct LabelledVectors: Sendable, Hashable {
  /// The length of every vector.
  public let dimensions: Int

  /// The vectors, one behind the other.
  public let values: [Float]

  /// The class of each vector; any whole numbers.
  public let labels: [Int]

  /// The number of vectors.
  public var count: Int { labels.count }

  /// Takes vectors that lie one behind the other.
  ///
  /// - Throws: `ProjectionError` with code `shape` when there are not as many values as labels times
  ///   dimensions.
  public init(dimensions: Int, values: [Float], labels: [Int]) throws {
    guard dimensions > 0, values.count == labels.count * dimensions else {
      throw ProjectionError(
        .shape,
        "\(values.count) values are not \(labels.count) vectors of \(dimensions) values"
      )
    }
    self.dimensions = dimensions
    self.values = values
    self.labels = labels
  }

  /// Takes vectors given one by one.
  ///
  /// - Throws: `ProjectionError` with code `shape` when there are none, their lengths differ, or the labels
  ///   are not as many.
  public init(vectors: [[Float]], labels: [Int]) throws {
    guard let first = vectors.first, vectors.count == labels.count else {
      throw ProjectionError(.shape, "\(vectors.count) vectors cannot have \(labels.count) labels")
    }
    guard vectors.allSatisfy({ $0.count == first.count }) else {
      throw ProjectionError(.shape, "the vectors differ in length")
    }
    try self.init(dimensions: first.count, values: vectors.flatMap { $0 }, labels: labels)
  }

  /// Some of the vectors, by their positions.
  func rows(_ positions: [Int]) -> LabelledVectors {
    var chosen: [Float] = []
    chosen.reserveCapacity(positions.count * dimensions)
    for row in positions { chosen += values[row * dimensions..<(row + 1) * dimensions] }
    return LabelledVectors(trusted: dimensions, chosen, positions.map { labels[$0] })
  }

  private init(trusted dimensions: Int, _ values: [Float], _ labels: [Int]) {
    (self.dimensions, self.values, self.labels) = (dimensions, values, labels)
  }

  /// The vectors after a projection.
  ///
  /// - Throws: `ProjectionError` with code `shape` when the projection takes vectors of another length.
  public func projected(by projection: Projection) throws -> LabelledVectors {
    let projected = try projection.apply(toRows: values)
    return try LabelledVectors(dimensions: projection.outputs, values: projected, labels: labels)
  }
}

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
