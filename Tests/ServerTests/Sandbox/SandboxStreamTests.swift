import Foundation
import PostgresClient
import Sandbox
import Testing
import TestSupport
import VectorSQL

/// Long streams both ways, and clients and servers that stop reading.
@Suite(.serialized) struct SandboxStreamTests {
  @Test func copiesBothWays() async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      let rows = 20_000
      let digest = "SELECT md5(string_agg(i || t, ',' ORDER BY i)), sum(length(t)) FROM"
      let folder = try TemporaryFolder()
      let file = folder.path + "/rows.copy"
      let finished = try await sandbox.psql(
        """
        CREATE TABLE a AS SELECT i, repeat('DISTRIBUTED BY (i) ', 50) || i AS t FROM generate_series(1, \(rows)) i DISTRIBUTED BY (i);
        CREATE TABLE b (LIKE a) DISTRIBUTED BY (i);
        \\copy a TO '\(file)'
        \\copy b FROM '\(file)'
        \\copy (SELECT * FROM b) TO '\(file)' (FORMAT binary)
        TRUNCATE b;
        \\copy b FROM '\(file)' (FORMAT binary)
        \(digest) a;
        \(digest) b;
        """
      )
      #expect(finished.error == "")
      let lines = finished.output.split(separator: "\n")
      #expect(lines.count == 2 && lines[0] == lines[1])
    }
  }

  /// A long statement, as one literal and as many numbers, with a clause at both ends; and the same bytes back.
  @Test(arguments: [("literal", 20 << 20), ("numbers", 1 << 20)])
  func carriesLongMessages(_ kind: String, length: Int) async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      let connection = try await sandbox.connect()
      let value =
        kind == "literal"
        ? "'" + String(repeating: "it''s; ", count: length / 7) + "'"
        : "ARRAY[" + String(repeating: "0.12345,", count: length / 8) + "0]::real[]::text"
      let answers = try await connection.run(
        trusted: """
          CREATE TABLE a (t text) DISTRIBUTED RANDOMLY; INSERT INTO a VALUES (\(value));
          CREATE TABLE b AS SELECT length(t) FROM a DISTRIBUTED RANDOMLY; SELECT t FROM a; SELECT length FROM b
          """
      )
      let text = answers.compactMap { $0.rows.first?.first ?? nil }
      #expect(text.first?.utf8.count == Int(text.last ?? ""))
      #expect((text.first?.utf8.count ?? 0) > length / 2)
      #expect(sandbox.events.leftOut == [.randomly, .randomly])
      await connection.close()
    }
  }

  /// A client that does not read stops the server from sending: it waits for its socket, and goes on waiting; were its
  /// 200 MB to pile up here, it would be done soon.
  @Test func slowClientHoldsTheServerBack() async throws {
    try await SandboxUnderTest.before { sandbox, database in
      let client = try RawClient(port: sandbox.port, buffer: 1 << 16)
      _ = client.logIn(sandbox.database)
      client.send(RawMessage.query("SELECT repeat('x', 1000000) FROM generate_series(1, 200)"))
      let watcher = try await database.connect()
      let isWaiting = Statement(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND datname = current_database()"
      )
      try await eventually("the server waits for the client") { try await watcher.query(isWaiting).first }
      for _ in 0..<20 {
        try await Task.sleep(for: .milliseconds(100))
        #expect(try await watcher.query(isWaiting).count == 1)
      }
      await watcher.close()
      let bytes = client.receive {
        $0.count > 200_000_000 && $0.suffix(6) == [UInt8(ascii: "Z"), 0, 0, 0, 5, UInt8(ascii: "I")]
      }
      #expect(bytes.count { $0 == UInt8(ascii: "x") } == 200_000_000)
    }
  }

  /// A server that does not read stops the client from sending.
  @Test func slowServerHoldsTheClientBack() async throws {
    try await SandboxUnderTest.before { sandbox, database in
      let owner = try await database.connect()
      try await owner.run("CREATE TABLE a (t text)")
      try await owner.run("BEGIN; LOCK TABLE a")
      let client = try RawClient(port: sandbox.port, seconds: 1)
      _ = client.logIn(sandbox.database)
      client.send(RawMessage.query("COPY a FROM STDIN"))
      let line = Array((String(repeating: "y", count: 999_999) + "\n").utf8)
      let data = RawMessage.message("d", line)
      var sent = 0
      var taken = 0
      repeat {
        taken = client.send(data)
        sent += taken
      } while taken == data.count && sent < 200_000_000
      #expect(sent < 32 << 20)
      try await owner.run("COMMIT")
      await owner.close()
    }
  }
}
