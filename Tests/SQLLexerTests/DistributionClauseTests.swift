import SQLLexer
import Testing

/// The clause that a server without distribution does not understand.
@Suite struct DistributionClauseTests {
  private func clause(_ sql: String) -> String? {
    let statement = Script(sql).statements[0]
    return statement.distributionClause.map { statement.source[$0] }
  }

  @Test(arguments: [
    ("CREATE TABLE t (id int) DISTRIBUTED BY (id)", "DISTRIBUTED BY (id)"),
    ("create temp table t (id int) distributed randomly", "distributed randomly"),
    (
      "CREATE UNLOGGED TABLE IF NOT EXISTS s.t (id int) WITH (fillfactor=70) DISTRIBUTED REPLICATED",
      "DISTRIBUTED REPLICATED"
    ),
    ("CREATE TABLE t (id int) DISTRIBUTED BY (id, (a)) PARTITION BY RANGE (id)", "DISTRIBUTED BY (id, (a))"),
    ("CREATE TABLE t AS SELECT 1 AS id DISTRIBUTED /* by key */ BY(id)", "DISTRIBUTED /* by key */ BY(id)"),
    ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS id DISTRIBUTED BY (id)", "DISTRIBUTED BY (id)"),
  ])
  func `The clause is found behind what creates a table`(sql: String, expected: String) {
    #expect(clause(sql) == expected)
  }

  @Test(arguments: [
    "CREATE TABLE distributed (by int)", "SELECT 'DISTRIBUTED BY (id)'",
    "CREATE TABLE t (note text DEFAULT ' DISTRIBUTED BY (id)')",
    "CREATE TABLE t (id int) -- DISTRIBUTED BY (id)\n",
    "ALTER TABLE t SET DISTRIBUTED BY (id)",
  ])
  func `What only looks like the clause stays`(sql: String) {
    #expect(clause(sql) == nil)
  }

  @Test func `The statement reads on without the clause`() throws {
    let statement = Script("CREATE TABLE t (id int)\n  DISTRIBUTED BY (id) PARTITION BY RANGE (id)")
      .statements[0]
    let clause = try #require(statement.distributionClause)
    #expect(statement.text(without: clause) == "CREATE TABLE t (id int) PARTITION BY RANGE (id)")
  }
}
