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
