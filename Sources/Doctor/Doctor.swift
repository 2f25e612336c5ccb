public import ImageSearch
public import PostgresClient
public import VectorSQL

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

/// One thing that is looked at: a name, and a pure judgement of the facts.
struct Check: Sendable {
  let name: String
  let judge: @Sendable (Facts, Expectations) -> Outcome

  /// Everything that is looked at, in the order in which people read it: what comes first explains what follows.
  static let all: [Check] =
    [.engine, .extension, .dialect, .table, .dimension, .storage]
    + [.index, .operatorClass, .indexMetric, .indexOptions, .statistics]
    + [.plan, .settings, .recall, .statement]
}

extension Check {
  /// Judges all facts.
  static func findings(_ facts: Facts, _ expectations: Expectations) -> [Finding] {
    all.compactMap { check in
      if check.name == Check.statement.name, expectations.statement == nil { return nil }
      return Finding(check.name, check.judge(facts, expectations))
    }
  }
}

/// What the configuration says that a table, its index and its searches should be.
public struct Expectations: Sendable {
  /// The table and its columns.
  public var table: ImageTable
  /// The dialect that searches are written in.
  public var dialect: Dialect
  /// The metric that the index should serve; nil accepts the index's own.
  public var metric: Metric?
  /// The vectors' dimension; nil accepts the table's own.
  public var dimension: Int?
  /// Options that the index should have, as its WITH clause names them: `m`, `hnsw_m`, `ef_construction`.
  public var indexOptions: [String: String] = [:]
  /// How many rows searches ask for.
  public var topK = 20
  /// How many rows are searched for to measure recall; 0 leaves it out.
  public var sample = 20
  /// The least share of the true neighbours that the index shall find.
  public var minimumRecall = 0.9
  /// A statement of the user's own to look at.
  public var statement: String?

  /// What is expected of a table in a dialect.
  public init(table: ImageTable, dialect: Dialect) {
    self.table = table
    self.dialect = dialect
  }
}

/// What one check found.
public struct Finding: Sendable, Hashable, Encodable {
  /// How a check ended.
  public enum Verdict: String, Sendable, Hashable, Encodable {
    /// As it should be.
    case ok
    /// Something that makes searches fail, miss rows or take long.
    case wrong
    /// Not looked at; the message says why.
    case skipped
  }

  /// The check's name, such as `index metric`.
  public let check: String
  /// How it ended.
  public let verdict: Verdict
  /// One sentence: what was found.
  public let message: String
  /// The statement or command that mends it; nil unless something is wrong.
  public let remedy: String?

  init(_ check: String, _ outcome: Outcome) {
    self.check = check
    switch outcome {
    case .ok(let message): (verdict, self.message, remedy) = (.ok, message, nil)
    case .wrong(let message, let remedy): (verdict, self.message, self.remedy) = (.wrong, message, remedy)
    case .skipped(let message): (verdict, self.message, remedy) = (.skipped, message, nil)
    }
  }
}

/// What a check says of the facts.
enum Outcome: Sendable, Hashable {
  case ok(String)
  case wrong(String, remedy: String)
  case skipped(String)
}
