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

  /// Whether statements of it are in the database although it is not applied.
  var isPartial: Bool { state == .reverting || (state != .applied && statementsDone > 0) }
}

/// The SQL of the history table; all of it runs on a PostgreSQL 9.4 base.
///
/// Rows are keyed by version, which on Greenplum also distributes the table. A row is inserted before its migration's
/// first statement, in the same transaction: two runs cannot both get past it, whatever became of the lock.
struct HistoryTable: Sendable, Hashable {
  let name: QualifiedName
  let dialect: MigrationDialect

  static let defaultName: QualifiedName = "public.adbvec_migrations"

  private static let columns = [
    "version", "name", "kind", "state", "applied_order", "template_sha256", "parameters_sha256",
    "rendered_sha256", "parameters", "statements_total", "statements_done", "done_sha256", "error",
    "started_at", "finished_at", "applied_by",
  ]

  var select: String {
    "SELECT \(Self.columns.joined(separator: ", ")) FROM \(sqlName)"
  }

  var sqlName: String {
    let parts = [name.schema, name.name].compactMap { $0.map(ReservedWords.quotedWhereNeeded) }
    return parts.joined(separator: ".")
  }

  /// A commit that does not wait for the disk, where a later one waits for both: after a crash either both are there, or
  /// the earlier alone, or none. Spread over segments, commits have rules of their own.
  var lateCommit: [String] {
    dialect == .analyticDB ? [] : ["SET LOCAL synchronous_commit = off"]
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
        finished_at timestamptz
      )
      """
    guard let schema = name.schema, schema.name != "public" else { return table }
    return "CREATE SCHEMA IF NOT EXISTS \(ReservedWords.quotedWhereNeeded(schema));\n" + table
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
      applied_by, started_at, finished_at) \
      SELECT \(quote(migration.id.key)), \(quote(migration.migration.name)), '\(kind.rawValue)', \
      '\(state.rawValue)', \(number), '\(migration.migration.templateHash)', \
      '\(migration.parametersHash)', '\(migration.renderedHash)', \(quote(migration.parametersJSON)), \
      \(total), \(done), '\(doneHash)', \(error.map(quote) ?? "NULL"), \(quote(dialect.rawValue)), \
      'adbvec', session_user, clock_timestamp(), \(finished)\(order == nil ? " FROM \(sqlName)" : "")
      """
  }

  func finish(_ id: MigrationID, total: Int, doneHash: String) -> String {
    """
    UPDATE \(sqlName) SET state = 'applied', error = NULL, statements_done = \(total), \
    done_sha256 = '\(doneHash)', finished_at = clock_timestamp() WHERE version = \(quote(id.key))
    """
  }

  func progress(_ id: MigrationID, done: Int, doneHash: String) -> String {
    """
    UPDATE \(sqlName) SET statements_done = \(done), done_sha256 = '\(doneHash)' \
    WHERE version = \(quote(id.key))
    """
  }

  func restart(_ id: MigrationID, state: HistoryRecord.State) -> String {
    "UPDATE \(sqlName) SET state = '\(state.rawValue)', error = NULL WHERE version = \(quote(id.key))"
  }

  /// Marks an applied migration as on its way down, with no statement of that section done.
  func beginReverting(_ id: MigrationID, total: Int) -> String {
    """
    UPDATE \(sqlName) SET state = 'reverting', error = NULL, statements_total = \(total), \
    statements_done = 0, done_sha256 = '' WHERE version = \(quote(id.key))
    """
  }

  func fail(_ id: MigrationID, error: String) -> String {
    "UPDATE \(sqlName) SET error = \(quote(error)), state = CASE state WHEN 'reverting' THEN state "
      + "WHEN 'applied' THEN state ELSE 'failed' END WHERE version = \(quote(id.key))"
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
        appliedBy: row[15] ?? ""
      )
    }
    // Here and not in the query: a server that has just started a session takes longer to look up how texts compare than
    // to answer all the rest.
    return records.sorted { ($0.appliedOrder, $0.id.key) < ($1.appliedOrder, $1.id.key) }
  }

  private func number(_ text: String?) -> Int { text.flatMap { Int($0) } ?? 0 }

  private func quote(_ text: String) -> String { ParameterValue.quote(text) }
}
