internal import PostgresClient

extension MigrationSession {
  /// What the server says before anything is done.
  struct State: Sendable {
    var records: [HistoryRecord]
    var hasTable: Bool
    /// The columns of this version that the table lacks.
    var missingColumns: [String]
    /// Whether something between here and the server deals out its sessions.
    var isPooled: Bool
    var commits: HistoryTable.CommitRules
    /// Asked for before a run alone; nil where the extension is not installed, or needs no help.
    var vectorSchema: VectorSchema?

    var needsUpgrade: Bool { !missingColumns.isEmpty }
  }

  /// Reads the history in one round trip; never writes.
  /// - Parameter forRun: whether to ask also where the extension's types are.
  /// - Throws: `PostgresError` with code `wrongNode` on a node where migrations must not run.
  func readState(forRun: Bool = false) async throws -> State {
    let state = try await readStateOfNode(forRun)
    if state.commits != .local { try await connection.capabilities().requireEntryNode() }
    return state
  }

  private func readStateOfNode(_ forRun: Bool) async throws -> State {
    let about =
      "SELECT pg_backend_pid(), \(HistoryTable.commitRules)" + (forRun ? ", \(VectorSchema.query)" : "")
    do {
      let results = try await connection.run(trusted: "\(about);\n\(history.select)")
      return try state(results.first, results.dropFirst().first)
    } catch let error as PostgresError where error.sqlState == "42P01" {
      let results = try await connection.run(trusted: about)
      return try state(results.first, nil)
    }
  }

  /// What the history holds beside files that ran as they are and take no values; nil where those files are not all that
  /// there are of this kind, or the server cannot tell.
  ///
  /// They are compared by one line each: a thousand whole rows take longer to send and to read than all else that a run
  /// without anything to do does.
  /// - Parameters:
  ///   - files: the files that take no values.
  ///   - others: all other files.
  func readRecords(besides files: [MigrationFile], _ others: [MigrationFile]) async throws -> [HistoryRecord]?
  {
    let results: [CommandResult]
    async let expected = HistoryTable.lines(of: files)
    do {
      results = try await connection.run(
        trusted: "SELECT \(HistoryTable.commitRules);\n\(history.linesAndOthers(others))"
      )
    } catch let error as PostgresError where error.code == .server && !error.isConnectionProblem {
      return nil
    }
    guard results.count == (others.isEmpty ? 2 : 3) else { return nil }
    let lines = results[1].rows.compactMap { $0.first ?? nil }
    guard lines.count == files.count, results[1].rows.count == lines.count + others.count else { return nil }
    guard await Set(lines) == expected else { return nil }
    if results[0].rows.first?.first != HistoryTable.CommitRules.local.rawValue {
      try await connection.capabilities().requireEntryNode()
    }
    return try others.isEmpty ? [] : history.records(results[2])
  }

  /// Makes the history table where it is missing, gives an older one the columns of this version, and reads it; the caller
  /// holds the session's lock, or this takes the transaction's.
  func prepareHistory(knowing earlier: State) async throws -> State {
    let now = try await readState(forRun: true)
    guard !now.hasTable || now.needsUpgrade else { return now }
    do {
      if locksByTransaction(earlier) {
        try await beginWithLock()
        let change = now.hasTable ? history.upgrade(now.missingColumns) : history.create
        try await connection.run(trusted: "\(change);\nCOMMIT")
      } else {
        try await connection.run(
          trusted: now.hasTable
            ? "BEGIN;\n\(history.upgrade(now.missingColumns));\nCOMMIT" : history.createAlone
        )
      }
    } catch {
      if await connection.transactionStatus != .idle { _ = await shielded("ROLLBACK") }
      guard let refused = error as? PostgresError, ["42501", "3F000"].contains(refused.sqlState) else {
        throw error
      }
      let fix =
        now.hasTable
        ? "run this once as the owner of \(history.sqlName)"
        : "let an administrator GRANT CREATE ON SCHEMA, or keep the history in a schema of your own with --history-table "
          + "SCHEMA.adbvec_migrations"
      throw MigrationError(
        .statementFailed,
        "cannot \(now.hasTable ? "upgrade" : "create") the history table \(history.sqlName): \(refused.message)",
        hint: "Fix: \(fix)",
        sqlState: refused.sqlState
      )
    }
    return try await readState(forRun: true)
  }

  private func state(_ about: CommandResult?, _ rows: CommandResult?) throws -> State {
    guard let facts = about?.rows.first, facts.count >= 2 else {
      throw PostgresError(code: .unexpectedResult, message: "the server gave another number of results")
    }
    return State(
      records: try rows.map(history.records) ?? [],
      hasTable: rows != nil,
      missingColumns: rows.map { rows in
        HistoryTable.addedColumns.map(\.name).filter { !rows.columns.contains($0) }
      } ?? [],
      // A pooler answers with a process id of its own when the connection is made.
      isPooled: facts[0].flatMap { Int32($0) } != connection.backendPID,
      commits: facts[1].flatMap(HistoryTable.CommitRules.init) ?? .local,
      vectorSchema: facts.count > 2 ? facts[2].flatMap(VectorSchema.init) : nil
    )
  }
}

/// Where pgvector's types, operators and functions are, when the search path does not lead there.
struct VectorSchema: Sendable, Hashable {
  /// The schema, quoted where it has to be.
  let name: String
  /// A search path that leads there, too, behind all that was on it; nil where the role has no right to the schema.
  let searchPath: String?
  /// The session's user, quoted where it has to be.
  let user: String

  /// A text expression of JSON for it; NULL where names need no help.
  static let query = """
    (SELECT json_build_object('schema', quote_ident(n.nspname), 'user', quote_ident(current_user), 'path', \
    CASE WHEN has_schema_privilege(n.oid, 'USAGE') THEN concat_ws(', ', nullif(current_setting('search_path'), ''), \
    quote_ident(n.nspname)) ELSE '' END)::text FROM pg_catalog.pg_extension e \
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
    WHERE e.extname = 'vector' AND n.nspname <> ALL (current_schemas(true)))
    """

  init?(json: String) {
    guard let values = FlatJSON.read(json), let name = values["schema"], let path = values["path"] else {
      return nil
    }
    self.name = name
    searchPath = path.isEmpty ? nil : path
    user = values["user"] ?? ""
  }

  /// Whether a server's message says that something of the extension is not there.
  static func isMissed(in error: PostgresError) -> Bool {
    guard ["42704", "42883"].contains(error.sqlState) else { return false }
    return ["vector", "halfvec", "sparsevec"].contains { error.message.contains($0) }
  }

  /// What to do about a name of the extension that the server does not find.
  var fix: String {
    guard searchPath != nil else {
      return
        "Fix: let the owner of the schema \(name), which holds the extension, run GRANT USAGE ON SCHEMA \(name) "
        + "TO \(user)"
    }
    return
      "Fix: add \(name), the schema of the extension, to the search_path that the file sets, or write it before the name"
  }
}

extension HistoryTable {
  /// The rows of the table in the order in which they were applied.
  /// - Throws: `MigrationError` with code `drift` for a table of another tool or of a newer version.
  func records(_ result: CommandResult) throws -> [HistoryRecord] {
    var places: [String: Int] = [:]
    for (place, name) in result.columns.enumerated() { places[name] = place }
    let first = Self.firstColumns.compactMap { places[$0] }
    guard first.count == Self.firstColumns.count else {
      throw MigrationError(
        .drift,
        "the table \(sqlName) does not have the columns of a history of migrations",
        hint: "Fix: name another table with --history-table; this one belongs to another tool",
        sqlState: "42703"
      )
    }
    let added = Self.addedColumns.map { places[$0.name] }
    let records = try result.rows.map { row in
      try record(first.map { row[$0] }, added.map { $0.flatMap { row[$0] } })
    }
    // Here and not in the query: a server that has just started a session takes longer to look up how texts compare than
    // to answer all the rest.
    return records.sorted { ($0.appliedOrder, $0.id.key) < ($1.appliedOrder, $1.id.key) }
  }

  /// - Parameters:
  ///   - row: The values of `firstColumns`.
  ///   - added: The values of `addedColumns`; nil also for a column that is not there.
  private func record(_ row: [String?], _ added: [String?]) throws -> HistoryRecord {
    guard let kind = row[2].flatMap(HistoryRecord.Kind.init),
      let state = row[3].flatMap(HistoryRecord.State.init)
    else {
      throw MigrationError(
        .drift,
        "the table \(sqlName) does not read like a history of migrations",
        hint: "Fix: name another table with --history-table, if this one belongs to another tool"
      )
    }
    return HistoryRecord(
      id: MigrationID(key: row[0] ?? ""),
      name: row[1] ?? "",
      kind: kind,
      state: state,
      appliedOrder: number(row[4]),
      templateHash: row[5] ?? "",
      parametersHash: row[6] ?? "",
      renderedHash: row[7] ?? "",
      parametersJSON: row[8] ?? "",
      statementsTotal: number(row[9]),
      statementsDone: number(row[10]),
      doneHash: row[11] ?? "",
      error: row[12],
      startedAt: row[13] ?? "",
      finishedAt: row[14],
      appliedBy: row[15] ?? "",
      underway: try underway(added[1]),
      session: added[2].flatMap(SessionState.init),
      inputs: added[3].flatMap(TemplateInputs.init),
      isOfFirstFormat: try isOfFirstFormat(added[0])
    )
  }

  private func isOfFirstFormat(_ text: String?) throws -> Bool {
    let format = text.flatMap { Int($0) } ?? 1
    guard format <= Self.format else {
      throw MigrationError(
        .drift,
        "the history table \(sqlName) was written by a newer version of adbvec (format \(format))",
        hint: "Fix: run that version or a newer one"
      )
    }
    return format < Self.format
  }

  private func underway(_ text: String?) throws -> StatementUnderway? {
    guard let text else { return nil }
    guard let underway = StatementUnderway(json: text) else {
      throw MigrationError(
        .drift,
        "the column underway of \(sqlName) holds text that adbvec did not write",
        hint: "Fix: see what the row's statement did, then set the column to NULL"
      )
    }
    return underway
  }

  private func number(_ text: String?) -> Int { text.flatMap { Int($0) } ?? 0 }
}
