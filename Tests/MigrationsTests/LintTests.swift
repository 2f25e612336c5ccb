import Migrations
import Testing

/// What lint finds.
@Suite struct LintTests {
  private func codes(
    _ sql: String,
    dialect: MigrationDialect = .pgvector,
    transaction: Bool = true,
    before: String? = nil,
    manifest: String? = nil,
    target: LintTarget = LintTarget()
  ) throws -> [String] {
    var files = ["2_b.sql": "-- migrate:up transaction:\(transaction)\n\(sql)\n-- migrate:down\n"]
    if let before { files["1_a.sql"] = "-- migrate:up\n\(before)\n-- migrate:down\n" }
    return try migrator(files, manifest: manifest, dialect: dialect).lint(target).filter {
      $0.location.file == "2_b.sql"
    }
    .map(\.rule.code)
  }

  private let table = "CREATE TABLE t (id int PRIMARY KEY, v vector(3), h halfvec(3), n text);"
  private let adb = "CREATE TABLE t (id int PRIMARY KEY, v real[]) DISTRIBUTED BY (id);"

  @Test(arguments: [
    ("CREATE INDEX i ON t (n);", ["D001"]), ("CREATE UNIQUE INDEX i ON t (n);", ["D001"]),
    ("ALTER TABLE t ALTER COLUMN n TYPE int USING n::int;", ["D002"]),
    ("ALTER TABLE t ALTER n SET DATA TYPE int;", ["D002"]),
    ("ALTER TABLE t ALTER COLUMN n SET NOT NULL;", ["D003"]),
    ("ALTER TABLE t ADD COLUMN x int NOT NULL;", ["D003"]),
    ("ALTER TABLE t ADD COLUMN x int NOT NULL DEFAULT 1;", []), ("ALTER TABLE t ADD COLUMN x int;", []),
    ("DROP TABLE t;", ["D004"]), ("DROP TABLE IF EXISTS t;", ["D004"]),
    ("ALTER TABLE t DROP COLUMN n;", ["D004"]),
    ("ALTER TABLE t DROP n;", ["D004"]), ("TRUNCATE t;", ["D004"]),
    ("ALTER TABLE t ALTER n DROP NOT NULL;", []),
    ("ALTER TABLE t RENAME COLUMN n TO m;", ["D005"]), ("ALTER TABLE t RENAME TO u;", ["D005"]),
    ("ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0);", ["D006"]),
    ("ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0) NOT VALID;", []),
    ("ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES o (id);", ["D006"]),
    ("ALTER TABLE t ADD CONSTRAINT c UNIQUE (n);", ["D007"]),
    ("ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i;", []),
    ("ALTER TABLE t ADD COLUMN x uuid DEFAULT gen_random_uuid();", ["D008"]), ("DROP INDEX i;", ["D009"]),
    ("VACUUM FULL t;", ["D010"]), ("CREATE INDEX CONCURRENTLY i ON t (n);", ["D011"]),
    ("UPDATE t SET n = '';", ["D012"]), ("DELETE FROM t;", ["D012"]), ("DELETE FROM t WHERE id = 1;", []),
  ])
  func `What locks or breaks a table in use`(sql: String, expected: [String]) throws {
    #expect(try codes(sql, before: table) == expected)
  }

  @Test func `A table that the same file makes is in nobody's way`() throws {
    #expect(
      try codes(table + "CREATE INDEX i ON t (n); ALTER TABLE t ALTER n SET NOT NULL; DELETE FROM t;") == []
    )
  }

  @Test func `CONCURRENTLY outside a transaction is what lint wants`() throws {
    #expect(try codes("CREATE INDEX CONCURRENTLY i ON t (n);", transaction: false, before: table) == [])
  }

  @Test(arguments: [
    ("CREATE INDEX CONCURRENTLY i ON t USING hnsw (v halfvec_l2_ops);", ["V002"]),
    ("CREATE INDEX CONCURRENTLY i ON t USING hnsw (h halfvec_ip_ops);", []),
    (
      "CREATE INDEX CONCURRENTLY i ON t USING hnsw (v vector_l2_ops) WITH (m = 16, efconstruction = 64);",
      ["V007"]
    ),
    (
      "CREATE INDEX CONCURRENTLY i ON t USING hnsw (v vector_l2_ops) WITH (m = 101, ef_construction = 300);",
      ["V011"]
    ),
    ("CREATE INDEX CONCURRENTLY i ON t USING hnsw (v vector_l2_ops) WITH (m = 40);", ["V011"]),
    ("CREATE INDEX CONCURRENTLY i ON t USING ivfflat (v vector_l2_ops) WITH (lists = 100);", []),
    ("CREATE INDEX CONCURRENTLY i ON t USING ann (v) WITH (dim = 4);", ["V001", "V004"]),
  ])
  func `Vector indexes of pgvector`(sql: String, expected: [String]) throws {
    #expect(try codes(sql, transaction: false, before: table) == expected)
  }

  @Test(arguments: [
    ("CREATE TABLE w (v vector(2001)); CREATE INDEX i ON w USING hnsw (v vector_l2_ops);", ["V012"]),
    ("CREATE TABLE w (v halfvec(4001)); CREATE INDEX i ON w USING hnsw (v halfvec_l2_ops);", ["V012"]),
    ("CREATE TABLE w (v bit(64001)); CREATE INDEX i ON w USING hnsw (v bit_hamming_ops);", ["V012"]),
    ("CREATE TABLE w (v sparsevec(100000)); CREATE INDEX i ON w USING hnsw (v sparsevec_l2_ops);", []),
    ("CREATE TABLE w (v vector); CREATE INDEX i ON w USING hnsw (v vector_l2_ops);", ["V013"]),
    ("CREATE TABLE w (v vector(2048)); ALTER TABLE w ALTER COLUMN v SET STORAGE PLAIN;", ["V008"]),
    ("CREATE TABLE w (v vector(1000)); ALTER TABLE w ALTER COLUMN v SET STORAGE PLAIN;", []),
    (
      "CREATE TABLE w (v vector(3)); CREATE INDEX i ON w USING hnsw (v vector_l2_ops); INSERT INTO w VALUES ('[1,2,3]');",
      ["V009"]
    ),
    (
      "CREATE TABLE w (v vector(3)); INSERT INTO w VALUES ('[1,2,3]'); CREATE INDEX i ON w USING hnsw (v vector_l2_ops);",
      []
    ),
    ("CREATE TABLE w (id int) DISTRIBUTED BY (id);", ["V010"]),
  ])
  func `Columns and storage`(sql: String, expected: [String]) throws {
    #expect(try codes(sql) == expected)
  }

  @Test(arguments: [
    ("CREATE INDEX i ON t USING ann (v) WITH (dim = 3);", ["V004"]),
    ("ALTER TABLE t ALTER COLUMN v SET STORAGE PLAIN; CREATE INDEX i ON t USING ann (v) WITH (dim = 3);", []),
    (
      "ALTER TABLE t ALTER v SET STORAGE PLAIN; CREATE INDEX i ON t USING ann (v) WITH (dim = 3, pq_enable = '1');",
      ["V005"]
    ),
    ("CREATE UNIQUE INDEX i ON t (v);", ["V006"]), ("CREATE UNIQUE INDEX i ON t (id, v);", []),
    ("CREATE TABLE u (a int UNIQUE, b int) DISTRIBUTED BY (b);", ["V006"]),
    ("CREATE TABLE u (a int PRIMARY KEY) DISTRIBUTED RANDOMLY;", ["V006"]),
    ("CREATE TABLE u (a int PRIMARY KEY, b int UNIQUE) DISTRIBUTED REPLICATED;", []),
    (
      "ALTER TABLE t ALTER v SET STORAGE PLAIN; CREATE INDEX i ON t USING ann (v) WITH (dim = 3, hnswm = 9);",
      ["V007"]
    ),
    (
      "ALTER TABLE t ALTER v SET STORAGE PLAIN; CREATE INDEX i ON t USING ann (v) WITH (dim = 3, hnsw_m = 9);",
      ["V011"]
    ),
    (
      "ALTER TABLE t ALTER v SET STORAGE PLAIN; CREATE INDEX i ON t USING ann (v) WITH (hnsw_m = 32);",
      ["V013"]
    ),
    ("CREATE INDEX IF NOT EXISTS i ON t (id);", ["V010"]),
    ("CREATE TABLE u (a int GENERATED ALWAYS AS IDENTITY);", ["V010"]),
  ])
  func `AnalyticDB's own rules`(sql: String, expected: [String]) throws {
    #expect(try codes(sql, dialect: .analyticDB, before: adb) == expected)
  }

  @Test func `CREATE INDEX CONCURRENTLY is not for Greenplum's family`() throws {
    #expect(
      try codes(
        "CREATE INDEX CONCURRENTLY i ON t (id);",
        dialect: .analyticDB,
        transaction: false,
        before: adb
      ) == ["V010"]
    )
  }

  @Test func `An option is known to one version and not to the other`() throws {
    let sql =
      "ALTER TABLE t ALTER v SET STORAGE PLAIN; CREATE INDEX i ON t USING ann (v) WITH (dim = 3, external_storage = 1);"
    #expect(
      try codes(sql, dialect: .analyticDB, before: adb, target: LintTarget(productVersion: 7)) == ["V007"]
    )
    #expect(try codes(sql, dialect: .analyticDB, before: adb, target: LintTarget(productVersion: 6)) == [])
  }

  @Test func `An index that disagrees with the parameters`() throws {
    let manifest = """
      dim:
        type: int
        default: 4
      distance:
        type: choice
        choices: [l2, cosine]
        default: cosine
      """
    let sql = "ALTER TABLE t ALTER v SET STORAGE PLAIN; CREATE INDEX i ON t USING ann (v) WITH (dim = 3);"
    #expect(try codes(sql, dialect: .analyticDB, before: adb, manifest: manifest) == ["V001", "V003"])
    #expect(
      try codes(
        "CREATE INDEX CONCURRENTLY i ON t USING hnsw (v vector_l2_ops);",
        transaction: false,
        before: table,
        manifest: manifest
      ) == ["V003"]
    )
  }

  @Test func `A file may say what lint is to leave alone`() throws {
    #expect(
      try codes("-- lint:ignore D001 the table is small\nCREATE INDEX i ON t (n);", before: table) == []
    )
    #expect(
      try codes("-- lint:ignore D001,D004 both\nCREATE INDEX i ON t (n);\nDROP TABLE t;", before: table) == []
    )
    #expect(try codes("-- lint:ignore D999 what\nSELECT 1;") == ["L001"])
    #expect(try codes("-- lint:ignore D001 nothing here\nSELECT 1;") == ["L002"])
    #expect(try codes("SELECT '-- lint:ignore D001';\nCREATE INDEX i ON t (n);", before: table) == ["D001"])
  }

  @Test func `A file without a way down is a note`() throws {
    let findings = try migrator(["1_a.sql": "-- migrate:up\nSELECT 1;\n"]).lint()
    #expect(findings.map(\.rule.code) == ["D013"])
    #expect(findings.map(\.rule.severity) == [.note])
  }

  @Test func `A finding points into the template`() throws {
    let findings = try migrator(
      [
        "1_a.sql":
          "-- migrate:up\n{{#if wide}}\nSELECT 1;\n{{/if}}\n  DROP TABLE {{table}};\n-- migrate:down\n"
      ],
      manifest: "wide:\n  type: bool\n  default: false\ntable:\n  type: identifier\n  default: t\n"
    ).lint()
    #expect(findings.map(\.description) == ["1_a.sql:5:3: warning D004: the rows of t are lost"])
  }
}
