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

/// What the elements of a vector column are, independent of how a server spells the type.
public struct VectorElement: Sendable, Hashable, CustomStringConvertible {
  /// A short name for messages.
  public let description: String

  /// A kind of element with a name of its own; the dialect must know it.
  public init(_ description: String) {
    self.description = description
  }

  /// 32-bit floats: `vector(n)` with pgvector, `real[]` on AnalyticDB.
  public static let single = VectorElement("single")
  /// 16-bit floats: `halfvec(n)` with pgvector, `float2[]` on AnalyticDB.
  public static let half = VectorElement("half")
  /// Mostly zeroes: `sparsevec(n)` with pgvector.
  public static let sparse = VectorElement("sparse")
  /// Bits, for hashing and binary quantisation: `bit(n)`.
  public static let bit = VectorElement("bit")
  /// 16-bit integers: `smallint[]` on AnalyticDB.
  public static let int16 = VectorElement("int16")
}

/// How a dialect spells a vector type and what it can do with it.
public struct VectorType: Sendable {
  /// The type in a cast: `vector`, `real[]`.
  public let castName: String
  /// The schema of the extension that the type comes from, where it must be named.
  public let schema: Identifier?
  /// Whether a column of the type declares its dimension: `vector(512)`, but `real[]`.
  public let declaresDimension: Bool
  /// The most dimensions that an index takes.
  public let maximumIndexedDimension: Int
  /// How the elements are sent.
  public let encode: @Sendable ([Float]) -> SQLValue
  /// How each metric is written for this type.
  public let metrics: [Metric: MetricSpelling]
  /// The number of elements of a vector, as an expression; nil where the server has no function for it.
  public let dimensions: (@Sendable (_ column: SQL) -> SQL)?

  /// A type of a dialect.
  public init(
    castName: String,
    schema: Identifier? = nil,
    declaresDimension: Bool,
    maximumIndexedDimension: Int,
    metrics: [Metric: MetricSpelling],
    dimensions: (@Sendable (_ column: SQL) -> SQL)? = nil,
    encode: @escaping @Sendable ([Float]) -> SQLValue
  ) {
    self.castName = castName
    self.schema = schema
    self.declaresDimension = declaresDimension
    self.maximumIndexedDimension = maximumIndexedDimension
    self.encode = encode
    self.metrics = metrics
    self.dimensions = dimensions
  }

  /// The type as a column declares it: `vector(512)`, `real[]`.
  public func columnType(dimension: Int) -> String {
    declaresDimension ? "\(sqlName)(\(dimension))" : sqlName
  }

  /// The type as a cast of a query vector writes it; `bit` alone would mean `bit(1)`.
  func castType(dimension: Int) -> String {
    castName == "bit" ? "bit(\(dimension))" : sqlName
  }

  /// The type's name as SQL text has it, with the schema where it must be named.
  var sqlName: String {
    schema.map { $0.quoted + "." + castName } ?? castName
  }
}
