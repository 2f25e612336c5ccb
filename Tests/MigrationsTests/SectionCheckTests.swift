import Migrations
import Testing

/// What is refused before anything is sent.
@Suite struct SectionCheckTests {
  private func problems(_ body: String, transaction: Bool) throws -> [String] {
    let mark = "-- migrate:up" + (transaction ? "" : " transaction:false")
    return try migrator(["1_a.sql": "\(mark)\n\(body)\n"]).problems().map(\.message)
  }

  /// The callers of `PreventInTransactionBlock`, in the spellings that the grammar has.
  private static let refusing = [
    "VACUUM", "vacuum (full) t", "VACUUM FULL t", "CREATE DATABASE d", "/* c */ drop /**/ database d",
    "CREATE TABLESPACE s LOCATION '/x'", "DROP TABLESPACE IF EXISTS s", "REINDEX DATABASE d",
    "REINDEX (VERBOSE) DATABASE d", "REINDEX SYSTEM d", "REINDEX SCHEMA public",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX (CONCURRENTLY) INDEX i", "REINDEX (VERBOSE, CONCURRENTLY true) TABLE t",
    "REINDEX (VERBOSE, TABLESPACE x) SCHEMA CONCURRENTLY s", "CLUSTER", "CLUSTER VERBOSE",
    "CLUSTER (VERBOSE)",
    "CREATE INDEX CONCURRENTLY ON t (a)", "create unique index concurrently i on t (a)",
    "DROP INDEX CONCURRENTLY IF EXISTS i", "ALTER TABLE public.m DETACH PARTITION public.m1 CONCURRENTLY",
    "ALTER TABLE IF EXISTS ONLY a.b.m DETACH PARTITION \"M\".m1 CONCURRENTLY", "ALTER SYSTEM SET a = 1",
    "ALTER DATABASE d SET TABLESPACE s", "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
    "DROP SUBSCRIPTION s", "ALTER SUBSCRIPTION s REFRESH PUBLICATION WITH (copy_data = false)",
    "ALTER SUBSCRIPTION s SET PUBLICATION p", "ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (refresh = true)",
    "ALTER SUBSCRIPTION s SET (failover = true)", "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'",
    "DISCARD ALL",
  ]

  private static let allowed = [
    "REINDEX TABLE t", "REINDEX (CONCURRENTLY false) TABLE t", "CLUSTER t USING i", "CLUSTER (VERBOSE) t",
    "CLUSTER VERBOSE verbose", "CREATE INDEX i ON concurrently (a)", "CREATE INDEX \"concurrently\" ON t (a)",
    "ALTER TABLE m DETACH PARTITION concurrently", "ALTER TABLE m DETACH PARTITION m1 FINALIZE",
    "ALTER DATABASE d SET work_mem = '1GB'", "ALTER DATABASE d RENAME TO tablespace",
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)",
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = off, enabled = false)",
    "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)", "ALTER SUBSCRIPTION s DISABLE",
    "ANALYZE t", "DISCARD PLANS", "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a", "SELECT 'VACUUM'",
    "CREATE TABLE vacuum (a int)", "COMMENT ON TABLE t IS 'REINDEX SCHEMA'",
  ]

  @Test(arguments: refusing)
  func `A statement that refuses transactions is refused in one`(sql: String) throws {
    #expect(
      try problems("\(sql);", transaction: true).first?.hasSuffix("cannot run inside a transaction") == true
    )
    #expect(try problems("\(sql);", transaction: false) == [])
    #expect(
      try problems("BEGIN;\n\(sql);\nCOMMIT;", transaction: false).first?
        .hasSuffix("cannot run inside a transaction") == true
    )
  }

  @Test(arguments: ["COPY t TO STDOUT", "COPY (SELECT 1) TO stdin WITH (FORMAT csv)"])
  func `A COPY that sends rows back is refused before anything is sent`(sql: String) throws {
    #expect(
      try problems("\(sql);", transaction: false) == [
        "this COPY sends rows to a client, and a migration keeps none"
      ]
    )
  }

  @Test(arguments: allowed)
  func `What only looks like one is sent`(sql: String) throws {
    #expect(try problems("\(sql);", transaction: true) == [])
  }

  @Test(arguments: [
    ("BEGIN;\nCREATE TABLE a (x int);", "this transaction has no COMMIT"),
    ("START TRANSACTION;\nSELECT 1;", "this transaction has no COMMIT"),
    ("COMMIT;", "no transaction is open here"), ("SELECT 1;\nEND;", "no transaction is open here"),
    ("ROLLBACK;", "no transaction is open here"), ("ABORT WORK;", "no transaction is open here"),
    ("BEGIN;\nSELECT 1;\nROLLBACK;", "this takes back what the statements before it did"),
    ("BEGIN;\nSELECT 1;\nABORT;", "this takes back what the statements before it did"),
    ("BEGIN;\nBEGIN;\nSELECT 1;\nCOMMIT;", "a transaction is open here already"),
    ("BEGIN;\nSTART TRANSACTION READ ONLY;\nCOMMIT;", "a transaction is open here already"),
    ("BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;", "AND CHAIN leaves another transaction open"),
    ("SAVEPOINT a;", "savepoints need a transaction"), ("RELEASE a;", "savepoints need a transaction"),
    ("ROLLBACK TO a;", "savepoints need a transaction"),
    ("BEGIN;\nCOMMIT;\nBEGIN;\nSELECT 1;", "this transaction has no COMMIT"),
  ])
  func `Transactions that would leave nothing behind are refused`(sql: String, message: String) throws {
    #expect(try problems(sql, transaction: false).first == message)
  }

  @Test(arguments: [
    ("SET LOCAL lock_timeout = '1s'", "SET LOCAL"), ("set local role r", "SET LOCAL"),
    ("SET TRANSACTION READ ONLY", "SET TRANSACTION"), ("SET CONSTRAINTS ALL DEFERRED", "SET CONSTRAINTS"),
    ("LOCK TABLE t", "LOCK TABLE"), ("LOCK t IN SHARE MODE", "LOCK TABLE"),
    ("DECLARE c CURSOR FOR SELECT 1", "a cursor without WITH HOLD"),
    ("CREATE TEMP TABLE a ON COMMIT DROP AS SELECT 1", "a table with ON COMMIT DROP"),
    ("SELECT * FROM t ORDER BY id FOR UPDATE", "SELECT … FOR UPDATE or SHARE"),
    ("SELECT 1 FROM t FOR NO KEY UPDATE OF t NOWAIT", "SELECT … FOR UPDATE or SHARE"),
    ("SELECT pg_advisory_xact_lock(1)", "pg_advisory_xact_lock"),
    ("SELECT pg_catalog.pg_try_advisory_xact_lock_shared(1, 2)", "pg_try_advisory_xact_lock_shared"),
    ("SELECT set_config('lock_timeout', '1s', TRUE)", "set_config(…, true)"),
    ("SELECT pg_catalog.set_config('lock_timeout', '1s', 'on')", "set_config(…, true)"),
  ])
  func `What ends with its transaction needs one in a file without`(sql: String, name: String) throws {
    let problem = "\(name) ends with its transaction, and here it would be the only statement of one"
    #expect(try problems("SELECT 1;\n\(sql);", transaction: false) == [problem])
    #expect(try problems("BEGIN;\n\(sql);\nSELECT 1;\nCOMMIT;", transaction: false) == [])
    #expect(try problems("\(sql);", transaction: true) == [])
    let error = try migrator(["1_a.sql": "-- migrate:up transaction:false\nSELECT 1;\n \(sql);\n"]).problems()
      .first
    #expect(error?.location?.description == "1_a.sql:3:2")
  }

  @Test(arguments: [
    "SET lock_timeout = '1s'", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET local_preload = 1",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "SELECT set_config('lock_timeout', '1s', false)",
    "CREATE TEMP TABLE a (x int) ON COMMIT DELETE ROWS", "SELECT 'SET LOCAL'",
    "SELECT substring(a FOR 3) FROM update", "INSERT INTO t SELECT * FROM u FOR UPDATE",
    "SELECT pg_advisory_lock(1)",
    "INSERT INTO t SELECT set_config('work_mem', '1MB', true)",
  ])
  func `What outlives its transaction runs alone`(sql: String) throws {
    #expect(try problems("\(sql);", transaction: false) == [])
  }

  @Test(arguments: [
    ("SET standard_conforming_strings = off", true),
    ("set session Standard_Conforming_Strings to 'off'", true),
    ("SET LOCAL \"standard_conforming_strings\" TO false", true),
    ("SET standard_conforming_strings = 0", true),
    ("SELECT set_config('standard_conforming_strings', 'off', false)", true),
    ("SELECT pg_catalog.set_config('Standard_conforming_strings', 'o' || 'ff', false)", true),
    ("DO $$ BEGIN SET standard_conforming_strings = off; END $$", true),
    ("UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'", true),
    ("ALTER ROLE r SET standard_conforming_strings = off", true),
    ("ALTER DATABASE d SET standard_conforming_strings TO off", true),
    ("ALTER ROLE ALL IN DATABASE d SET standard_conforming_strings FROM CURRENT", true),
    ("SET standard_conforming_strings = on", false), ("SET standard_conforming_strings TO DEFAULT", false),
    ("RESET standard_conforming_strings", false), ("ALTER ROLE r RESET standard_conforming_strings", false),
    ("SELECT 'SET standard_conforming_strings = off'", false), ("SET escape_string_warning = off", false),
  ])
  func `Strings stay standard`(sql: String, isRefused: Bool) throws {
    for transaction in [true, false] {
      let found = try problems("\(sql);\nINSERT INTO t VALUES ('\\');", transaction: transaction)
      #expect(found.contains { $0.hasPrefix("standard_conforming_strings must stay on") } == isRefused)
    }
    // What follows would be cut otherwise: the statement is named, not the string that seems open.
    let found = try problems("\(sql);\nINSERT INTO t VALUES ('a\\'b');", transaction: true)
    #expect(found.first?.hasPrefix("standard_conforming_strings must stay on") == isRefused)
  }

  @Test(arguments: [
    "BEGIN;\nSELECT 1;\nCOMMIT;", "BEGIN WORK;\nSAVEPOINT a;\nROLLBACK TO a;\nRELEASE a;\nEND;\nSELECT 2;",
    "START TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT WORK;\nBEGIN;\nCOMMIT;",
    "BEGIN;\nSELECT 1;\nPREPARE TRANSACTION 'x';\nCOMMIT PREPARED 'x';",
  ])
  func `Whole transactions run`(sql: String) throws {
    #expect(try problems(sql, transaction: false) == [])
  }

  @Test(arguments: ["\\d t", "SELECT 1 \\gset", "\\restrict abc\nSELECT 1;"])
  func `A backslash command is refused with its place`(sql: String) throws {
    let error = try #require(try migrator(["1_a.sql": "-- migrate:up\n\(sql)\n"]).problems().first)
    #expect(error.message.hasPrefix("a backslash command is psql's"))
    #expect(error.location?.file == "1_a.sql")
  }

  @Test(arguments: ["COPY t FROM stdin;\n1\n2\n", "COPY t FROM stdin", "COPY t FROM stdout;\n1\nSELECT 1;\n"])
  func `COPY data without an end is refused`(sql: String) throws {
    #expect(try problems(sql, transaction: true) == ["this COPY has no end of data"])
  }

  @Test(arguments: [
    ("SET client_encoding = 'LATIN1'", true), ("SET NAMES 'sjis'", true),
    ("SET SESSION client_encoding TO win1252", true),
    ("SET client_encoding = 'UTF8'", false), ("SET NAMES 'utf-8'", false),
    ("SET client_encoding TO DEFAULT", false),
  ])
  func `The client encoding stays UTF-8`(sql: String, isRefused: Bool) throws {
    #expect(try problems("\(sql);", transaction: true).isEmpty != isRefused)
  }
}
