internal import Basics
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
  /// When it ended; nil while it runs.
  public var finishedAt: String?
  /// The server's user who ran it.
  public var appliedBy: String
  /// The statement that was sent outside a transaction and that no record says the end of.
  var underway: StatementUnderway?
  /// What the session was like behind the statements that are done; nil where none of them can have changed it.
  var session: SessionState?
  /// What its SQL was rendered from beside the file and the values; nil where that is not known.
  var inputs: TemplateInputs?
  /// Whether a version of adbvec wrote the row that keeps neither what is under way nor the session.
  var isOfFirstFormat: Bool

  /// How a row came to be: one of these, or the name of the step that is all that its file asks for (`backfill`).
  public struct Kind: RawRepresentable, Sendable, Hashable, Codable {
    /// The word in the history.
    public let rawValue: String

    /// A versioned file was run.
    public static let versioned = Kind(word: "versioned")
    /// A repeatable file was run.
    public static let repeatable = Kind(word: "repeatable")
    /// Declared as present, not run.
    public static let baseline = Kind(word: "baseline")

    /// Nil for text that is not a word of small letters, which adbvec does not write.
    public init?(rawValue: String) {
      guard !rawValue.isEmpty, rawValue.utf8.allSatisfy({ (0x61...0x7a).contains($0) }) else { return nil }
      self.rawValue = rawValue
    }

    private init(word: String) { rawValue = word }
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

  /// Whether anything of it is, or may be, in the database: a try that failed as a whole left its row alone.
  var isPresent: Bool { state == .applied || isPartial }
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
/// first statement, in the same transaction: two runs cannot both get past it, even when the lock was lost.
struct HistoryTable: Sendable, Hashable {
  let name: QualifiedName
  let dialect: MigrationDialect
  /// What the server is, as far as it matters for the history; a plan without a server goes by the dialect.
  var commits: CommitRules

  init(name: QualifiedName, dialect: MigrationDialect) {
    self.name = name
    self.dialect = dialect
    commits = dialect.assumedCapabilities.contains(.distribution) ? .onSegments : .local
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

  /// The columns that every version of adbvec wrote.
  static let firstColumns = [
    "version", "name", "kind", "state", "applied_order", "template_sha256", "parameters_sha256",
    "rendered_sha256", "parameters", "statements_total", "statements_done", "done_sha256", "error",
    "started_at", "finished_at", "applied_by",
  ]
  /// Those that came later, in their order, with their types.
  static let addedColumns = [
    (name: "format", type: "integer"), (name: "underway", type: "text"), (name: "session", type: "text"),
    (name: "inputs", type: "text"),
  ]

  var select: String { "SELECT * FROM \(sqlName)" }

  /// A line as in `lines(of:)` for each row that can be compared by its text alone, and NULL for any other; and then, where
  /// there are files that take values, all other rows.
  /// - Parameter others: the files that take values.
  func linesAndOthers(_ others: [MigrationFile]) -> String {
    let keys = others.map { quote($0.id.key) }.joined(separator: ", ")
    let isPlain =
      "coalesce(state = 'applied' AND parameters = '{}' AND format = \(Self.format)"
      + (others.isEmpty ? "" : " AND version NOT IN (\(keys))") + ", false)"
    let lines =
      "SELECT CASE WHEN \(isPlain) THEN version || ' ' || name || ' ' || template_sha256 END FROM \(sqlName)"
    return others.isEmpty ? lines : "\(lines);\n\(select) WHERE NOT \(isPlain)"
  }

  /// What a history holds of files that ran as they are, each in a line.
  static func lines(of files: [MigrationFile]) -> Set<String> {
    Set(files.map { $0.id.key + " " + $0.name + " " + $0.file.hash })
  }

  /// Gives a table of an older version the columns that it lacks.
  func upgrade(_ missing: [String]) -> String {
    let added = Self.addedColumns.filter { missing.contains($0.name) }
    return "ALTER TABLE \(sqlName) "
      + added.map { "ADD COLUMN \($0.name) \($0.type)" }.joined(separator: ", ")
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
        session text,
        inputs text
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

  /// A row that `insert` writes.
  struct NewRow {
    var migration: RenderedMigration
    var kind: HistoryRecord.Kind
    var state: HistoryRecord.State
    /// How many statements the section has, and how many of them are done.
    var total: Int
    var done = 0
    var error: String?
    /// The place in the order of application; nil for the one behind the last.
    var order: Int?
  }

  func insert(_ row: NewRow) -> String {
    let migration = row.migration
    let finished = row.state == .applied && row.done == row.total ? "clock_timestamp()" : "NULL"
    let number = row.order.map(String.init) ?? "coalesce(max(applied_order), 0) + 1"
    return """
      INSERT INTO \(sqlName) (version, name, kind, state, applied_order, template_sha256, parameters_sha256, \
      rendered_sha256, parameters, statements_total, statements_done, done_sha256, error, dialect, tool, \
      applied_by, started_at, finished_at, format, inputs) \
      SELECT \(quote(migration.id.key)), \(quote(migration.parsed.name)), '\(row.kind.rawValue)', \
      '\(row.state.rawValue)', \(number), '\(migration.parsed.templateHash)', \
      '\(migration.parametersHash)', '\(migration.renderedHash)', \(quote(migration.parametersJSON)), \
      \(row.total), \(row.done), '', \(row.error.map(quote) ?? "NULL"), \(quote(dialect.rawValue)), \
      'adbvec', session_user, clock_timestamp(), \(finished), \(Self.format), \(inputs(migration))\
      \(row.order == nil ? " FROM \(sqlName)" : "")
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
    UPDATE \(sqlName) SET state = 'running', error = NULL, name = \(quote(migration.parsed.name)), \
    template_sha256 = '\(migration.parsed.templateHash)', \
    parameters_sha256 = '\(migration.parametersHash)', rendered_sha256 = '\(migration.renderedHash)', \
    parameters = \(quote(migration.parametersJSON)), inputs = \(inputs(migration)), statements_total = \(total), \
    format = \(Self.format) \
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

  /// Keeps a remark on a migration that is applied, such as a check that was passed over.
  func note(_ id: MigrationID, _ text: String) -> String {
    "UPDATE \(sqlName) SET error = \(quote(text)) WHERE version = \(quote(id.key)) AND state = 'applied'"
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
    UPDATE \(sqlName) SET name = \(quote(migration.parsed.name)), \
    template_sha256 = '\(migration.parsed.templateHash)', \
    parameters_sha256 = '\(migration.parametersHash)', rendered_sha256 = '\(migration.renderedHash)', \
    parameters = \(quote(migration.parametersJSON)), inputs = \(inputs(migration)) WHERE version = \(quote(key.key))
    """
  }

  private func inputs(_ migration: RenderedMigration) -> String {
    migration.inputs.map { quote($0.json) } ?? "NULL"
  }

  private func quote(_ text: String) -> String { SQLValue.quotedLiteral(text) }
}
