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
      "later catalogues",
      #"\bpg_(publication\w*|subscription\w*|partitioned_table|statistic_ext\w*|polic(y|ies)|replication_origin)\b"#
    ),
    (
      "catalogue columns",
      #"\b(attidentity|attgenerated|prokind|relispartition|amtype|backend_type|wait_event\w*|indnkeyatts)\b"#
    ),
    ("row security", #"row_security_active|relrowsecurity"#),
    ("materialised CTE", #"AS (NOT )?MATERIALIZED"#),
    ("writing CTE", #"AS \(\s*(INSERT|UPDATE|DELETE)\b"#),
    ("ties", #"WITH TIES"#),
    (
      "later settings",
      #"\b(idle_in_transaction_session_timeout|transaction_timeout|idle_session_timeout|max_parallel_\w+|jit)\b"#
    ),
    ("table or view if not exists", #"CREATE (MATERIALIZED VIEW IF|TABLE IF NOT EXISTS [^(;]* AS\b)"#),
    ("later types", #"::(regnamespace|regrole|jsonpath|xid8)\b"#),
    ("declared partitions", #"PARTITION OF|PARTITION BY (RANGE|LIST|HASH) \([^)]*\)\s*(;|$)"#),
    ("transition tables", #"REFERENCING (NEW|OLD)"#),
    ("included columns", #"\bINCLUDE \("#),
    (
      "functions without arguments",
      #"(DROP|ALTER|COMMENT ON) FUNCTION (IF EXISTS )?[\w."]+\s*(;|$|CASCADE|IS)"#
    ),
    ("vacuum options", #"VACUUM \([^)]*(PARALLEL|INDEX_CLEANUP|SKIP_LOCKED|TRUNCATE|PROCESS_)"#),
    ("explain options", #"EXPLAIN \([^)]*(SUMMARY|SETTINGS|WAL|MEMORY|SERIALIZE)"#),
    ("open slices", #"\[\d*:\]|\[:"#),
    ("extended statistics", #"CREATE STATISTICS"#),
    ("scrolling backwards", #"FETCH (PRIOR|BACKWARD|LAST|ABSOLUTE)|\bSCROLL CURSOR"#),
    ("statistics of an index's column", #"ALTER INDEX [^;]+ ALTER COLUMN"#),
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

  /// Words of a statement that PostgreSQL 9.4's documentation does not have: functions, catalogues, catalogues' columns.
  /// What is new here is looked up there, and added.
  public static func unknownNames(in statement: String) -> [String] {
    let code = replaced(replaced(statement, #"--[^\n]*"#, ""), #"'(?:[^']|'')*'"#, "''")
    let bare = replaced(code, #""(?:[^"]|"")*""#, "x")
    var unknown: Set<String> = []
    for match in matches(bare, #"(?:\b(\w+)\s+)?(?:\w+\.)*\b([a-z_]\w*)\s*\("#) {
      guard let name = match[2].substring, !namesItself.contains(match[1].substring ?? "") else { continue }
      if !functions.contains(name), !types.contains(name), name != "x" { unknown.insert("\(name)()") }
    }
    for match in matches(bare, #"\b((?:pg|gp)_\w+)\b(?!\s*\()"#) {
      if let name = match[1].substring, !catalogues.contains(name) { unknown.insert(String(name)) }
    }
    let prefixes = "att|rel|ind|typ|pro|am|con|opc|tg|nsp|ext|dat|rol|spc|enum|inh|coll|ev|lan"
    for match in matches(bare, #"\b((?:"# + prefixes + #")[a-z]+)\b(?!\s*\()"#) {
      if let name = match[1].substring, !columns.contains(name) { unknown.insert(String(name)) }
    }
    return unknown.sorted()
  }

  private static func matches(_ text: String, _ pattern: String) -> [AnyRegexOutput] {
    (try? Regex(pattern).wordBoundaryKind(.simple)).map { text.matches(of: $0).map(\.output) } ?? []
  }

  private static func replaced(_ text: String, _ pattern: String, _ other: String) -> String {
    (try? Regex(pattern)).map { text.replacing($0, with: other) } ?? text
  }

  /// Words behind which a name with brackets is not a call.
  private static let namesItself: Set<Substring> = [
    "INTO", "TABLE", "ON", "COPY", "ANALYZE", "EXISTS", "AS", "REFERENCES", "INDEX", "USING", "FUNCTION",
    "PROCEDURE",
    "WITH", "RECURSIVE", "UPDATE", "TRIGGER", "JOIN",
  ]

  private static func words(_ text: String) -> Set<Substring> { Set(text.split(separator: /\s+/)) }

  private static let types = words("vector halfvec bit varchar numeric char real text")

  /// Chapter 9 of its documentation; the distances of arrays are AnalyticDB's, `gp_dist_random` is Greenplum's.
  private static let functions = words(
    """
    abs aclexplode array_agg array_length array_to_string avg bool_and bool_or clock_timestamp coalesce col_description
    concat_ws count current_database current_schema current_schemas current_setting extract floor format format_type
    generate_series gp_dist_random greatest has_database_privilege has_schema_privilege has_table_privilege hashtext host
    inet_server_addr json_build_object json_object_agg l2_distance l2_squared_distance least length lower max md5 min now nullif obj_description
    pg_advisory_lock pg_advisory_unlock pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_backend_pid pg_cancel_backend
    pg_describe_object pg_get_constraintdef pg_get_expr pg_get_function_identity_arguments pg_get_functiondef pg_get_indexdef
    pg_get_serial_sequence pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_indexes_size pg_is_in_recovery
    pg_my_temp_schema pg_relation_size pg_size_pretty pg_table_is_visible pg_table_size pg_terminate_backend
    pg_total_relation_size pg_try_advisory_lock pg_try_advisory_xact_lock position quote_ident quote_literal random
    regexp_replace replace right round row_number set_config setval split_part sqrt string_agg substr substring sum to_regclass
    txid_current unnest upper version
    """
  )

  private static let catalogues = words(
    """
    pg_am pg_attrdef pg_attribute pg_available_extension_versions pg_available_extensions pg_catalog pg_class pg_constraint
    pg_database pg_depend pg_description pg_enum pg_extension pg_index pg_indexes pg_inherits pg_language pg_locks
    pg_namespace pg_opclass pg_operator pg_proc pg_prepared_xacts pg_rewrite pg_roles pg_seclabel pg_settings
    pg_stat_activity pg_stat_all_tables pg_stat_user_tables pg_statistic pg_stats pg_tablespace pg_temp pg_toast pg_trigger
    pg_type pg_user gp_id gp_role gp_session_role gp_segment_id gp_segment_configuration gp_distribution_policy
    """
  )

  /// Chapter 48 of its documentation, and words that begin like a column there.
  private static let columns = words(
    """
    attrelid attname atttypid attstattarget attlen attnum attndims attcacheoff atttypmod attbyval attstorage attalign
    attnotnull atthasdef attisdropped attislocal attinhcount attcollation attacl attoptions attfdwoptions
    relname relnamespace reltype reloftype relowner relam relfilenode reltablespace relpages reltuples relallvisible
    reltoastrelid relhasindex relisshared relpersistence relkind relnatts relchecks relhasoids relhaspkey relhasrules
    relhastriggers relhassubclass relispopulated relreplident relfrozenxid relminmxid relacl reloptions relid relstorage
    relation indexrelid indrelid indnatts indisunique indisprimary indisexclusion indimmediate indisclustered indisvalid
    indcheckxmin indisready indislive indisreplident indkey indcollation indclass indoption indexprs indpred indexdef
    indexname typname typnamespace typowner typlen typbyval typtype typcategory typispreferred typisdefined typdelim
    typrelid typelem typarray typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typstorage
    typnotnull typbasetype typtypmod typndims typcollation typdefaultbin typdefault typacl
    proname pronamespace proowner prolang procost prorows provariadic protransform proisagg proiswindow prosecdef
    proleakproof proisstrict proretset provolatile pronargs pronargdefaults prorettype proargtypes proallargtypes
    proargmodes proargnames proargdefaults prosrc probin proconfig proacl provider
    amname amstrategies amsupport amcanorder amcanorderbyop amcanunique amcanmulticol
    conname connamespace contype condeferrable condeferred convalidated conrelid contypid conindid confrelid confupdtype
    confdeltype confmatchtype conislocal coninhcount connoinherit conkey confkey conexclop conbin consrc
    opcmethod opcname opcnamespace opcowner opcfamily opcintype opcdefault opckeytype
    tgrelid tgname tgfoid tgtype tgenabled tgisinternal tgconstrrelid tgconstrindid tgconstraint tgdeferrable
    tginitdeferred tgnargs tgattr tgargs tgqual
    nspname nspowner nspacl extname extowner extnamespace extrelocatable extversion extconfig extcondition
    datname datdba datcollate datctype datistemplate datallowconn datconnlimit datfrozenxid datminmxid dattablespace datacl
    datid database rolname rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolconnlimit rolvaliduntil
    rolconfig spcname spcowner spcacl spcoptions enumtypid enumsortorder enumlabel inhrelid inhparent inhseqno
    collname collnamespace collation ev_class lanname lanpltrusted
    type types index indexes content constraint connection context condition concat extra extract progress process prompt
    among amount data date dates datum contents conflict control
    """
  )
}
