/// What "near" means. One value decides the operator of the query, the number shown and the option of the index, so
/// that query and index cannot disagree.
///
/// | metric | distance | similarity |
/// |---|---|---|
/// | ``l2`` | √Σ(aᵢ−bᵢ)² | 1 / (1 + distance) |
/// | ``innerProduct`` | −Σaᵢbᵢ | Σaᵢbᵢ |
/// | ``cosine`` | 1 − Σaᵢbᵢ / (‖a‖‖b‖) | 1 − distance |
/// | ``l1`` | Σ\|aᵢ−bᵢ\| | 1 / (1 + distance) |
/// | ``hamming`` | bits that differ | 1 / (1 + distance) |
/// | ``jaccard`` | 1 − \|a∧b\| / \|a∨b\| | 1 − distance |
public struct Metric: Sendable, Hashable, CustomStringConvertible {
  /// The name used on the command line and in settings: `l2`, `ip`, `cosine` …
  public let description: String
  /// The name for people: "Euclidean distance".
  public let title: String

  /// A metric that a dialect defines beyond the ones here.
  public init(_ name: String, title: String) {
    description = name
    self.title = title
  }

  /// Two metrics are the same when their names are.
  public static func == (left: Metric, right: Metric) -> Bool { left.description == right.description }

  /// Hashes the name.
  public func hash(into hasher: inout Hasher) { hasher.combine(description) }

  /// Euclidean distance.
  public static let l2 = Metric("l2", title: "Euclidean distance")
  /// Inner product; larger is nearer, so the distance is its negative.
  public static let innerProduct = Metric("ip", title: "negative inner product")
  /// Cosine distance, 0…2.
  public static let cosine = Metric("cosine", title: "cosine distance")
  /// Taxicab distance; pgvector only.
  public static let l1 = Metric("l1", title: "taxicab distance")
  /// The number of bits that differ; bit vectors of pgvector only.
  public static let hamming = Metric("hamming", title: "Hamming distance")
  /// Jaccard distance; bit vectors of pgvector only.
  public static let jaccard = Metric("jaccard", title: "Jaccard distance")

  /// The metrics defined here, in the order of the table above.
  public static let all: [Metric] = [.l2, .innerProduct, .cosine, .l1, .hamming, .jaccard]

  /// The metric of that name, as people write it on a command line.
  public init?(name: String) {
    guard let metric = Metric.all.first(where: { $0.description == name.lowercased() }) else { return nil }
    self = metric
  }

  /// Whether a zero vector has no distance to anything under this metric.
  public var refusesZeroVector: Bool { self == .cosine }
}

/// How one dialect writes one metric for one vector type.
public struct MetricSpelling: Sendable {
  /// Two operands in, an expression out.
  public typealias Pair = @Sendable (_ column: SQL, _ query: SQL) -> SQL

  /// What an index orders by: `column <-> query`, ascending.
  public let order: Pair
  /// The true distance, computed from the operands; the same number on every dialect.
  public let distance: Pair
  /// An expression with the order of `distance` that no index can serve, for exact search.
  public let exactOrder: Pair
  /// The true distance where no index is used.
  public let exactDistance: Pair
  /// The dialect's own distance function, as tutorials show it (`l2_distance(column, query)`).
  public let function: Pair
  /// Larger is nearer.
  public let similarity: Pair
  /// What the index is told: an operator class (`vector_l2_ops`) or an option's value (`l2`).
  public let indexOption: String

  /// A spelling from its parts.
  public init(
    order: @escaping Pair,
    distance: @escaping Pair,
    exactOrder: @escaping Pair,
    exactDistance: @escaping Pair,
    function: @escaping Pair,
    similarity: @escaping Pair,
    indexOption: String
  ) {
    self.order = order
    self.distance = distance
    self.exactOrder = exactOrder
    self.exactDistance = exactDistance
    self.function = function
    self.similarity = similarity
    self.indexOption = indexOption
  }
}

/// A smaller copy of a vector that a first, coarse pass of a search compares.
public enum Quantization: String, Sendable, Hashable, CaseIterable {
  /// One bit an element, its sign; compared with Hamming distance.
  case binary
  /// Sixteen bits an element; compared with the search's own metric.
  case half
}

/// How a dialect computes a smaller copy; index and query use the same expression, so that they match.
public struct Quantizer: Sendable {
  /// An operand and its dimension in, the smaller copy out.
  public typealias Cast = @Sendable (_ operand: SQL, _ dimension: Int) -> SQL

  /// The kind of elements of the copy.
  public let element: VectorElement
  /// The metric of the first pass; nil for the search's own.
  public let metric: Metric?
  /// The copy of the column, as the index has it.
  public let column: Cast
  /// The copy of the query vector.
  public let query: Cast

  /// A quantizer from its parts.
  public init(
    element: VectorElement,
    metric: Metric?,
    column: @escaping Cast,
    query: @escaping Cast
  ) {
    self.element = element
    self.metric = metric
    self.column = column
    self.query = query
  }
}

/// A first pass that fetches more rows than are wanted, to be put in exact order afterwards.
public struct FirstPass: Sendable, Hashable {
  /// What the pass compares; nil for the index on the column itself, which may be quantised inside (AnalyticDB's
  /// `pq_enable`).
  public let quantization: Quantization?
  /// How many rows the pass fetches.
  public let candidates: Int

  /// A pass over smaller copies of the vectors.
  public init(_ quantization: Quantization?, candidates: Int) {
    self.quantization = quantization
    self.candidates = candidates
  }

  /// A pass over the index on the column itself.
  public static func index(candidates: Int) -> FirstPass { FirstPass(nil, candidates: candidates) }

  /// A pass over one bit an element.
  public static func binary(candidates: Int) -> FirstPass { FirstPass(.binary, candidates: candidates) }

  /// A pass over half-precision elements.
  public static func half(candidates: Int) -> FirstPass { FirstPass(.half, candidates: candidates) }
}

extension Dialect {
  func quantizer(_ quantization: Quantization) throws(RenderingError) -> Quantizer {
    guard let quantizer = quantizers[quantization] else {
      throw RenderingError(
        .unsupportedFeature,
        "the dialect \(name) has no \(quantization.rawValue) quantisation"
      )
    }
    return quantizer
  }
}
