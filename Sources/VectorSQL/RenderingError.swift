/// Why a query, an index or a setting cannot be written for a dialect. Never holds a bound value.
public struct RenderingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of problem it is.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String

  /// A problem in one line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// The kinds of problems; more may come.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code as JSON output shows it.
    public let description: String

    /// A code of that name.
    public init(_ description: String) {
      self.description = description
    }

    /// The dialect has no such metric for the column's type.
    public static let unsupportedMetric = Code("unsupported_metric")
    /// The dialect has no such element type.
    public static let unsupportedElement = Code("unsupported_element")
    /// The dialect, or the server's version, has no such feature.
    public static let unsupportedFeature = Code("unsupported_feature")
    /// A vector's length is not the column's dimension.
    public static let dimensionMismatch = Code("dimension_mismatch")
    /// A vector holds NaN or infinity, or is zero where the metric cannot take it.
    public static let invalidVector = Code("invalid_vector")
    /// A value that PostgreSQL cannot store, such as a text with U+0000.
    public static let invalidValue = Code("invalid_value")
    /// A number is outside the range that the server documents.
    public static let outOfRange = Code("out_of_range")
    /// The parts of a statement do not fit together.
    public static let invalidShape = Code("invalid_shape")
  }
}

extension RenderingError {
  static func check(
    _ value: Int,
    in range: ClosedRange<Int>,
    _ what: String
  ) throws(RenderingError) {
    guard range.contains(value) else {
      throw RenderingError(
        .outOfRange,
        "\(what) is \(value); the range is \(range.lowerBound) to \(range.upperBound)"
      )
    }
  }
}
