public import ImageSearch
public import PostgresClient
internal import SQLLexer
public import VectorSQL

/// What was read of a server, a table, its index and a sample of searches: all that the checks judge.
public struct Facts: Sendable {
  /// What the server is.
  public var server: ServerCapabilities
  /// The database's name.
  public var database: String
  /// Operator classes of the vector index methods in this database.
  public var operatorClasses: Set<OperatorClass> = []
  /// The table; nil when it is not there.
  public var table: VectorTable?
  /// A look at the first vectors.
  public var vectors: VectorCensus?
  /// What the server keeps of the table for its planner.
  public var statistics: TableStatistics?
  /// The plan of a search.
  public var plan: SearchPlan?
  /// The search settings in force for a new session, by name.
  public var settings: [String: String] = [:]
  /// Searches made by the index and exactly.
  public var trials: [SearchTrial] = []
  /// Why searches could not be tried, in the server's words.
  public var searchError: String?
  /// The user's own statement as the server would run it; nil when there is none, or it cannot be planned.
  public var statementPlan: StatementPlan?

  /// Facts of a server.
  public init(server: ServerCapabilities, database: String) {
    self.server = server
    self.database = database
  }

  /// An operator class and the index method that it belongs to.
  public struct OperatorClass: Sendable, Hashable {
    let method: String
    let name: String

    /// A class of a method.
    public init(method: String, name: String) {
      self.method = method
      self.name = name
    }
  }

  /// How many vectors were looked at, and how long they are.
  public struct VectorCensus: Sendable, Hashable {
    var rows: Int
    var vectors: Int
    var leastDimension: Int?
    var greatestDimension: Int?

    /// A look at some rows.
    public init(rows: Int, vectors: Int, leastDimension: Int?, greatestDimension: Int?) {
      self.rows = rows
      self.vectors = vectors
      self.leastDimension = leastDimension
      self.greatestDimension = greatestDimension
    }
  }

  /// The planner's knowledge of a table (`pg_stat_all_tables`, `pg_class`).
  public struct TableStatistics: Sendable, Hashable {
    var liveRows: Int
    var changedRows: Int
    var isAnalyzed: Bool

    /// Statistics of a table.
    public init(liveRows: Int, changedRows: Int, isAnalyzed: Bool) {
      self.liveRows = liveRows
      self.changedRows = changedRows
      self.isAnalyzed = isAnalyzed
    }
  }

  /// What the server said of the user's own statement.
  public enum StatementPlan: Sendable, Hashable {
    /// The lines of `EXPLAIN`.
    case lines([String])
    /// The server's error, or why it was not asked.
    case refused(String)
  }
}

extension Facts {
  /// Reads everything that can be read; what is missing leaves its facts empty and is no error.
  /// - Throws: `PostgresError` when the connection is lost or the catalogue cannot be read.
  static func read(_ expectations: Expectations, from connection: PostgresConnection) async throws -> Facts {
    let server = try await connection.capabilities()
    var facts = Facts(server: server, database: try await text("SELECT current_database()", connection))
    facts.operatorClasses = try await operatorClasses(connection)
    let names = expectations.table
    do {
      facts.table = try await VectorTable.read(names.name, vectorColumn: names.vectorColumn, from: connection)
    } catch is VectorTableError {
      return facts
    }
    guard let table = facts.table else { return facts }
    facts.statistics = try await statistics(table, connection)
    facts.vectors = try await census(table, expectations, connection)
    try await facts.search(expectations, connection)
    facts.settings = try await settings(expectations.dialect, connection)
    if let statement = expectations.statement {
      facts.statementPlan = try await plan(statement, connection)
    }
    return facts
  }

  private static func text(_ sql: StaticString, _ connection: PostgresConnection) async throws -> String {
    try await connection.query(Statement(sql)).first?.value(at: 0, as: String.self) ?? ""
  }

  private static func operatorClasses(_ connection: PostgresConnection) async throws -> Set<OperatorClass> {
    let query: Statement = Statement(
      """
      SELECT a.amname::text, o.opcname::text FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod
      WHERE a.amname IN ('hnsw', 'ivfflat', 'ann')
      """
    )
    return Set(
      try await connection.query(query).map { row in
        let (method, name) = try row.decode(String.self, String.self)
        return OperatorClass(method: method, name: name)
      }
    )
  }

  /// A session reports its inserts up to a second late, also behind an ANALYZE that has seen them; such rows are in
  /// `reltuples` and do not count as changed.
  private static func statistics(
    _ table: VectorTable,
    _ connection: PostgresConnection
  ) async throws -> TableStatistics? {
    let query = Statement(
      """
      SELECT s.n_live_tup,
             LEAST(s.n_mod_since_analyze, s.n_tup_upd + s.n_tup_del + abs(s.n_live_tup - CAST(c.reltuples AS bigint))),
             coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL
      FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.relid = CAST($1::text AS regclass)
      """,
      binds: [.text(table.name.quoted)]
    )
    return try await connection.query(query).first.map { row in
      let (live, changed, analyzed) = try row.decode(Int64.self, Int64.self, Bool.self)
      return TableStatistics(
        liveRows: Int(live),
        changedRows: Int(changed),
        isAnalyzed: analyzed || table.estimatedRows > 0
      )
    }
  }

  /// The first 10,000 rows, as they lie: the whole table would take minutes where it is large.
  private static func census(
    _ table: VectorTable,
    _ expectations: Expectations,
    _ connection: PostgresConnection
  ) async throws -> VectorCensus? {
    guard let column = table.column(expectations.table.vectorColumn), let element = column.element,
      let type = Dialect.all.lazy.compactMap({ $0.vectorTypes[element] })
        .first(where: { $0.castName == column.typeName }),
      let dimensions = type.dimensions
    else { return nil }
    let length = dimensions("\(id: expectations.table.vectorColumn)")
    let sql: SQL = """
      SELECT count(*), count(\(id: "length")), min(\(id: "length")), max(\(id: "length")) FROM \
      (SELECT \(length) AS \(id: "length") FROM \(table: table.name) LIMIT 10000) AS \(id: "rows")
      """
    let row = try await connection.query(try sql.rendered(for: expectations.dialect)).first
    return try row.map { row in
      let (rows, vectors, least, greatest) = try row.decode(Int64.self, Int64.self, Int?.self, Int?.self)
      return VectorCensus(
        rows: Int(rows),
        vectors: Int(vectors),
        leastDimension: least,
        greatestDimension: greatest
      )
    }
  }

  /// Plans one search and tries some, with rows of the table itself.
  private mutating func search(
    _ expectations: Expectations,
    _ connection: PostgresConnection
  ) async throws {
    do {
      let query = try await ImageQuery.read(
        table: expectations.table,
        dialect: expectations.dialect,
        metric: expectations.metric,
        from: connection
      )
      let searcher = ImageSearcher(query: query, connections: connection)
      let requests = try await searcher.sample(max(1, expectations.sample), label: nil)
        .map { ImageSearchRequest(.id($0.id), topK: expectations.topK) }
      guard let first = requests.first else { return }
      plan = try await searcher.plan(first).plan
      guard expectations.sample > 0, table?.vectorIndexes.contains(where: \.isValid) == true else { return }
      for request in requests { trials.append(try await searcher.trial(request)) }
    } catch let error as PostgresError where error.isConnectionProblem {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      searchError = "\(error)"
    }
  }

  /// The settings as a new session has them; the extension's are known once it was used.
  private static func settings(
    _ dialect: Dialect,
    _ connection: PostgresConnection
  ) async throws -> [String: String] {
    let query = Statement(
      "SELECT name, setting FROM pg_settings WHERE name LIKE 'hnsw.%' OR name LIKE 'ivfflat.%' OR name LIKE 'fastann.%'"
    )
    let pairs = try await connection.query(query).map { try $0.decode(String.self, String.self) }
    return Dictionary(pairs.map { ($0.0, $0.1) }, uniquingKeysWith: { $1 })
  }

  /// Plans a statement of the user's, and runs nothing of it.
  private static func plan(_ text: String, _ connection: PostgresConnection) async throws -> StatementPlan {
    let script = Script(text)
    guard script.errors.isEmpty, script.statements.count == 1, let statement = script.statements.first else {
      return .refused("it must be one statement, and has \(script.statements.count)")
    }
    guard
      ["select", "with", "table", "values"].contains(where: { statement.text.lowercased().hasPrefix($0) })
    else {
      return .refused("it is no SELECT")
    }
    let hasParameters = statement.tokens.contains { $0.kind == .parameter }
    let server = try await connection.capabilities()
    guard !hasParameters || server.serverVersion >= 160_000 else {
      return .refused("it has parameters, which this server cannot plan without values; write them out")
    }
    let explain = hasParameters ? "EXPLAIN (GENERIC_PLAN) " : "EXPLAIN "
    do {
      let answers = try await connection.transaction { connection in
        try await connection.run("SET LOCAL transaction_read_only = on")
        return try await connection.run(trusted: explain + statement.text)
      }
      return .lines(answers.flatMap(\.rows).compactMap { $0.first ?? nil })
    } catch let error as PostgresError where !error.isConnectionProblem {
      return .refused("the server refuses it: \(error.message)")
    }
  }
}

extension Check {
  /// A statement of the user's own: traps in its text, then what the server would do.
  static let statement = Check(name: "statement") { facts, expectations in
    guard let text = expectations.statement else { return .skipped("none was given") }
    let traps = QueryTraps(
      text,
      dialect: expectations.dialect,
      column: expectations.table.vectorColumn
    ).traps
    if !traps.isEmpty {
      return .wrong(
        traps.map(\.message).joined(separator: "; "),
        remedy: traps.map(\.remedy).joined(separator: "; ")
      )
    }
    switch facts.statementPlan {
    case nil: return .skipped("the server was not asked")
    case .refused(let reason): return .wrong(reason, remedy: "mend the statement")
    case .lines(let lines):
      guard let index = SearchPlan.orderingIndex(in: lines) else {
        return .wrong(
          "the server would not use a vector index for it",
          remedy: "order by the operator of the index's metric, with a constant or parameter of the column's "
            + "type on the other side, and a LIMIT; EXPLAIN shows the plan"
        )
      }
      return .ok("the server would use \(index)")
    }
  }
}
