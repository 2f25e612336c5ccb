import Foundation
import PostgresClient
import Synchronization
import Testing
import VectorSQL

/// What a Swift program does with a connection.
struct ClientTests {
  @Test func aPipelineIsOneTransactionAndStopsAtTheFirstFailure() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(trusted: "CREATE TABLE \(schema).t (id int PRIMARY KEY)")
      let insert = { (id: Int32) in
        Statement(trusted: "INSERT INTO \(schema).t VALUES ($1)", binds: [.int4(id)])
      }
      let answers = try await connection.pipeline([
        insert(1), insert(2), Statement(trusted: "SELECT id FROM \(schema).t"),
      ])
      #expect(answers.map(\.affectedRows) == [1, 1, 2])
      let error = await #expect(throws: PostgresError.self) {
        try await connection.pipeline([insert(3), insert(1), insert(4)])
      }
      #expect(error?.sqlState == "23505")
      #expect(error?.detail == "Key (id) already exists.", "the value is not shown")
      #expect(try await connection.query(Statement(trusted: "SELECT 1 FROM \(schema).t")).count == 2)
      #expect(await connection.transactionStatus == .idle)
    }
  }

  @Test func copyGoesInAndOutInBothFormats() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(trusted: "CREATE TABLE \(schema).t (id int8, name text, v real[])")
      let count = try await connection.copyInBinary(
        Statement(trusted: "COPY \(schema).t FROM STDIN (FORMAT binary)")
      ) {
        writer in
        for id in 0..<1000 {
          try writer.row(fields: 3) { row in
            row.appendField { $0.append(Int64(id)) }
            id % 2 == 0 ? row.appendNullField() : row.appendField { $0.append(utf8: "n\(id)") }
            row.appendField { $0.append(float4Array: [Float(id), 0.5]) }
          }
        }
      }
      #expect(count == 1000)
      #expect(
        try await connection.copyIn(Statement(trusted: "COPY \(schema).t FROM STDIN")) {
          try $0.write(Array("1000\tx\t{1}\n".utf8))
        } == 1
      )
      let query = Statement(trusted: "SELECT id, name, v FROM \(schema).t ORDER BY id")
      let types = try await connection.columnTypes(of: query).map(\.typeOID)
      let rows = Mutex<[String]>([])
      try await connection.copyOutBinary(
        Statement(trusted: "COPY (\(query.text)) TO STDOUT (FORMAT binary)"),
        types: types
      ) { row in
        let line =
          "\(try row.value(at: 0, as: Int.self)) \(try row.value(at: 1, as: String?.self) ?? "-") \(try row.value(at: 2, as: [Float].self))"
        rows.withLock { $0.append(line) }
      }
      #expect(rows.withLock { $0.count } == 1001)
      #expect(
        rows.withLock { [$0[0], $0[1], $0[1000]] } == ["0 - [0.0, 0.5]", "1 n1 [1.0, 0.5]", "1000 x [1.0]"]
      )
      let error = await #expect(throws: Stop.self) {
        try await connection.copyOut(Statement("COPY (SELECT generate_series(1, 1000000)) TO STDOUT")) { _ in
          throw Stop()
        }
      }
      #expect(error != nil)
      #expect(try await connection.run("SELECT 1")[0].rows == [["1"]], "the connection goes on")
    }
  }

  private struct Stop: Error {}

  @Test func aCopyThatFailsLeavesNothing() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(trusted: "CREATE TABLE \(schema).t (id int PRIMARY KEY)")
      let copy = Statement(trusted: "COPY \(schema).t FROM STDIN (FORMAT binary)")
      let row = { @Sendable (writer: inout BinaryCopyWriter, id: Int32) in
        try writer.row(fields: 1) { $0.appendField { $0.append(id) } }
      }
      await #expect(throws: Stop.self) {
        try await connection.copyInBinary(copy) { writer in
          try row(&writer, 1)
          throw Stop()
        }
      }
      let error = await #expect(throws: PostgresError.self) {
        try await connection.copyInBinary(copy) { writer in
          try row(&writer, 1)
          try row(&writer, 1)
        }
      }
      #expect(error?.sqlState == "23505")
      #expect(try await connection.query(Statement(trusted: "SELECT 1 FROM \(schema).t")).isEmpty)
    }
  }

  @Test func rowsAreStreamedOneByOne() async throws {
    let connection = try await ScratchSchema.connect()
    let series = Statement("SELECT generate_series(1, 10000)")
    let sum = Mutex(0)
    #expect(
      try await connection.forEachRow(series) { row in try sum.withLock { $0 += try row.value(at: 0) } }
        == 10_000
    )
    #expect(sum.withLock { $0 } == 50_005_000)
    let first = try await connection.withRows(Statement("SELECT generate_series(1, 100000000)")) { rows in
      var first: [Int] = []
      for try await row in rows where first.count < 3 {
        first.append(try row.value(at: 0))
        if first.count == 3 { break }
      }
      return first
    }
    #expect(first == [1, 2, 3])
    #expect(try await connection.run("SELECT 1")[0].rows == [["1"]], "what was left unread is gone")
    await connection.close()
  }

  @Test func cancellingTheTaskCancelsTheStatement() async throws {
    let connection = try await ScratchSchema.connect()
    let task = Task { try await connection.query(Statement("SELECT pg_sleep(60)")) }
    try await Task.sleep(for: .milliseconds(200))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try await connection.run("SELECT 1")[0].rows == [["1"]])
    await connection.close()
  }

  @Test func abandoningEndsACallThatWaits() async throws {
    let connection = try await ScratchSchema.connect()
    let task = Task { try await connection.query(Statement("SELECT pg_sleep(60)")) }
    try await Task.sleep(for: .milliseconds(200))
    connection.abandon()
    let error = await #expect(throws: PostgresError.self) { try await task.value }
    #expect(error?.code == .connectionLost)
    await connection.close()
  }

  @Test func transactionsNestAndRollBack() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(trusted: "CREATE TABLE \(schema).t (id int PRIMARY KEY)")
      try await connection.transaction { connection in
        try await connection.run(trusted: "INSERT INTO \(schema).t VALUES (1)")
        _ = try? await connection.transaction { connection in
          try await connection.run(trusted: "INSERT INTO \(schema).t VALUES (2)")
          try await connection.run(trusted: "INSERT INTO \(schema).t VALUES (1)")
        }
        try await connection.transaction { try await $0.run(trusted: "INSERT INTO \(schema).t VALUES (3)") }
      }
      #expect(
        try await connection.run(trusted: "SELECT id FROM \(schema).t ORDER BY id")[0].rows == [["1"], ["3"]]
      )
      await #expect(throws: Stop.self) {
        try await connection.transaction { connection in
          try await connection.run(trusted: "DELETE FROM \(schema).t")
          throw Stop()
        }
      }
      #expect(try await connection.run(trusted: "SELECT id FROM \(schema).t")[0].rows.count == 2)
      let error = await #expect(throws: PostgresError.self) {
        try await connection.transaction { connection in _ = try? await connection.run("SELECT 1/0") }
      }
      #expect(error?.code == .rolledBack, "COMMIT of a failed transaction is not a success")
    }
  }

  @Test func aTransactionThatLosesIsRunAgain() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: "CREATE TABLE \(schema).t (n int); INSERT INTO \(schema).t VALUES (0)"
      )
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            let connection = try await ScratchSchema.connect()
            for _ in 0..<5 {
              try await connection.transaction(isolation: .serializable, retries: 50) { connection in
                let n = try await connection.query(Statement(trusted: "SELECT n FROM \(schema).t"))[0].value(
                  at: 0,
                  as: Int.self
                )
                try await connection.query(
                  Statement(trusted: "UPDATE \(schema).t SET n = $1", binds: [.int4(Int32(n + 1))])
                )
              }
            }
            await connection.close()
          }
        }
        try await group.waitForAll()
      }
      #expect(try await connection.run(trusted: "SELECT n FROM \(schema).t")[0].rows == [["20"]])
    }
  }

  @Test func preparedStatementsSurviveWhatBreaksThem() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: "CREATE TABLE \(schema).t (a int); INSERT INTO \(schema).t VALUES (1)"
      )
      let all = Statement(trusted: "SELECT * FROM \(schema).t")
      #expect(try await connection.query(all, prepared: true).columns.count == 1)
      try await connection.run(trusted: "ALTER TABLE \(schema).t ADD b int")
      #expect(try await connection.query(all, prepared: true).columns.count == 2)
      try await connection.run("DEALLOCATE ALL")
      #expect(try await connection.query(all, prepared: true).columns.count == 2)
      for number in 0..<400 {
        try await connection.query(Statement(trusted: "SELECT \(number)"), prepared: true)
      }
      let kept = try await connection.run("SELECT count(*) FROM pg_prepared_statements")[0].rows[0][0]
      #expect(kept == "256", "the oldest are given up")
    }
  }

  @Test func notificationsArriveWhileTheConnectionIsIdle() async throws {
    let listener = try await ScratchSchema.connect()
    let sender = try await ScratchSchema.connect()
    let stream = try await listener.listen("Odd \"Channel\"")
    try await sender.run(
      "SELECT pg_notify('Odd \"Channel\"', 'one'); NOTIFY other, 'no'; SELECT pg_notify('Odd \"Channel\"', 'two')"
    )
    var payloads: [String] = []
    for await notification in stream {
      payloads.append(notification.payload)
      #expect(notification.backendPID == sender.backendPID)
      if payloads.count == 2 { break }
    }
    #expect(payloads == ["one", "two"])
    await listener.close()
    await sender.close()
  }

  @Test func aPoolLendsChecksAndReplaces() async throws {
    var options = PoolOptions()
    options.maximum = 2
    options.acquireTimeout = .milliseconds(300)
    options.checkAfter = .zero
    let pool = ConnectionPool(try await ScratchSchema.settings(), options: options)
    let first = try await pool.withConnection { $0.backendPID }
    #expect(try await pool.withConnection { $0.backendPID } == first, "an idle connection is used again")
    try await pool.withConnection { try await $0.run("BEGIN") }
    try await pool.withConnection { #expect(await $0.transactionStatus == .idle) }
    let killer = try await ScratchSchema.connect()
    try await killer.run(trusted: "SELECT pg_terminate_backend(\(first))")
    #expect(try await pool.withConnection { $0.backendPID } != first, "a dead connection is replaced")
    await killer.close()
    let error = await #expect(throws: PostgresError.self) {
      try await pool.withConnection { _ in
        try await pool.withConnection { _ in try await pool.withConnection { _ in } }
      }
    }
    #expect(error?.code == .poolExhausted)
    #expect(await pool.count.inUse == 0)
    await pool.close()
    await #expect(throws: PostgresError.self) { try await pool.withConnection { _ in } }
  }

  @Test func errorsKeepValuesToThemselves() async throws {
    try await ScratchSchema.with { connection, schema in
      let syntax = await #expect(throws: PostgresError.self) { try await connection.run("SELECT 'é' FORM x") }
      #expect(syntax?.sqlState == "42601" && syntax?.position == 17)
      try await connection.run(
        trusted: "CREATE TABLE \(schema).t (id int CHECK (id > 0), name varchar(3), v real[])"
      )
      let check = await #expect(throws: PostgresError.self) {
        try await connection.query(
          Statement(
            trusted: "INSERT INTO \(schema).t VALUES (-5, $1, $2)",
            binds: [.text("abc"), .float4Array([123.25])]
          )
        )
      }
      #expect(check?.sqlState == "23514" && check?.constraintName == "t_id_check")
      #expect(check.map { !"\($0) \($0.detail ?? "")".contains("123.25") } == true)
      let cast = await #expect(throws: PostgresError.self) {
        try await connection.query(Statement("SELECT $1::text::int", binds: [.text("secret")]))
      }
      #expect(cast?.description.contains("secret") == false)
      let nul = await #expect(throws: PostgresError.self) { try await connection.run("SELECT 1\0; SELECT 2") }
      #expect(nul?.code == .encoding)
    }
  }

  /// Whether a connection is encrypted is for libpq's own settings to say.
  @Test func encryptionFollowsLibpqsSettings() async throws {
    let connection = try await ScratchSchema.connect()
    let answers = try await connection.run("SHOW port; SHOW ssl")
    await connection.close()
    let port = try #require(answers[0].rows[0][0])
    let settings = ConnectionSettings(
      url: try await ScratchSchema.settings().url,
      overrides: ["host": "127.0.0.1", "port": port, "sslmode": "require"]
    )
    guard answers[1].rows[0][0] == "off" else {
      let encrypted = try await PostgresConnection.connect(settings)
      let rows = try await encrypted.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")[0].rows
      #expect(rows == [["t"]])
      return await encrypted.close()
    }
    let refused = await #expect(throws: PostgresError.self) {
      try await PostgresConnection.connect(settings)
    }
    #expect(refused?.code == .connectionFailed)
    #expect(refused?.message.contains("SSL") == true)
  }

  @Test func noticesReachTheirHandler() async throws {
    let connection = try await ScratchSchema.connect()
    let messages = Messages()
    await connection.setNoticeHandler { notice in messages.list.withLock { $0.append(notice.message) } }
    try await connection.run("DO $$ BEGIN RAISE NOTICE 'hello'; END $$")
    #expect(messages.list.withLock { $0 } == ["hello"])
    await connection.close()
  }

  private final class Messages: Sendable {
    let list = Mutex<[String]>([])
  }
}
