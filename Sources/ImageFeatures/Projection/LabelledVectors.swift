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

  /// The same vectors with other labels, for instance coarse ones.
  ///
  /// - Throws: `ProjectionError` with code `shape` when there are not as many labels as vectors.
  public func relabelled(_ labels: [Int]) throws -> LabelledVectors {
    try LabelledVectors(dimensions: dimensions, values: values, labels: labels)
  }

  /// The vectors after a projection.
  ///
  /// - Throws: `ProjectionError` with code `shape` when the projection takes vectors of another length.
  public func projected(by projection: Projection) throws -> LabelledVectors {
    let projected = try projection.apply(toRows: values)
    return try LabelledVectors(dimensions: projection.outputs, values: projected, labels: labels)
  }
}
