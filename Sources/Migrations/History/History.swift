internal import PostgresClient
internal import VectorSQL

/// A row of the history table.
public struct HistoryRecord: Sendable, Hashable {
  /// What the migration is known by.
  public var id: MigrationID
  /// The file's name behind the version, when it was recorded.
  public var name: String
  /// How the row came to be.
  public var kind: Kind
  /// Where the migration stands.
  public var state: State
  /// 1 for the first that was applied to this database.
  public var appliedOrder: Int
  /// SHA-256 of the file, of the values it uses, and of the SQL that ran.
  public var templateHash: String
  /// SHA-256 of the parameters in canonical form.
  public var parametersHash: String
  /// SHA-256 of the SQL of the `up` section.
  public var renderedHash: String
  /// The values, as a JSON object of strings.
  public var parametersJSON: String
  /// Statements in the section.
  public var statementsTotal: Int
  /// Statements that are done.
  public var statementsDone: Int
  /// SHA-256 of the statements that are done.
  public var doneHash: String
  /// The last failure, one line.
  public var error: String?
  /// When it began and ended, as the server prints times.
  public var startedAt: String
  /// When it ended; nil while it has not.
  public var finishedAt: String?
  /// The server's user who ran it.
  public var appliedBy: String
  /// The statement that was sent outside a transaction and that no record says the end of.
  var underway: StatementUnderway?
  /// What the session was like behind the statements that are done; nil where none of them can have changed it.
  var session: SessionState?
  /// Whether a version of adbvec wrote the row that keeps neither of the two.
  var isOfFirstFormat: Bool

  /// How a row came to be.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// A versioned file was run.
    case versioned
    /// A repeatable file was run.
    case repeatable
    /// Declared as present, not run.
    case baseline
  }

  /// Where a migration stands.
  public enum State: String, Sendable, Hashable, Codable {
    /// Done.
    case applied
    /// Under way, or left half-way by a run that died.
    case running
    /// Failed; a transactional file left nothing else behind.
    case failed
    /// On its way down, or left half-way there.
    case reverting
  }

  /// The values by name.
  public var parameters: [String: String] { FlatJSON.read(parametersJSON) ?? [:] }

  /// Whether statements of it are, or may be, in the database although it is not applied.
  var isPartial: Bool {
    state == .reverting || (state != .applied && (statementsDone > 0 || underway != nil))
  }
}

/// A statement that was sent outside a transaction, as the history keeps it until its record is written.
struct StatementUnderway: Sendable, Hashable {
  /// Its number in the section, from 1.
  var number: Int
  /// The chained SHA-256 up to and with it.
  var hash: String
  /// `StatementOutcome.kind`.
  var kind: String
  /// What `StatementOutcome.before` said before it was sent.
  var before: String

  init?(json: String) {
    guard let values = FlatJSON.read(json), let number = values["statement"].flatMap({ Int($0) }),
      let hash = values["sha256"], let kind = values["kind"], let before = values["before"]
    else { return nil }
    (self.number, self.hash, self.kind, self.before) = (number, hash, kind, before)
  }
}

/// The SQL of the history table; all of it runs on a PostgreSQL 9.4 base.
///
/// Rows are keyed by version, which on Greenplum also distributes the table. A row is inserted before its migration's
/// first statement, in the same transaction: two runs cannot both get past it, whatever became of the lock.
struct HistoryTable: Sendable, Hashable {
  let name: QualifiedName
  let dialect: MigrationDialect
  /// What the server is, as far as it matters for the history; a plan without a server goes by the dialect.
  var commits: CommitRules

  init(name: QualifiedName, dialect: MigrationDialect) {
    self.name = name
    self.dialect = dialect
    commits = dialect == .analyticDB ? .onSegments : .local
  }

  /// How a server commits.
  enum CommitRules: String, Sendable, Hashable {
    /// In one place.
    case local
    /// In two phases on other servers, for distributed tables (Citus).
    case onWorkers
    /// In two phases on segments, which also hold the history table (Greenplum, AnalyticDB).
    case onSegments
  }

  /// A text expression for the `CommitRules` of the server that evaluates it.
  static let commitRules = """
    CASE WHEN version() ~ 'Greenplum|Cloudberry' THEN 'onSegments' \
    WHEN EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN 'onWorkers' ELSE 'local' END
    """

  /// The version of the table's columns and of what stands in them.
  static let format = 2

  private static let firstColumns = [
    "version", "name", "kind", "state", "applied_order", "template_sha256", "parameters_sha256",
    "rendered_sha256", "parameters", "statements_total", "statements_done", "done_sha256", "error",
    "started_at", "finished_at", "applied_by",
  ]
  private static let addedColumns = ["format", "underway", "session"]
  private static let columns = firstColumns + addedColumns

  var select: String {
    "SELECT \(Self.columns.joined(separator: ", ")) FROM \(sqlName)"
  }

  /// Reads a table that has only the columns of the first format.
  var selectFirstFormat: String {
    let added = Self.addedColumns.map { "NULL AS \($0)" }
    return "SELECT \((Self.firstColumns + added).joined(separator: ", ")) FROM \(sqlName)"
  }

  /// Gives a table of the first format the columns of this one.
  var upgrade: String {
    "ALTER TABLE \(sqlName) ADD COLUMN format integer, ADD COLUMN underway text, ADD COLUMN session text"
  }

  var sqlName: String {
    let parts = [name.schema, name.name].compactMap { $0.map(ReservedWords.quotedWhereNeeded) }
    return parts.joined(separator: ".")
  }

  /// A commit that does not wait for the disk, where a later one waits for both: after a crash either both are there, or
  /// the earlier alone, or none. Spread over segments, commits have rules of their own.
  var lateCommit: [String] {
    commits == .local ? ["SET LOCAL synchronous_commit = off"] : []
  }

  /// Makes the table in a transaction of its own.
  var createAlone: String {
    (["BEGIN"] + lateCommit + [create, "COMMIT"]).joined(separator: ";\n")
  }

  /// Without NOT NULL: nobody else writes it, and since PostgreSQL 18 each is a constraint with a row of its own, which made
  /// a first run notably slower.
  var create: String {
    let table = """
      CREATE TABLE IF NOT EXISTS \(sqlName) (
        version text PRIMARY KEY,
        name text,
        kind text,
        state text,
        applied_order integer,
        template_sha256 text,
        parameters_sha256 text,
        rendered_sha256 text,
        parameters text,
        statements_total integer,
        statements_done integer,
        done_sha256 text,
        error text,
        dialect text,
        tool text,
        applied_by text,
        started_at timestamptz,
        finished_at timestamptz,
        format integer,
        underway text,
        session text
      )
      """
    guard let schema = name.schema, schema.name != "public" else { return table }
    // CREATE SCHEMA asks for the right to create one even where the schema is there.
    let body = """
      BEGIN IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = \(quote(schema.name))) \
      THEN CREATE SCHEMA IF NOT EXISTS \(ReservedWords.quotedWhereNeeded(schema)); END IF; END
      """
    return "DO \(quote(body));\n" + table
  }

  /// Takes away what an earlier attempt left: a row that says failed or running.
  func clear(_ id: MigrationID) -> String {
    "DELETE FROM \(sqlName) WHERE version = \(quote(id.key)) AND state <> 'applied'"
  }

  func delete(_ id: MigrationID) -> String {
    "DELETE FROM \(sqlName) WHERE version = \(quote(id.key))"
  }

  func insert(
    _ migration: RenderedMigration,
    kind: HistoryRecord.Kind,
    state: HistoryRecord.State,
    total: Int,
    done: Int = 0,
    doneHash: String = "",
    error: String? = nil,
    order: Int? = nil
  ) -> String {
    let finished = state == .applied && done == total ? "clock_timestamp()" : "NULL"
    let number = order.map(String.init) ?? "coalesce(max(applied_order), 0) + 1"
    return """
      INSERT INTO \(sqlName) (version, name, kind, state, applied_order, template_sha256, parameters_sha256, \
      rendered_sha256, parameters, statements_total, statements_done, done_sha256, error, dialect, tool, \
      applied_by, started_at, finished_at, format) \
      SELECT \(quote(migration.id.key)), \(quote(migration.migration.name)), '\(kind.rawValue)', \
      '\(state.rawValue)', \(number), '\(migration.migration.templateHash)', \
      '\(migration.parametersHash)', '\(migration.renderedHash)', \(quote(migration.parametersJSON)), \
      \(total), \(done), '\(doneHash)', \(error.map(quote) ?? "NULL"), \(quote(dialect.rawValue)), \
      'adbvec', session_user, clock_timestamp(), \(finished), \(Self.format)\(order == nil ? " FROM \(sqlName)" : "")
      """
  }

  func finish(_ id: MigrationID, total: Int, doneHash: String) -> String {
    """
    UPDATE \(sqlName) SET state = 'applied', error = NULL, statements_done = \(total), \
    done_sha256 = '\(doneHash)', underway = NULL, session = NULL, finished_at = clock_timestamp() \
    WHERE version = \(quote(id.key))
    """
  }

  /// Records that the first `done` statements are done.
  /// - Parameter keepsSession: whether the state of the session that runs this belongs to the record.
  func progress(_ id: MigrationID, done: Int, doneHash: String, keepsSession: Bool) -> String {
    // On segments the settings would be those of a segment's process.
    let session =
      keepsSession && commits != .onSegments ? ", session = \(SessionState.expression(statements: done))" : ""
    return """
      UPDATE \(sqlName) SET statements_done = \(done), done_sha256 = '\(doneHash)', underway = NULL\(session) \
      WHERE version = \(quote(id.key))
      """
  }

  /// Records that a statement is about to be sent outside a transaction.
  func begin(_ id: MigrationID, number: Int, hash: String, outcome: StatementOutcome) -> String {
    let outcome = commits == .onSegments && outcome != .repeatable ? .unknown : outcome
    return """
      UPDATE \(sqlName) SET underway = '{"statement":"\(number)","sha256":"\(hash)","kind":"\(outcome.kind)",\
      "before":"' || \(outcome.before) || '"}' WHERE version = \(quote(id.key))
      """
  }

  func restart(_ id: MigrationID, state: HistoryRecord.State) -> String {
    "UPDATE \(sqlName) SET state = '\(state.rawValue)', error = NULL WHERE version = \(quote(id.key))"
  }

  /// Goes on with a migration that stopped half-way. What ran is the same in today's file, so from here on the row tells
  /// of today's file and values: they are what the rest runs with, and what the way down has to undo.
  func resume(_ migration: RenderedMigration, key: MigrationID, total: Int) -> String {
    """
    UPDATE \(sqlName) SET state = 'running', error = NULL, name = \(quote(migration.migration.name)), \
    template_sha256 = '\(migration.migration.templateHash)', \
    parameters_sha256 = '\(migration.parametersHash)', rendered_sha256 = '\(migration.renderedHash)', \
    parameters = \(quote(migration.parametersJSON)), statements_total = \(total), format = \(Self.format) \
    WHERE version = \(quote(key.key))
    """
  }

  /// Marks an applied migration as on its way down, with no statement of that section done.
  func beginReverting(_ id: MigrationID, total: Int) -> String {
    """
    UPDATE \(sqlName) SET state = 'reverting', error = NULL, statements_total = \(total), \
    statements_done = 0, done_sha256 = '', underway = NULL, session = NULL, format = \(Self.format) WHERE version = \(quote(id.key))
    """
  }

  /// - Parameter isSettled: whether a statement that was under way is known to have left nothing behind.
  func fail(_ id: MigrationID, error: String, isSettled: Bool) -> String {
    "UPDATE \(sqlName) SET error = \(quote(error)), state = CASE state WHEN 'reverting' THEN state "
      + "WHEN 'applied' THEN state ELSE 'failed' END\(isSettled ? ", underway = NULL" : "") "
      + "WHERE version = \(quote(id.key))"
  }

  /// Writes the hashes of today's file and values over those of the run: the change is known and accepted.
  func bless(_ migration: RenderedMigration, key: MigrationID) -> String {
    """
    UPDATE \(sqlName) SET name = \(quote(migration.migration.name)), \
    template_sha256 = '\(migration.migration.templateHash)', \
    parameters_sha256 = '\(migration.parametersHash)', rendered_sha256 = '\(migration.renderedHash)', \
    parameters = \(quote(migration.parametersJSON)) WHERE version = \(quote(key.key))
    """
  }

  func records(_ result: CommandResult) throws -> [HistoryRecord] {
    let records = try result.rows.map { row in
      guard row.count == Self.columns.count, let kind = row[2].flatMap(HistoryRecord.Kind.init),
        let state = row[3].flatMap(HistoryRecord.State.init)
      else {
        throw MigrationError(
          .drift,
          "the table \(sqlName) does not read like a history of migrations",
          hint: "was it made by another tool? name another with the history-table setting"
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
        underway: try underway(row[17]),
        session: row[18].flatMap(SessionState.init),
        isOfFirstFormat: try isOfFirstFormat(row[16])
      )
    }
    // Here and not in the query: a server that has just started a session takes longer to look up how texts compare than
    // to answer all the rest.
    return records.sorted { ($0.appliedOrder, $0.id.key) < ($1.appliedOrder, $1.id.key) }
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

  private func quote(_ text: String) -> String { ParameterValue.quote(text) }
}

extension MigrationSession {
  /// What the server says before anything is done.
  struct State: Sendable {
    var records: [HistoryRecord]
    var hasTable: Bool
    /// Whether the table lacks the columns of this version.
    var needsUpgrade: Bool
    /// Whether something between here and the server deals out its sessions.
    var isPooled: Bool
    var commits: HistoryTable.CommitRules
  }

  /// Reads the history in one round trip; never writes.
  func readState() async throws -> State {
    let about = "SELECT pg_backend_pid(), \(HistoryTable.commitRules)"
    do {
      let results = try await connection.run(trusted: "\(about);\n\(history.select)")
      return try state(results.first, results.dropFirst().first)
    } catch let error as PostgresError where error.sqlState == "42P01" {
      let results = try await connection.run(trusted: about)
      return try state(results.first, nil)
    } catch let error as PostgresError where error.sqlState == "42703" {
      do {
        let results = try await connection.run(trusted: "\(about);\n\(history.selectFirstFormat)")
        return try state(results.first, results.dropFirst().first, needsUpgrade: true)
      } catch let error as PostgresError where error.sqlState == "42703" {
        throw MigrationError(
          .drift,
          "the table \(history.sqlName) does not have the columns of a history of migrations",
          hint: "Fix: name another table with --history-table; this one belongs to another tool",
          sqlState: "42703"
        )
      }
    }
  }

  /// Makes the history table where it is missing, gives an older one the columns of this version, and reads it; the caller
  /// holds the session's lock, or this takes the transaction's.
  func prepareHistory(knowing earlier: State) async throws -> State {
    guard !earlier.hasTable || earlier.needsUpgrade else { return try await readState() }
    let now = try await readState()
    guard !now.hasTable || now.needsUpgrade else { return now }
    do {
      if locksByTransaction(earlier) {
        try await beginWithLock()
        let change = now.hasTable ? history.upgrade : history.create
        try await connection.run(trusted: "\(change);\nCOMMIT")
      } else {
        try await connection.run(
          trusted: now.hasTable ? "BEGIN;\n\(history.upgrade);\nCOMMIT" : history.createAlone
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
    return try await readState()
  }

  private func state(
    _ about: CommandResult?,
    _ rows: CommandResult?,
    needsUpgrade: Bool = false
  ) throws -> State {
    guard let facts = about?.rows.first, facts.count == 2 else {
      throw PostgresError(code: .unexpectedResult, message: "the server gave another number of results")
    }
    return State(
      records: try rows.map(history.records) ?? [],
      hasTable: rows != nil,
      needsUpgrade: needsUpgrade,
      // A pooler answers with a process id of its own when the connection is made.
      isPooled: facts[0].flatMap { Int32($0) } != connection.backendPID,
      commits: facts[1].flatMap(HistoryTable.CommitRules.init) ?? .local
    )
  }
}
