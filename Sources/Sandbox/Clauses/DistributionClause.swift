/// A clause behind `CREATE TABLE` that AnalyticDB and Greenplum read and stock PostgreSQL's parser does not.
public struct DistributionClause: Sendable, Hashable {
  /// The three ways to write it.
  public enum Kind: Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// `DISTRIBUTED BY (column, …)`.
    case by
    /// `DISTRIBUTED RANDOMLY`.
    case randomly
    /// `DISTRIBUTED REPLICATED`.
    case replicated

    /// The clause as it is written.
    public var description: String {
      switch self {
      case .by: "DISTRIBUTED BY (…)"
      case .randomly: "DISTRIBUTED RANDOMLY"
      case .replicated: "DISTRIBUTED REPLICATED"
      }
    }
  }

  /// How it is written.
  public let kind: Kind
  /// Its bytes, counted from the start of the SQL text.
  public let range: Range<Int>

  /// The clause moved by some bytes.
  func shifted(by offset: Int) -> DistributionClause {
    DistributionClause(kind: kind, range: range.lowerBound + offset..<range.upperBound + offset)
  }
}
