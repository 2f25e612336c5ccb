/// A column of vectors: not comparable with ordinary values, and the only thing that a distance is taken of.
public struct VectorColumn: Sendable, Hashable {
  /// The column's name.
  public let name: Identifier
  /// The number of elements in each vector; nil where it is not known, which skips the check.
  public let dimension: Int?
  /// The kind of elements; nil for the dialect's own (`vector(n)`, `real[]`).
  public let element: VectorElement?

  /// A vector column.
  public init(_ name: Identifier, dim dimension: Int?, element: VectorElement? = nil) {
    self.name = name
    self.dimension = dimension
    self.element = element
  }

  /// The quoted name.
  public var sql: SQL { .identifier(name) }

  /// Checks a query vector against the column and the metric before anything is sent.
  /// - Throws: `RenderingError` with code `dimensionMismatch` or `invalidVector`.
  public func check(_ vector: [Float], for metric: Metric? = nil) throws(RenderingError) {
    if let dimension, vector.count != dimension {
      throw RenderingError(
        .dimensionMismatch,
        "the column \(name.quoted) has \(dimension) dimensions, the vector has \(vector.count)"
      )
    }
    guard !vector.isEmpty else { throw RenderingError(.invalidVector, "the vector is empty") }
    if let index = vector.firstIndex(where: { !$0.isFinite }) {
      throw RenderingError(
        .invalidVector,
        "element \(index) of the vector is \(vector[index].isNaN ? "NaN" : "infinite"); all must be finite"
      )
    }
    if metric?.refusesZeroVector == true, vector.allSatisfy({ $0 == 0 }) {
      throw RenderingError(.invalidVector, "the vector is zero, which has no cosine distance to anything")
    }
  }
}
