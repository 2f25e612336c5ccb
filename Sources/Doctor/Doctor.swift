package import ImageSearch
package import PostgresClient
package import VectorSQL

/// Examines a server, a table, its index and its searches: what is right, what is wrong, and the statement or command
/// that fixes it on this server.
///
///     let findings = try await Doctor(expectations).examine(connection)
///     let isHealthy = !findings.contains { $0.severity == .wrong }
///
/// It changes nothing: searches run in transactions that only read.
package struct Doctor: Sendable {
  private let expectations: Expectations

  /// A doctor who knows what should be.
  package init(_ expectations: Expectations) {
    self.expectations = expectations
  }

  /// Reads the facts, then judges them.
  /// - Throws: `PostgresError` when the connection is lost or the catalogue cannot be read.
  package func examine(_ connection: PostgresConnection) async throws -> [Finding] {
    var expectations = expectations
    let server = try await connection.capabilities()
    if let schema = server.qualifier(of: expectations.dialect.indexExtension.name) {
      expectations.dialect = expectations.dialect.naming(extensionSchema: schema)
    }
    return Doctor.judge(try await Facts.read(expectations, from: connection), expectations)
  }

  /// Judges facts that were read before; every check, in the order of the report.
  static func judge(_ facts: Facts, _ expectations: Expectations) -> [Finding] {
    Check.all.compactMap { check in
      if check.name == Check.statement.name, expectations.statement == nil { return nil }
      if check.name == Check.shards.name, !facts.server.isDistributed { return nil }
      return Finding(check.name, check.judge(facts, expectations))
    }
  }
}

/// One thing that is examined: a name, and a pure judgement of the facts.
struct Check: Sendable {
  let name: String
  let judge: @Sendable (Facts, Expectations) -> Judgement

  /// Everything that is examined, in the order in which people read it: what comes first explains what follows.
  static let all: [Check] =
    [.engine, .extension, .dialect, .table, .recipe, .dimension, .vectors, .embeddings, .storage]
    + [.index, .operatorClass, .indexMetric, .indexOptions, .shards, .statistics]
    + [.plan, .settings, .recall, .statement]
}

/// What a check says of the facts.
enum Judgement: Sendable, Hashable {
  case ok(String)
  case warning(String, fix: String)
  case wrong(String, fix: String)
  case skipped(String)
}

/// What the configuration says that a table, its index and its searches should be.
package struct Expectations: Sendable {
  /// The table and its columns.
  package var table: ImageTable
  /// The dialect that searches are written in.
  package var dialect: Dialect
  /// The metric that the index should serve; nil accepts the index's own.
  package var metric: Metric?
  /// The vectors' dimension; nil accepts the table's own.
  package var dimension: Int?
  /// Options that the index should have, as its WITH clause names them: `m`, `hnsw_m`, `ef_construction`.
  package var indexOptions: [String: String] = [:]
  /// The number of rows that searches ask for.
  package var topK = 20
  /// The number of rows that are searched for to measure recall; 0 leaves it out.
  package var sample = 20
  /// The number of images that are embedded again and compared with their rows; 0 leaves it out. Of 150 images at least
  /// one is foreign with a probability of .9995 where 5 % of the rows are.
  package var images = 150
  /// Embeds the images of rows by a table's recipe, from where the rows say that they lie: nil for one that cannot be
  /// read. It may give fewer than it was given, when it takes too long. Nil where there is no model.
  package var embed: (@Sendable (RecordedRecipe, [String]) async throws -> [[Float]?])?
  /// The least share of the true neighbours that the index must find.
  package var minimumRecall = 0.9
  /// A statement of the user's own to examine.
  package var statement: String?

  /// What is expected of a table in a dialect.
  package init(table: ImageTable, dialect: Dialect) {
    self.table = table
    self.dialect = dialect
  }
}

extension Expectations {
  /// What the parameters of migrations say of the table and its index; a metric that was chosen stays.
  /// - Parameter parameters: their values as they are given on a command line, by name.
  package mutating func add(parameters: [String: String]) {
    dimension = parameters["dim"].flatMap { Int($0) }
    if metric == nil { metric = parameters["distance"].flatMap { Metric(name: $0) } }
    for (parameter, option) in dialect.indexExtension.optionsByParameter {
      guard let text = parameters[parameter] else { continue }
      indexOptions[option] = ["true": "1", "false": "0"][text] ?? text
    }
  }

  /// The dimension as far as a vector can have it: sizes are computed from it, and a user may write any number.
  var plausibleDimension: Int? { dimension.flatMap { (1...1_000_000).contains($0) ? $0 : nil } }
}

/// What one check found.
package struct Finding: Sendable, Hashable, Encodable {
  /// How serious a finding is.
  package enum Severity: String, Sendable, Hashable, Encodable {
    /// As it should be.
    case ok
    /// Nothing fails today; the fix avoids a known problem.
    case warning
    /// Something that makes searches fail, miss rows or take long.
    case wrong
    /// Not examined; the message says why.
    case skipped
  }

  /// The check's name, such as `index metric`.
  package let check: String
  /// How serious it is.
  package let severity: Severity
  /// One sentence: what was found.
  package let message: String
  /// The statement or command that fixes it; nil unless something is wrong.
  package let fix: String?

  init(_ check: String, _ judgement: Judgement) {
    self.check = check
    switch judgement {
    case .ok(let message): (severity, self.message, fix) = (.ok, message, nil)
    case .warning(let message, let fix): (severity, self.message, self.fix) = (.warning, message, fix)
    case .wrong(let message, let fix): (severity, self.message, self.fix) = (.wrong, message, fix)
    case .skipped(let message): (severity, self.message, fix) = (.skipped, message, nil)
    }
  }

  /// `verdict` and `remedy` are version 1's names of `severity` and `fix`, for programs that read them.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(check, forKey: .check)
    try container.encode(severity, forKey: .severity)
    try container.encode(severity, forKey: .verdict)
    try container.encode(message, forKey: .message)
    try container.encodeIfPresent(fix, forKey: .fix)
    try container.encodeIfPresent(fix, forKey: .remedy)
  }

  private enum Key: CodingKey { case check, severity, verdict, message, fix, remedy }
}
