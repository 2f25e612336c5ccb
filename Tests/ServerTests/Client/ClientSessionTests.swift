import Foundation
import PostgresClient
import Synchronization
import TestSupport
import Testing
import VectorSQL

/// What a connection leaves in its session, and what it knows of it.
struct ClientSessionTests {
  private func setting(_ name: String, _ connection: PostgresConnection) async throws -> String? {
    try await connection.query(
      Statement("SELECT current_setting($1, true)", binds: [.text(name)])
    )[0].value(at: 0, as: String?.self)
  }

  @Test func nestedTransactionRestoresSettings() async throws {
    try await ScratchSchema.with { connection, _ in
      try await connection.run("SELECT '[1]'::vector")
      try await connection.transaction { connection in
        try await connection.run("SET LOCAL work_mem = '5MB'; SET LOCAL hnsw.ef_search = 77")
        try await connection.transaction { connection in
          try await connection.run(
            """
            SET LOCAL work_mem = '9MB'; SET LOCAL hnsw.ef_search = 200; SET LOCAL enable_seqscan = off;
            SET LOCAL DateStyle = 'German'
            """
          )
          try await connection.transaction {
            try await $0.run("SET LOCAL hnsw.ef_search = 300; RESET work_mem")
          }
          #expect(try await setting("hnsw.ef_search", connection) == "200")
          #expect(try await setting("work_mem", connection) == "9MB")
        }
        #expect(try await setting("work_mem", connection) == "5MB")
        #expect(try await setting("hnsw.ef_search", connection) == "77")
        #expect(try await setting("enable_seqscan", connection) == "on")
        #expect(try await setting("DateStyle", connection)?.hasPrefix("ISO") == true)
      }
      #expect(try await setting("hnsw.ef_search", connection) == "40")
    }
  }

  /// pgvector's settings are unknown to the server until its library is loaded, here in the nested transaction.
  @Test func nestedTransactionRestoresSettingsOfLibraryItLoads() async throws {
    try await ScratchSchema.with { connection, _ in
      try await connection.transaction { connection in
        try await connection.run("SET LOCAL ivfflat.probes = 7")
        try await connection.transaction {
          try await $0.run(
            "SET LOCAL ivfflat.probes = 50; SET LOCAL hnsw.ef_search = 200; SELECT '[1]'::vector"
          )
        }
        #expect(try await setting("ivfflat.probes", connection) == "7")
        #expect(try await setting("hnsw.ef_search", connection) == "40")
      }
    }
  }

  @Test func nestedTransactionRestoresRole() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(trusted: "CREATE ROLE \(schema)_reader")
      try await connection.transaction { connection in
        try await connection.transaction { try await $0.run(trusted: "SET LOCAL ROLE \(schema)_reader") }
        #expect(try await setting("role", connection) == "none")
        try await connection.run(trusted: "CREATE TABLE \(schema).mine (id int)")
      }
      try await connection.run(trusted: "DROP ROLE \(schema)_reader")
    }
  }

  @Test func noticeHandlerIsHandedBack() async throws {
    let connection = try await ScratchSchema.connect()
    let messages = Mutex<[String]>([])
    await connection.setNoticeHandler { notice in messages.withLock { $0.append(notice.message) } }
    let earlier = await connection.setNoticeHandler { _ in }
    try await connection.run("DO $$ BEGIN RAISE NOTICE 'inner'; END $$")
    await connection.setNoticeHandler(earlier)
    try await connection.run("DO $$ BEGIN RAISE NOTICE 'outer'; END $$")
    await connection.close()
    #expect(messages.withLock(\.self) == ["outer"])
  }

  /// A connection that listens and is dropped without `close` must give its descriptors back.
  @Test func droppedListenerLeavesNoDescriptor() async throws {
    func openSockets() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { name in
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
        return target?.hasPrefix("socket:") == true
      }
    }
    func listenAndDrop() async throws {
      let connection = try await ScratchSchema.connect()
      _ = try await connection.listen("dropped")
    }
    try await listenAndDrop()
    let observer = try await ScratchSchema.connect()
    for _ in 0..<20 { try await listenAndDrop() }
    var left = -1
    for _ in 0..<100 where left != 0 {
      left = try await observer.query(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN \"dropped\"' AND datname = current_database()"
      )[0].value(at: 0, as: Int.self)
      if left != 0 { try await Task.sleep(for: .milliseconds(50)) }
    }
    #expect(left == 0, "the server has lost all listening sessions")
    await observer.close()
    // Other tests open sockets of their own meanwhile, but not twenty that stay.
    var sockets = try openSockets()
    for _ in 0..<600 where sockets > 60 {
      try await Task.sleep(for: .milliseconds(50))
      sockets = try openSockets()
    }
    #expect(sockets <= 60)
  }

  @Test func cancelledStatementLeavesNextOneAlone() async throws {
    let connection = try await ScratchSchema.connect()
    for _ in 0..<20 {
      let task = Task { try await connection.run("SELECT pg_sleep(30)") }
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
      task.cancel()
      await #expect(throws: (any Error).self) { try await task.value }
      #expect(try await connection.run("SELECT 1")[0].rows == [["1"]])
    }
    await connection.close()
  }

  @Test func aTransactionsFirstStatementEndsWithIt() async throws {
    let connection = try await ScratchSchema.connect()
    let first: SQL = "SELECT set_config('app.tenant', \("o'brien"), true)"
    let inside = try await connection.transaction(first: first) { try await setting("app.tenant", $0) }
    let nested = try await connection.transaction {
      try await $0.transaction(first: first) { try await setting("app.tenant", $0) }
    }
    #expect(inside == "o'brien" && nested == "o'brien")
    #expect(try await setting("app.tenant", connection) == "")
    await #expect(throws: PostgresError.self) {
      try await connection.transaction(first: "SELECT 1 / 0") { _ in
        Issue.record("the first statement failed")
      }
    }
    #expect(await connection.transactionStatus == .idle)
    await connection.close()
  }

  @Test(arguments: [
    (TransactionIsolation.readCommitted, "read committed"), (.repeatableRead, "repeatable read"),
    (.serializable, "serializable"),
  ])
  func transactionHasItsIsolation(isolation: TransactionIsolation, name: String) async throws {
    let connection = try await ScratchSchema.connect()
    let shown = try await connection.transaction(isolation: isolation) { connection in
      try await connection.run("SHOW transaction_isolation")[0].rows
    }
    #expect(shown == [[name]])
    await connection.close()
  }

  @Test func capabilitiesNameExtensionsAndTheirSchemas() async throws {
    try await TestServer.withDatabase(extensions: []) { database in
      let connection = try await database.connect()
      let bare = try await connection.capabilities()
      #expect(bare.pgvectorVersion == nil && bare.extensions["plpgsql"] != nil)
      #expect(!bare.isPooled && !bare.isStandby && bare.node == .entry && bare.allowsAsynchronousCommit)
      try await connection.run("CREATE SCHEMA \"Ext. 1\"; CREATE EXTENSION vector SCHEMA \"Ext. 1\"")
      let server = try await connection.refreshCapabilities()
      #expect(server.qualifier(of: "vector")?.name == "Ext. 1")
      #expect(server.isPgvector(atLeast: [0, 5]) && !server.isPgvector(atLeast: [99]))
      try await connection.run("SET search_path = public, \"Ext. 1\"")
      let found = try await connection.refreshCapabilities()
      #expect(found.pgvectorVersion != nil && found.qualifier(of: "vector") == nil)
      await connection.close()
    }
  }

  @Test(.enabled(if: PgBouncer.isPossible && OwnServer.isPossible, "pgbouncer is missing"))
  func preparedStatementsDoNotClashBehindPooler() async throws {
    try await OwnServer.with { server in
      #expect(try await server.connect().capabilities().isPooled == false)
      try await PgBouncer.with(server.address, mode: "transaction") { pooler in
        for _ in 0..<8 {
          let connection = try await PostgresConnection.connect(pooler.settings)
          let sum = Statement("SELECT $1::int + 1", binds: [.int4(1)])
          for _ in 0..<3 {
            #expect(try await connection.query(sum, prepared: true)[0].value(at: 0, as: Int.self) == 2)
          }
          try await connection.prepare(trusted: "SELECT 1", types: [])
          #expect(try await connection.columnTypes(of: sum).map(\.typeOID) == [23])
          #expect(try await connection.capabilities().isPooled)
          await connection.close()
        }
        let direct = try await server.connect()
        let left = try await direct.query("SELECT count(*) FROM pg_prepared_statements")[0]
        #expect(try left.value(at: 0, as: Int.self) == 0)
      }
    }
  }

  /// A password with a character that a URL must encode is read as a part of the host, port or database.
  @Test(arguments: [
    "postgres://reader:Super@secret@127.0.0.1:1/x", "postgres://reader:Super/secret@127.0.0.1:1/x",
    "postgresql://reader:12/secret@127.0.0.1:1/x", "postgres://reader:a?b@secret@127.0.0.1:1/x",
    "postgres://reader:secret/@127.0.0.1:1/x", "postgres://re@der:secret@127.0.0.1:1/x",
    "postgres://reader:secret:1@a@127.0.0.1:port/x", "host=127.0.0.1 port=1 password=se cret",
  ])
  func passwordThatBreaksTheURLIsNotShown(url: String) async throws {
    let error = await #expect(throws: PostgresError.self) {
      try await PostgresConnection.connect(ConnectionSettings(url: url))
    }
    for text in [error?.description ?? "", ConnectionSettings(url: url).redacted] {
      #expect(!text.contains("secret") && !text.contains("Super") && !text.contains("cret"), "\(text)")
    }
    #expect(error?.code == .invalidSettings)
    #expect(error?.message.contains("percent-encode") == true)
  }

  @Test(arguments: [
    "postgresql://reader:Super%40secret@127.0.0.1:1/x", "postgresql://reader@%2Ftmp%2Fa:1/x",
    "postgresql://127.0.0.1:1,127.0.0.1:2/x?application_name=a@b", "postgresql:///x?host=/tmp/none&port=1",
    "postgresql://u:p?q@127.0.0.1:1/x",
  ])
  func addressThatLibpqUnderstandsIsTried(url: String) async throws {
    let error = await #expect(throws: PostgresError.self) {
      try await PostgresConnection.connect(ConnectionSettings(url: url))
    }
    #expect(error?.code == .connectionFailed, "\(error?.description ?? "")")
  }

  @Test(arguments: ["1e-9223372036854775808", "1e9223372036854775807", "1e99999999999999999999", "e5", "--1"])
  func numberOutsideOfNumericBecomesNaN(text: String) async throws {
    try await ScratchSchema.with { connection, _ in
      let answer = try await connection.query(Statement("SELECT $1::text", binds: [.numeric(text)]))
      #expect(try answer[0].value(at: 0, as: String.self) == "NaN")
    }
  }
}
