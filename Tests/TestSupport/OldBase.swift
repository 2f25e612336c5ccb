/// What a server refuses whose base is PostgreSQL 9.4: Greenplum 6, AnalyticDB 6.
///
/// The rules were recorded on Greenplum 6.24.3 (SQLSTATE in brackets): grammar [42601], missing functions [42883], columns
/// [42703], relations [42P01], settings [42704], and what is parsed and refused [0A000].
public enum OldBase {
  /// A word that a 9.4 base refuses, as a pattern.
  private static let rules: [(name: String, pattern: String)] = [
    ("index if not exists", #"CREATE (UNIQUE )?INDEX (CONCURRENTLY )?IF NOT EXISTS"#),
    ("column if not exists", #"ADD (COLUMN )?IF NOT EXISTS"#),
    ("sequence if not exists", #"CREATE SEQUENCE IF NOT EXISTS"#),
    ("identity", #"GENERATED (ALWAYS|BY DEFAULT) AS|OVERRIDING SYSTEM"#),
    ("on conflict", #"ON CONFLICT"#),
    ("merge", #"MERGE INTO"#),
    (
      "concurrent index",
      #"CREATE (UNIQUE )?INDEX CONCURRENTLY|REINDEX \S+ CONCURRENTLY|DETACH PARTITION|FINALIZE"#
    ),
    ("skip locked", #"SKIP LOCKED"#),
    ("last value", #"\b(currval|lastval)\("#),
    ("missing setting", #"current_setting\([^)]*, true\)"#),
    ("jsonb functions", #"\b(jsonb_set|jsonb_build_object|jsonb_agg|jsonb_path\w*)\("#),
    ("missing functions", #"\b(sha256|gen_random_uuid|array_position|pg_blocking_pids|scale)\("#),
    ("progress views", #"pg_stat_progress_"#),
    ("sequences view", #"\bpg_sequences\b"#),
    (
      "catalogue columns",
      #"\b(attidentity|attgenerated|prokind|relispartition|amtype|backend_type|wait_event\w*|indnkeyatts)\b"#
    ),
    ("row security", #"row_security_active|relrowsecurity"#),
    ("materialised CTE", #"AS (NOT )?MATERIALIZED"#),
    ("ties", #"WITH TIES"#),
    (
      "later settings", #"\b(idle_in_transaction_session_timeout|transaction_timeout|idle_session_timeout)\b"#
    ),
    ("cascade of extensions", #"CREATE EXTENSION [^;"]*CASCADE"#),
    ("procedures", #"\bCALL \w+\("#),
    ("samples", #"TABLESAMPLE"#),
    ("two phases", #"PREPARE TRANSACTION"#),
    ("typed regclass", #"to_regclass\(\$\d+::text\)"#),
    ("generic plans", #"GENERIC_PLAN"#),
    ("forced drop", #"WITH \(FORCE\)"#),
    ("statement triggers", #"FOR EACH STATEMENT"#),
    ("replaced triggers", #"OR REPLACE TRIGGER"#),
    ("trigger functions", #"EXECUTE FUNCTION"#),
  ]

  /// What Greenplum 7 and Cloudberry refuse, whose base is PostgreSQL 12 or 14, with pgvector before 0.8: what came to
  /// PostgreSQL later, by its release notes, and what their documentation names as unsupported.
  private static let laterRules: [(name: String, pattern: String)] = [
    ("merge", #"MERGE INTO"#),
    (
      "concurrent index",
      #"CREATE (UNIQUE )?INDEX CONCURRENTLY|REINDEX \S+ CONCURRENTLY|DETACH PARTITION \S+ CONCURRENTLY|FINALIZE"#
    ),
    ("ties", #"WITH TIES"#),
    (
      "later settings",
      #"SET (LOCAL )?(transaction_timeout|idle_session_timeout|hnsw\.iterative_scan|ivfflat\.iterative_scan)\b"#
    ),
    (
      "later functions",
      #"\b(gen_random_uuid|any_value|date_bin|string_to_table|array_shuffle|pg_stat_force_next_flush)\("#
    ),
    ("later views", #"\bpg_stat_(io|progress_copy|checkpointer|wal)\b"#),
    ("distinct nulls", #"NULLS NOT DISTINCT"#),
    ("two phases", #"PREPARE TRANSACTION"#),
    ("generic plans", #"GENERIC_PLAN"#),
    ("forced drop", #"WITH \(FORCE\)"#),
    ("statement triggers", #"FOR EACH STATEMENT"#),
    ("replaced triggers", #"OR REPLACE TRIGGER"#),
  ]

  /// The names of the rules that a statement breaks on Greenplum 7 and Cloudberry.
  public static func refusedBySeven(in statement: String) -> [String] { broken(laterRules, statement) }

  /// The names of the rules that a statement breaks.
  public static func refused(in statement: String) -> [String] { broken(rules, statement) }

  private static func broken(_ rules: [(name: String, pattern: String)], _ statement: String) -> [String] {
    rules.filter { rule in
      // Unicode's boundaries take "a.attidentity" for one word.
      guard let pattern = try? Regex(rule.pattern).wordBoundaryKind(.simple) else { return true }
      return statement.firstMatch(of: pattern) != nil
    }.map(\.name)
  }
}
