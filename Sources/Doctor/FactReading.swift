internal import ImageSearch
internal import PostgresClient
internal import SQLLexer
internal import Tuning
internal import VectorSQL

extension Facts {
  /// Reads everything that can be read; what is missing leaves its facts empty and is not an error.
  /// - Throws: `PostgresError` when the connection is lost or the catalogue cannot be read.
  static func read(_ expectations: Expectations, from connection: PostgresConnection) async throws -> Facts {
    let server = try await connection.capabilities()
    var facts = Facts(server: server, database: "")
    (facts.database, facts.ownsDatabase, facts.role) = try await connection.query(
      """
      SELECT d.datname::text, pg_has_role(d.datdba, 'USAGE'), current_user::text FROM pg_database d
      WHERE d.datname = current_database()
      """
    )[0].decode(String.self, Bool.self, String.self)
    facts.operatorClasses = try await operatorClasses(connection)
    facts.extensionFiles = try await extensionFiles(server, connection)
    let names = expectations.table
    do {
      facts.table = try await VectorTable.read(names.name, vectorColumn: names.vectorColumn, from: connection)
    } catch is VectorTableError {
      facts.appliedMigrations = try await appliedMigrations(connection)
      return facts
    }
    guard let table = facts.table else { return facts }
    facts.parts = try await parts(table, connection)
    facts.isAppendOptimised = try await isAppendOptimised(table, server, connection)
    facts.builds = try await builds(table, server, connection)
    facts.recipe = try await RecipeStore(table: table.name, column: names.vectorColumn, on: connection)
      .read(connection)
    facts.shards = try await shards(table, server, connection)
    facts.placement = try await placement(table, idColumn: names.idColumn, server, connection)
    facts.statistics =
      try await statistics(table, server, connection) ?? statistics(of: facts.shards)
    if let problem = facts.shards.lazy.compactMap(\.problem).first {
      facts.searchError = problem
      return facts
    }
    try await facts.search(expectations, connection)
    if server.engine.placement == .function {
      facts.shards = try await counted(
        facts.indexTrials,
        on: facts.shards,
        of: table,
        by: names.idColumn,
        connection
      )
    }
    if !facts.lacksRight {
      facts.vectors = try await census(table, expectations, server, connection)
      if table.hasRows { facts.sample = try await sample(table, expectations, facts.recipe, connection) }
    }
    facts.settings = try await settings(connection)
    if let statement = expectations.statement {
      facts.statementPlan = try await plan(statement, connection)
    }
    return facts
  }

  private static func appliedMigrations(_ connection: PostgresConnection) async throws -> [String] {
    let history: Statement =
      "SELECT 1 WHERE has_table_privilege(to_regclass('public.adbvec_migrations')::oid, 'SELECT')"
    guard try await !connection.query(history).isEmpty else { return [] }
    let versions: Statement =
      "SELECT version FROM public.adbvec_migrations WHERE state = 'applied' ORDER BY applied_order"
    return try await connection.query(versions).map { try $0.value(at: 0, as: String.self) }
  }

  private static func operatorClasses(_ connection: PostgresConnection) async throws -> Set<OperatorClass> {
    let query: Statement =
      """
      SELECT a.amname::text, o.opcname::text FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod
      WHERE a.amname IN ('hnsw', 'ivfflat', 'ann')
      """
    return Set(
      try await connection.query(query).map { row in
        let (method, name) = try row.decode(String.self, String.self)
        return OperatorClass(method: method, name: name)
      }
    )
  }

  /// What `CREATE EXTENSION` would find. Trusted extensions, which need no superuser, came with PostgreSQL 13.
  private static func extensionFiles(
    _ server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws -> [String: ExtensionFiles] {
    let query: Statement =
      server.serverVersion >= 130_000
      ? """
      SELECT e.name::text, e.default_version, bool_or(v.trusted)
      FROM pg_available_extensions e
      JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
      WHERE e.name IN ('vector', 'fastann') GROUP BY 1, 2
      """
      : """
      SELECT name::text, default_version, false FROM pg_available_extensions WHERE name IN ('vector', 'fastann')
      """
    let rows = try await connection.query(query).map { try $0.decode(String.self, String.self, Bool.self) }
    return Dictionary(
      rows.map { name, version, isTrusted in
        let mayCreate = server.isSuperuser || isTrusted && server.canCreateInDatabase
        return (name, ExtensionFiles(version: version, mayCreate: mayCreate))
      },
      uniquingKeysWith: { $1 }
    )
  }

  private static func parts(_ table: VectorTable, _ connection: PostgresConnection) async throws -> [Part] {
    let query = Statement(
      """
      SELECT h.inhrelid::regclass::text, x.name, x.parent, coalesce(x.indisvalid, false), coalesce(x.definition, '')
      FROM pg_inherits h
      LEFT JOIN (
        SELECT i.indrelid, i.indexrelid::regclass::text AS name, p.inhparent::regclass::text AS parent, i.indisvalid,
               pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_am m ON m.oid = c.relam AND m.amname IN ('hnsw', 'ivfflat', 'ann')
        LEFT JOIN pg_inherits p ON p.inhrelid = i.indexrelid
      ) x ON x.indrelid = h.inhrelid
      WHERE h.inhparent = $1::int8::oid ORDER BY 1, 2
      """,
      binds: [.int8(Int64(table.oid))]
    )
    var parts: [Part] = []
    for row in try await connection.query(query) {
      let (part, index, parent, isValid, definition) = try row.decode(
        String.self,
        String?.self,
        String?.self,
        Bool.self,
        String.self
      )
      if parts.last?.name != part { parts.append(Part(name: part)) }
      guard let index else { continue }
      let found = Part.Index(name: index, parent: parent, isValid: isValid, definition: definition)
      parts[parts.count - 1].indexes.append(found)
    }
    return parts
  }

  /// Greenplum 6 has a column for it in `pg_class`; from 7 on it is an access method.
  private static func isAppendOptimised(
    _ table: VectorTable,
    _ server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws -> Bool {
    guard server.canDistribute else { return false }
    let query =
      server.serverVersion >= 120_000
      ? "SELECT a.amname LIKE 'ao%' FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = $1::int8::oid"
      : "SELECT relstorage IN ('a', 'c') FROM pg_class WHERE oid = $1::int8::oid"
    do {
      let rows = try await connection.query(Statement(trusted: query, binds: [.int8(Int64(table.oid))]))
      return try rows.first?.value(at: 0, as: Bool.self) ?? false
    } catch let error as PostgresError where error.sqlState == "42703" {
      return false
    }
  }

  private static func builds(
    _ table: VectorTable,
    _ server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws -> [IndexBuild] {
    guard server.reportsIndexProgress, !server.canDistribute else { return [] }
    let query = Statement(
      """
      SELECT coalesce(nullif(index_relid, 0)::regclass::text, 'of ' || relid::regclass::text), pid::int8
      FROM pg_stat_progress_create_index WHERE datname = current_database() AND relid = $1::int8::oid
      """,
      binds: [.int8(Int64(table.oid))]
    )
    return try await connection.query(query).map { row in
      let (index, pid) = try row.decode(String.self, Int.self)
      return IndexBuild(index: index, pid: pid)
    }
  }

  /// The table's own numbers and those of its partitions, which alone hold rows. A session reports its inserts up to a
  /// second late, also behind an ANALYZE that has seen them, and they are then counted twice: a table has no more rows
  /// than were inserted, or were there at the ANALYZE (`reltuples`).
  ///
  /// On engines with several nodes these views know the node's own rows; the shards tell there.
  private static func statistics(
    _ table: VectorTable,
    _ server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws -> TableStatistics? {
    guard !server.isDistributed, table.hasRows else { return nil }
    let query = Statement(
      """
      WITH RECURSIVE parts AS (
        SELECT $1::int8::oid AS oid UNION ALL
        SELECT h.inhrelid FROM pg_inherits h JOIN parts p ON p.oid = h.inhparent
      )
      SELECT sum(live)::int8, sum(least(modified, n_tup_upd + n_tup_del + abs(live - known)))::int8, bool_and(analyzed)
      FROM (
        SELECT s.n_tup_upd, s.n_tup_del, s.n_mod_since_analyze AS modified, greatest(c.reltuples, 0)::int8 AS known,
               least(greatest(s.n_live_tup, 0),
                     greatest(s.n_tup_ins - s.n_tup_del, greatest(c.reltuples, 0)::int8)) AS live,
               coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL OR c.reltuples > 0 OR s.n_live_tup = 0 AS analyzed
        FROM parts p JOIN pg_class c ON c.oid = p.oid JOIN pg_stat_all_tables s ON s.relid = p.oid
        WHERE c.relkind IN ('r', 'm', 'f')
      ) AS leaves
      """,
      binds: [.int8(Int64(table.oid))]
    )
    return try await connection.query(query).first.map { row in
      let (live, changed, analyzed) = try row.decode(Int64?.self, Int64?.self, Bool?.self)
      return TableStatistics(
        liveRows: Int(live ?? 0),
        changedRows: Int(changed ?? 0),
        isAnalyzed: analyzed ?? true
      )
    }
  }

  /// The first 10,000 rows, as they lie: the whole table would take minutes where it is large.
  private static func census(
    _ table: VectorTable,
    _ expectations: Expectations,
    _ server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws -> VectorCensus? {
    let name = expectations.table.vectorColumn
    let dialects = Dialect.all.map { dialect in
      server.qualifier(of: dialect.indexExtension.name).map { dialect.naming(extensionSchema: $0) } ?? dialect
    }
    guard let column = table.column(name), let element = column.element,
      let type = dialects.lazy.compactMap({ $0.vectorTypes[element] })
        .first(where: { $0.castName == column.typeName }),
      let dimensions = type.dimensions
    else { return nil }
    let qualifier: SQL = server.qualifier(of: "vector").map { "\(id: $0)." } ?? ""
    let length = dimensions("\(id: name)")
    let norm: SQL? =
      switch column.typeName {
      case "vector": "\(qualifier)vector_norm(\(id: name))"
      case "halfvec": "\(qualifier)l2_norm(\(id: name))"
      default: nil
      }
    let isZero: SQL = norm.map { "\($0) = 0" } ?? "false"
    let sql: SQL = """
      SELECT count(*), count(\(id: "length")), min(\(id: "length")), max(\(id: "length")), \
      count(CASE WHEN \(id: "zero") THEN 1 END) FROM \
      (SELECT \(length) AS \(id: "length"), \(isZero) AS \(id: "zero") FROM \(table: table.name) LIMIT 10000) \
      AS \(id: "rows")
      """
    guard let row = try await connection.query(try sql.rendered(for: expectations.dialect)).first else {
      return nil
    }
    let (rows, vectors, least, greatest, zeros) = try row.decode(
      Int64.self,
      Int64.self,
      Int?.self,
      Int?.self,
      Int64.self
    )
    var census = VectorCensus(
      rows: Int(rows),
      vectors: Int(vectors),
      leastDimension: least,
      greatestDimension: greatest
    )
    census.zeros = Int(zeros)
    let byDimension: SQL =
      "SELECT \(length) AS \(id: "dimensions"), count(*) FROM \(table: table.name) GROUP BY 1"
    census.rowsByDimension = try byDimension.rendered(for: expectations.dialect).text + ";"
    let ofZero: SQL = "SELECT \(id: expectations.table.idColumn) FROM \(table: table.name) WHERE \(isZero)"
    census.rowsOfZero = try ofZero.rendered(for: expectations.dialect).text + ";"
    return census
  }

  /// Plans one search and tries some, with rows of the table itself.
  private mutating func search(
    _ expectations: Expectations,
    _ connection: PostgresConnection
  ) async throws {
    do {
      let table = try await expectations.table.read(
        dialect: expectations.dialect,
        metric: expectations.metric,
        from: connection
      )
      let searcher = ImageSearcher(table: table, connections: connection)
      let requests = try await searcher.sample(max(1, expectations.sample), class: nil)
        .map { ImageQuery(.id($0.id), topK: expectations.topK) }
      guard let first = requests.first else { return }
      plan = try await searcher.plan(first).plan
      forcedIndex = try await connection.transaction { connection in
        try await connection.preferIndexes()
        return try await searcher.plan(first).plan.vectorIndex
      }
      guard expectations.sample > 0, forcedIndex != nil else { return }
      for request in requests { trials.append(try await searcher.trial(request)) }
    } catch let error as PostgresError where error.isConnectionProblem {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      searchError = "\(error)"
      lacksRight = (error as? PostgresError)?.sqlState == "42501"
    }
  }

  /// The settings as a new session has them; an extension's are known once it was used, which the searches did.
  private static func settings(_ connection: PostgresConnection) async throws -> [String: String] {
    let query: Statement =
      "SELECT name, setting FROM pg_settings WHERE name LIKE 'hnsw.%' OR name LIKE 'ivfflat.%' OR name LIKE 'fastann.%'"
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
      return .refused("only SELECT can be explained")
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
