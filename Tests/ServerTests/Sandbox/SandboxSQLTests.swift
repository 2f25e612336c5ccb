import Foundation
import PostgresClient
import Sandbox
import Testing
import TestSupport
import VectorSQL

/// AnalyticDB's DDL through the sandbox, by psql and libpq, in both protocols.
@Suite struct SandboxSQLTests {
  @Test func createsTablesInTheSimpleProtocol() async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      let finished = try await sandbox.psql(
        """
        CREATE TABLE a (id int) DISTRIBUTED BY (id);
        CREATE TABLE b AS SELECT 7 AS id DISTRIBUTED RANDOMLY;
        CREATE TABLE c (LIKE a) DISTRIBUTED REPLICATED; INSERT INTO c VALUES (8);
        SELECT id, 'DISTRIBUTED BY (id)' FROM b UNION SELECT id, $$DISTRIBUTED RANDOMLY$$ FROM c ORDER BY id;
        ALTER TABLE a SET DISTRIBUTED RANDOMLY;
        CREATE TABLE d (id int) WITH (appendonly = true, fillfactor = 70) DISTRIBUTED BY (id);
        SELECT reloptions FROM pg_class WHERE relname = 'd';
        SELECT b.gp_segment_id, count(*) FROM b GROUP BY gp_segment_id;
        """
      )
      #expect(finished.error == "")
      #expect(
        finished.output == "7|DISTRIBUTED BY (id)\n8|DISTRIBUTED RANDOMLY\n{fillfactor=70}\n0|1\n"
      )
      #expect(
        sandbox.events.leftOut
          == [.by, .randomly, .replicated, .randomly, .storageOption, .by, .segmentID, .segmentID]
      )
    }
  }

  @Test func createsTablesInTheExtendedProtocol() async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      let connection = try await sandbox.connect()
      try await connection.query(Statement("CREATE TABLE a (id int) DISTRIBUTED BY (id)"))
      try await connection.query(Statement("INSERT INTO a VALUES ($1)", binds: [.int4(3)]))
      let rows = try await connection.pipeline([
        Statement("CREATE TABLE b AS SELECT id FROM a DISTRIBUTED BY (id)"),
        Statement("SELECT id + 1 FROM b"),
      ])
      #expect(try rows[1][0].value(at: 0, as: Int.self) == 4)
      #expect(sandbox.events.leftOut == [.by, .by])
      await connection.close()
    }
  }

  /// psql counts characters in the text as it sent it; so positions behind a clause must fit that text.
  @Test func errorPositionsFitTheTextAsSent() async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      let sql = "CREATE TABLE a (größe int) DISTRIBUTED BY\n (größe); SELECT 'é', nope"
      let connection = try await sandbox.connect()
      let simple = await #expect(throws: PostgresError.self) { try await connection.run(trusted: sql) }
      #expect(
        simple?.position == sql.distance(
          from: sql.startIndex,
          to: try #require(sql.firstRange(of: "nope")).lowerBound
        ) + 1
      )
      let table = "CREATE TABLE a (größe int) DISTRIBUTED BY (größe) nope"
      let extended = await #expect(throws: PostgresError.self) {
        try await connection.query(Statement(trusted: table))
      }
      #expect(extended?.position == 51)
      let batch = await #expect(throws: PostgresError.self) {
        try await connection.pipeline([
          Statement("CREATE TABLE a (i int) DISTRIBUTED BY (i)"), Statement("SELECT i, nope FROM a"),
        ])
      }
      #expect(batch?.position == 11)
      await connection.close()
    }
  }

  /// What psql prints through the sandbox is what it prints without it: results, errors, notices, descriptions.
  @Test func restIsByteForByte() async throws {
    try await SandboxUnderTest.before { sandbox, database in
      let script = """
        SELECT version(); SHOW server_version; SELECT current_user, current_database();
        SELECT nope; SELECT 'a' 'b'; SELECT 1 distributed;
        DO $$ BEGIN RAISE NOTICE 'DISTRIBUTED BY (x)'; END $$;
        CREATE TABLE pg_temp.d (distributed int); \\d pg_temp.d
        SELECT 1 \\bind \\g
        SELECT $1 + 1 \\parse stmt
        \\bind_named stmt 41 \\g
        \\set FETCH_COUNT 10
        SELECT count(*) FROM generate_series(1, 1000);
        \\encoding SJIS
        SELECT U&'\\8868';
        LISTEN x; NOTIFY x, 'y';
        ALTER TABLE nowhere SET (x = 1);
        """
      let through = try await sandbox.psql(script)
      let direct = try await SandboxUnderTest.psql(script, database.url)
      let backend = /with PID \d+/
      #expect(through.output.replacing(backend, with: "") == direct.output.replacing(backend, with: ""))
      #expect(through.error == direct.error)
      #expect(through.output.contains("42"))
      #expect(sandbox.events.leftOut.isEmpty)
    }
  }

  /// The server behind it says what it is; the sandbox adds no claim of being AnalyticDB.
  @Test func doesNotClaimToBeAnalyticDB() async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      let answer = try await sandbox.psql("SHOW adbpg_version;")
      #expect(answer.error.contains("unrecognized configuration parameter \"adbpg_version\""))
    }
  }
}
