import Foundation
import LocalPostgres
import PostgresClient
import Sandbox
import Testing
import TestSupport
import VectorSQL

/// How sessions begin and end.
@Suite struct SandboxSessionTests {
  @Test func cancelRequestReachesTheServer() async throws {
    try await SandboxUnderTest.before { sandbox, database in
      let connection = try await sandbox.connect()
      let sleeping = Task { try await connection.query(Statement("SELECT pg_sleep(60)")) }
      let watcher = try await database.connect()
      try await eventually("the statement runs") {
        try await watcher.query(
          Statement(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
          )
        ).first
      }
      connection.cancelRunningStatement()
      let error = await #expect(throws: PostgresError.self) { try await sleeping.value }
      #expect(error?.sqlState == "57014")
      #expect(try await connection.query(Statement("SELECT 1")).count == 1)
      await connection.close()
      await watcher.close()
    }
  }

  /// A password is asked for by the server, over its TCP port, and answered through the sandbox.
  @Test func authenticationPassesThrough() async throws {
    let server = try await TestServer.running()
    try await SandboxUnderTest.with(.tcp("127.0.0.1", server.port)) { sandbox in
      let wrong = ConnectionSettings(url: sandbox.url, overrides: ["password": "wrong"])
      let error = await #expect(throws: PostgresError.self) { try await PostgresConnection.connect(wrong) }
      #expect(error?.description.contains("password authentication failed") == true)
    }
  }

  @Test func requiredEncryptionFailsAsWithoutTLS() async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      let settings = ConnectionSettings(url: sandbox.url, overrides: ["sslmode": "require"])
      let error = await #expect(throws: PostgresError.self) { try await PostgresConnection.connect(settings) }
      #expect(error?.description.contains("server does not support SSL") == true)
    }
  }

  @Test func saysWhenThereIsNoServer() async throws {
    try await SandboxUnderTest.with(.unixSocket("/tmp/adbvec-no-such-socket")) { sandbox in
      let error = await #expect(throws: PostgresError.self) { try await sandbox.connect() }
      #expect(error?.description.contains("does not answer at /tmp/adbvec-no-such-socket") == true)
      #expect(sandbox.events.all.contains(.serverUnreachable(session: 1)))
    }
  }

  @Test(arguments: ["0.0.0.0", "nowhere.invalid"])
  func listensOnLoopbackOnly(_ host: String) async throws {
    let server = SandboxServer(configuration: .init(listenHost: host, upstream: .unixSocket("/nowhere")))
    let error = await #expect(throws: SandboxError.self) { try await server.run() }
    #expect(error?.code == (host == "0.0.0.0" ? .notLoopback : .cannotListen))
  }

  @Test func twoOnOnePort() async throws {
    try await SandboxUnderTest.with(.unixSocket("/nowhere")) { sandbox in
      let server = SandboxServer(
        configuration: .init(listenPort: sandbox.port, upstream: .unixSocket("/nowhere"))
      )
      let error = await #expect(throws: SandboxError.self) { try await server.run() }
      #expect(error?.code == .cannotListen)
    }
  }

  /// The command under way is finished, its result arrives, and then the session ends.
  @Test func stopsGently() async throws {
    try await SandboxUnderTest.before { sandbox, database in
      let idle = try await sandbox.connect()
      let owner = try await database.connect()
      try await owner.run("SELECT pg_advisory_lock(7)")
      let client = try RawClient(port: sandbox.port)
      _ = client.logIn(sandbox.database)
      client.send(RawMessage.query("SELECT pg_advisory_lock(7), 'done'"))
      try await eventually("the statement waits") {
        try await owner.query(Statement("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
          .first
      }
      let stopping = Task { try await sandbox.stop() }
      try await eventually("nobody is let in") { (try? RawClient(port: sandbox.port)) == nil ? true : nil }
      try await owner.run("SELECT pg_advisory_unlock(7)")
      let answer = client.receive()
      #expect(String(decoding: answer ?? [], as: UTF8.self).contains("done"))
      #expect(client.receive() == [])
      try await stopping.value
      await owner.close()
      await idle.close()
    }
  }

  /// The server's reason for closing arrives, new clients are told, and the next server is found.
  @Test func survivesARestart() async throws {
    try await OwnServer.with { server in
      try await SandboxUnderTest.with(.unixSocket(server.socket), database: "postgres") { sandbox in
        let client = try RawClient(port: sandbox.port)
        _ = client.logIn(sandbox.database)
        try server.stop()
        let farewell = String(decoding: client.receive(), as: UTF8.self)
        #expect(farewell.contains("57P01") && farewell.hasSuffix("\0\0"))
        let refused = await #expect(throws: PostgresError.self) { try await sandbox.connect() }
        #expect(refused?.description.contains("does not answer") == true)
        try server.start()
        let next = try await sandbox.connect()
        #expect(try await next.query(Statement("SELECT 1")).count == 1)
        await next.close()
      }
    }
  }
}
