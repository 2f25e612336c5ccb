import Testing

@testable import Sandbox

/// What of a statement is left out, shown as the text that the server sees.
@Suite struct ClauseTests {
  @Test(arguments: [
    ("CREATE TABLE t (id int) DISTRIBUTED BY(id)", "CREATE TABLE t (id int) --STRIBUTED BY(id\n"),
    ("create table t (id int) distributed by (id, b)", "create table t (id int) --stributed by (id, b\n"),
    ("CREATE TABLE t (id int)DISTRIBUTED RANDOMLY;", "CREATE TABLE t (id int)--STRIBUTED RANDOML\n;"),
    ("CREATE TABLE t (id int) Distributed Replicated;", "CREATE TABLE t (id int) --stributed Replicate\n;"),
    (
      "CREATE TABLE t AS SELECT 1 id DISTRIBUTED BY (id)",
      "CREATE TABLE t AS SELECT 1 id --STRIBUTED BY (id\n"
    ),
    ("CREATE TEMP TABLE t (i int) DISTRIBUTED BY (i)", "CREATE TEMP TABLE t (i int) --STRIBUTED BY (i\n"),
    (
      "CREATE GLOBAL TEMP TABLE t (i int) DISTRIBUTED BY (i)",
      "CREATE GLOBAL TEMP TABLE t (i int) --STRIBUTED BY (i\n"
    ),
    (
      "CREATE UNLOGGED TABLE t (i int) DISTRIBUTED BY (i)",
      "CREATE UNLOGGED TABLE t (i int) --STRIBUTED BY (i\n"
    ),
    (
      "CREATE TABLE IF NOT EXISTS s.t (i int) DISTRIBUTED BY (i)",
      "CREATE TABLE IF NOT EXISTS s.t (i int) --STRIBUTED BY (i\n"
    ),
    (
      "CREATE MATERIALIZED VIEW v AS SELECT 1 DISTRIBUTED RANDOMLY",
      "CREATE MATERIALIZED VIEW v AS SELECT 1 --STRIBUTED RANDOML\n"
    ),
    (
      "/* a */ CREATE /* b */ TABLE t (i int) DISTRIBUTED -- c\n BY (i);",
      "/* a */ CREATE /* b */ TABLE t (i int) --STRIBUTED -- c  BY (i\n;"
    ),
    (
      "CREATE TABLE t (i int) DISTRIBUTED\r\nBY (i cdbhash_int4_ops)",
      "CREATE TABLE t (i int) --STRIBUTED  BY (i cdbhash_int4_ops\n"
    ),
    (
      "CREATE TABLE t (\"größe\" int) DISTRIBUTED BY (\"größe\")",
      "CREATE TABLE t (\"größe\" int) --STRIBUTED BY (\"größe\"\n"
    ),
    (
      "CREATE TABLE t (größé int) DISTRIBUTED BY (größé)",
      "CREATE TABLE t (größé int) --STRIBUTED BY (größé\n"
    ),
    (
      "CREATE TABLE t (\"a)b\" int) DISTRIBUTED BY (\"a)b\")",
      "CREATE TABLE t (\"a)b\" int) --STRIBUTED BY (\"a)b\"\n"
    ),
    (
      "SELECT 1; CREATE TABLE t (i int) DISTRIBUTED BY (i); SELECT 2",
      "SELECT 1; CREATE TABLE t (i int) --STRIBUTED BY (i\n; SELECT 2"
    ),
    (
      "COPY a FROM STDIN;\nCREATE TABLE t (i int) DISTRIBUTED BY (i)",
      "COPY a FROM STDIN;\nCREATE TABLE t (i int) --STRIBUTED BY (i\n"
    ),
    (
      "CREATE TABLE t (i int) DISTRIBUTED BY (i) PARTITION BY RANGE (i)",
      "CREATE TABLE t (i int) --STRIBUTED BY (i\n PARTITION BY RANGE (i)"
    ),
    ("ALTER TABLE t SET DISTRIBUTED BY (a);", "ALTER TABLE t SET WITHOUT OIDS      ;"),
    (
      "ALTER TABLE IF EXISTS ONLY s.t SET WITH (REORGANIZE=true) DISTRIBUTED RANDOMLY",
      "ALTER TABLE IF EXISTS ONLY s.t SET WITHOUT OIDS                               "
    ),
    (
      "CREATE TABLE t (i int) WITH (appendonly=true, orientation = column) DISTRIBUTED BY (i)",
      "CREATE TABLE t (i int) --TH (appendonly=true, orientation = column\n --STRIBUTED BY (i\n"
    ),
    (
      "CREATE TABLE t (i int) WITH (fillfactor=70, APPENDONLY=true)",
      "CREATE TABLE t (i int) WITH (fillfactor=70--APPENDONLY=tru\n)"
    ),
    (
      "CREATE TABLE t (i int) WITH (appendonly=true, compresslevel=5, fillfactor=70)",
      "CREATE TABLE t (i int) WITH (--pendonly=true\n --mpresslevel=5\n fillfactor=70)"
    ),
    (
      "SELECT gp_segment_id, count(*) FROM t GROUP BY t.GP_SEGMENT_ID",
      "SELECT 0::int4      , count(*) FROM t GROUP BY 0::int4        "
    ),
    ("SELECT s . \"T\" . gp_segment_id FROM s.t", "SELECT 0::int4                 FROM s.t"),
  ])
  func leavesOut(_ sql: String, _ seen: String) { #expect(server(sql) == seen) }

  @Test(arguments: [
    "SELECT 'CREATE TABLE t (i int) DISTRIBUTED BY (i)'",
    "CREATE TABLE t (i text DEFAULT 'x DISTRIBUTED BY (i)')",
    "CREATE TABLE t (i int) -- DISTRIBUTED BY (i)",
    "CREATE TABLE t (i int) /* DISTRIBUTED BY (i) */",
    "DO $$ BEGIN EXECUTE 'x'; CREATE TABLE t (i int) DISTRIBUTED BY (i); END $$",
    "CREATE TABLE t (distributed int, by int)",
    "CREATE TABLE t (i int, \"DISTRIBUTED\" int)",
    "SELECT 1 AS distributed; SELECT 2",
    "CREATE TABLE t AS SELECT 1 AS distributed ORDER BY (1)",
    "CREATE INDEX i ON t (a) DISTRIBUTED BY (a)",
    "ALTER TABLE t SET (fillfactor = 70); ALTER TABLE t ADD distributed int",
    "ALTER TABLE t SET SCHEMA distributed; UPDATE t SET distributed = 1",
    "CREATE TABLE t AS WITH distributed AS (SELECT 1 AS appendonly) SELECT * FROM distributed",
    "CREATE TABLE t (i int) WITH (fillfactor = 70) -- appendonly",
    "CREATE INDEX i ON t (a) WITH (appendonly = true)",
    "SELECT 1 AS gp_segment_id, 'gp_segment_id', \"gp_segment_id\" -- gp_segment_id",
    "CREATE TABLE t (i int) DISTRIBUTED BY",
    "CREATE TABLE t (i int) DISTRIBUTED BY (i",
    "CREATE TABLE t (i int) DISTRIBUTED",
    "CREATE TABLE t (i int) \"DISTRIBUTED\" BY (i)",
    "",
    ";;",
  ])
  func keeps(_ sql: String) { #expect(server(sql) == sql) }

  /// In every piece length, the same as in one piece.
  @Test(arguments: 1...40)
  func doesNotDependOnPieces(_ piece: Int) {
    for sql in Samples.sql {
      var finder = ClauseFinder()
      let pieces = Array(sql.utf8).pieces(piece)
      let found = pieces.indices.flatMap { finder.read(pieces[$0], isLast: $0 == pieces.count - 1) }
      var whole = ClauseFinder()
      #expect(found == whole.read(Array(sql.utf8), isLast: true), "\(sql)")
    }
  }

  private func server(_ sql: String) -> String {
    let passed = MessageReader.passed(Wire.query(sql))
    return String(decoding: passed.dropFirst(5).dropLast(), as: UTF8.self)
  }
}
