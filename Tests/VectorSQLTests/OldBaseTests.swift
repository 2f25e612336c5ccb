import Foundation
import TestSupport
import Testing

/// Greenplum 6 and AnalyticDB 6 stand on PostgreSQL 9.4. Every statement that stands in the sources is looked through for
/// what such a server refuses; each use is listed here with what keeps it from going there.
@Suite struct OldBaseTests {
  /// Uses that no such server meets: file and rule, and why.
  private static let guarded: [String: [String: String]] = [
    "Doctor/FactReading.swift": [
      "progress views": "asked where reportsIndexProgress says so, from 12 on",
      "generic plans": "statements with parameters are planned from 16 on",
    ],
    "Doctor/ServerChecks.swift": ["cascade of extensions": "advised where supportsExtensionCascade says so"],
    "ImageSearch/Catalog/CatalogReading.swift": [
      "row security": "left out before 9.5", "catalogue columns": "left out before 10",
    ],
    "Doctor/ShardReading.swift": ["progress views": "asked on Citus, which needs 11"],
    "Ingestion/Journal/LoadLock.swift": ["later settings": "set from 9.6 and 17 on"],
    "Ingestion/Loading/LoadFinish.swift": [
      "progress views": "asked where reportsIndexProgress says so, from 12 on; on the workers of Citus",
      "later settings": "set from 11 on",
    ],
    "Ingestion/Writing/LoadStatements.swift": ["on conflict": "written where supportsOnConflict says so"],
    "Ingestion/Writing/TargetTable.swift": [
      "catalogue columns": "left out before 10 and 12",
      "statistics of an index's column":
        "an index has some from 11 on; elsewhere a refusal is told and ends nothing",
    ],
    "Migrations/Running/Dump.swift": ["catalogue columns": "asked on Citus, which needs 11"],
    "Migrations/Running/Executor.swift": ["later settings": "set from 11 on"],
    "Migrations/Running/Sending.swift": ["progress views": "asked from 12 on"],
    "Migrations/Running/UnrecordedStatements.swift": ["concurrent index": "from 14 on"],
    "Migrations/Lint/VectorRules.swift": ["index if not exists": "a message, not a statement"],
    "Migrations/Planning/StatementTraits.swift": ["concurrent index": "a name of a statement, not one"],
    "ModelChange/Backfill.swift": ["later settings": "set from 9.6 on"],
    "ModelChange/ChangeRefusals.swift": [
      "catalogue columns": "asked from 12 on", "later catalogues": "asked from 10 on",
    ],
    "VectorSQL/Scripts/LibraryChecks.swift": ["progress views": "written for servers that have them"],
    "VectorSQL/Statements/InsertStatement.swift": ["on conflict": "refused where the dialect has none"],
  ]

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    .standardized

  /// The server's own programs: its version is known (the private server, the sandbox of stock PostgreSQL).
  private static let ownServers = ["LocalPostgres/", "Sandbox/"]

  private static func statements() throws -> [(file: String, text: String)] {
    let sources = root.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path)).compactMap {
      $0 as? String
    }
    .filter { name in name.hasSuffix(".swift") && !ownServers.contains(where: name.hasPrefix) }
    let verbs =
      /^\s*\(?(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|WITH|COPY|SET|LOCK|ANALYZE|BEGIN|DO|EXPLAIN|REINDEX|VACUUM|DISCARD|CASE|EXISTS|FROM|WHERE|ORDER|LIMIT|FETCH|NOT EXISTS|RETURNING| ?ON CONFLICT)\b/
    return try files.sorted().flatMap { file -> [(file: String, text: String)] in
      let text = try String(contentsOf: sources.appending(path: file), encoding: .utf8)
      return literals(text).filter { $0.prefixMatch(of: verbs) != nil }.map { (file, $0) }
    }
  }

  /// The string literals of a source file; line comments are left out.
  static func literals(_ source: String) -> [String] {
    let code = source.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
    let long = code.split(separator: "\"\"\"", omittingEmptySubsequences: false)
    var found: [String] = []
    for (index, part) in long.enumerated() {
      guard index.isMultiple(of: 2) else {
        found.append(String(part).replacing("\\\n", with: "").replacing(/\s+/, with: " "))
        continue
      }
      for line in part.split(separator: "\n") {
        let pieces = line.replacing("\\\"", with: "'").split(
          separator: "\"",
          omittingEmptySubsequences: false
        )
        found += pieces.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
      }
    }
    return found
  }

  @Test func everyStatementIsOneThatPostgreSQL94Takes() throws {
    let statements = try Self.statements()
    #expect(statements.count > 150)
    var used: [String: Set<String>] = [:]
    for (file, text) in statements {
      let refused = OldBase.refused(in: text)
      if !refused.isEmpty { used[file, default: []].formUnion(refused) }
    }
    let listed = Self.guarded.mapValues { Set($0.keys) }
    for file in Set(used.keys).union(listed.keys).sorted() {
      #expect(used[file] ?? [] == listed[file] ?? [], "\(file)")
    }
  }

  /// Functions, catalogues and columns in the sources that 9.4 lacks, and why none of them is sent there.
  private static let later: [String: String] = [
    "attgenerated": "asked from 12 on", "inhdetachpending": "asked from 14 on",
    "pg_publication_tables": "asked from 10 on", "pg_stat_progress_create_index": "asked from 12 on",
    "relispartition": "asked on Citus", "vector_norm()": "pgvector's",
    "every": "a word of a message", "indexed": "a name within a statement", "role": "a word of SET ROLE",
  ]

  /// What only Citus is asked.
  private static let citus = [
    "alter_distributed_table()", "citus_rebalance_start()", "citus_table_size()",
    "citus_total_relation_size()",
    "column_to_column_name()", "create_distributed_table()", "create_reference_table()",
    "get_shard_id_for_distribution_column()", "pg_dist_colocation", "pg_dist_local_group", "pg_dist_node",
    "pg_dist_partition", "pg_dist_placement", "pg_dist_shard", "recover_prepared_transactions()",
    "run_command_on_shards()", "run_command_on_workers()", "shard_name()", "undistribute_table()",
  ]

  @Test func everyNameInAStatementIsOneThatPostgreSQL94Has() throws {
    let names = Set(try Self.statements().flatMap { OldBase.unknownNames(in: Self.fixed(of: $0.text)) })
    #expect(names.sorted() == (Self.citus + Self.later.keys).sorted())
  }

  /// A literal without what is put into it when it is used.
  static func fixed(of literal: String) -> String {
    var text = ""
    var depth = 0
    var isEscape = false
    for character in literal {
      if depth > 0 {
        depth += character == "(" ? 1 : character == ")" ? -1 : 0
      } else if isEscape, character == "(" {
        text.removeLast()
        depth = 1
      } else {
        text.append(character)
      }
      isEscape = character == "\\"
    }
    return text
  }

  @Test func namesAreFoundAsTheyAreUsed() {
    let text =
      "SELECT coalesce(a.attname, 'sha256(x)'), sha256(b) FROM pg_sequences WHERE prokind = 'f' -- scale(1)"
    #expect(OldBase.unknownNames(in: text) == ["pg_sequences", "prokind", "sha256()"])
    #expect(OldBase.unknownNames(in: #"INSERT INTO public.t (id) SELECT "scale" FROM t"#) == [])
    #expect(Self.fixed(of: #"SELECT \(name(of: "x"))::text FROM \(t) u"#) == "SELECT ::text FROM  u")
  }

  @Test func theLiteralsOfAFileAreFound() {
    let source = #"""
      // "SELECT comment"
      run("SELECT 1", with: "x \"y\"")
      let long = """
        SELECT a, \
        b FROM t
        """
      """#
    #expect(Self.literals(source) == ["SELECT 1", "x 'y'", " SELECT a, b FROM t "])
  }
}
