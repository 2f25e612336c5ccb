import PostgresClient
import Synchronization
import Testing
import VectorSQL

/// Statements that are sent together: in order, each a message, the first failure ends them.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct ClientTogetherTests {
  @Test func `All are carried out in their order`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let begun = Mutex<[Int]>([])
      let outcome = try await connection.runTogether([
        "BEGIN", "CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)", "SELECT * FROM t", "COMMIT",
      ]) { position in begun.withLock { $0.append(position) } }
      #expect(outcome.failure == nil)
      #expect(outcome.completed == 5)
      #expect(begun.withLock(\.self) == [0, 1, 2, 3, 4])
      #expect(try await connection.column("SELECT n FROM t") == ["1"])
      #expect(await connection.transactionStatus == .idle)
    }
  }

  @Test func `Behind a failure nothing is carried out, and the place is known`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let outcome = try await connection.runTogether([
        "BEGIN", "CREATE TABLE t (n int)", "SELECT  oops", "COMMIT",
      ])
      #expect(outcome.completed == 2)
      #expect(outcome.failure?.sqlState == "42703")
      #expect(outcome.failure?.position == 9)
      #expect(await connection.transactionStatus == .failed)
      try await connection.run("ROLLBACK")
      #expect(try await connection.column("SELECT to_regclass('t') IS NULL") == ["t"])
    }
  }

  @Test func `More answers than any buffer holds do not stop the sending`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let outcome = try await connection.runTogether(
        Array(repeating: "SELECT repeat('x', 1000000)", count: 100)
      )
      #expect(outcome.completed == 100)
    }
  }

  @Test func `Cancelling the task cancels the statement that runs`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let task = Task { try await connection.runTogether(["SELECT 1", "SELECT pg_sleep(60)", "SELECT 2"]) }
      try await Task.sleep(for: .milliseconds(300))
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try await connection.column("SELECT 3") == ["3"])
    }
  }

  @Test func `A lost connection is an error, not a wait`() async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      let outcome = try await connection.runTogether([
        "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1",
      ])
      #expect(outcome.failure?.isConnectionProblem == true)
    }
  }
}
