public import PostgresClient

/// Looks at a server, a table, its index and its searches, and says what is right, what is wrong, and the statement
/// that mends it.
///
///     let findings = try await Doctor(expectations).examine(connection)
///     let isHealthy = !findings.contains { $0.verdict == .wrong }
///
/// It changes nothing: searches run in transactions that only read.
public struct Doctor: Sendable {
  private let expectations: Expectations

  /// A doctor who knows what should be.
  public init(_ expectations: Expectations) {
    self.expectations = expectations
  }

  /// Reads the facts, then judges them.
  /// - Throws: `PostgresError` when the connection is lost or the catalogue cannot be read.
  public func examine(_ connection: PostgresConnection) async throws -> [Finding] {
    Doctor.judge(try await Facts.read(expectations, from: connection), expectations)
  }

  /// Judges facts that were read before; every check, in the order of the report.
  public static func judge(_ facts: Facts, _ expectations: Expectations) -> [Finding] {
    Check.findings(facts, expectations)
  }
}
