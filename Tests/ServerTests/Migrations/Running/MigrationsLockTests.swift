import Migrations
import PostgresClient
import Testing

/// One run at a time.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsLockTests {
  private let slow = [
    "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\nINSERT INTO a SELECT 1 FROM pg_sleep(0.3);\n",
    "2_b.sql": "-- migrate:up\nINSERT INTO a VALUES (2);\n",
    "3_c.sql": "-- migrate:up\nINSERT INTO a VALUES (3);\n",
  ]

  @Test(arguments: [MigratorOptions.Lock.session, .transaction])
  func `Ten runners at once apply each migration once`(lock: MigratorOptions.Lock) async throws {
    try await MigrationsDatabase.with { database in
      let migrator = try migrator(slow) { $0.lock = lock }
      let applied = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<10 {
          group.addTask {
            let connection = try await database.connect()
            return try await migrator.up(on: connection).report.migrations.map(\.version)
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(applied.sorted() == ["1", "2", "3"])
      let connection = try await database.connect()
      #expect(try await connection.column("SELECT id FROM a ORDER BY 1") == ["1", "2", "3"])
      #expect(try await connection.advisoryLocks() == ["0"])
    }
  }

  @Test func `Without any lock the history's key still lets each migration run once`() async throws {
    try await MigrationsDatabase.with { database in
      let migrator = try migrator(slow) { $0.lock = .none }
      _ = try await migrator.up(MigrationTarget(version: "1"), on: try await database.connect()).report
      let runs = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 {
          group.addTask {
            let connection = try await database.connect()
            return (try? await migrator.up(on: connection).report.migrations.count) ?? 0
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(runs <= 2)
      let connection = try await database.connect()
      let rows = try await connection.column("SELECT id FROM a ORDER BY 1")
      #expect(rows == rows.reduce(into: []) { if $0.last != $1 { $0.append($1) } })
    }
  }

  @Test func `A lock that cannot be obtained ends with its holder's name`() async throws {
    try await MigrationsDatabase.with { database in
      let holder = try await database.connect()
      let blocked = try migrator(slow) { $0.lockWait = 300 }
      let key = try #require(
        try await blocked.plan(on: holder).closing.first?.split(separator: "(").last?.split(separator: ")")
          .first
      )
      try await holder.run(trusted: "SELECT pg_advisory_lock(\(key)), 'secret'")
      let run = blocked.up(on: try await database.connect())
      let events = await run.allEvents()
      let error = await #expect(throws: MigrationError.self) { try await run.report }
      #expect(error?.code == .lockNotObtained)
      let message = error?.message ?? ""
      #expect(message.contains("process \(holder.backendPID) (adbvec-tests)"))
      #expect(message.contains("pg_advisory_lock"))
      #expect(!message.contains("secret"))
      #expect(events.contains { if case .waitingForLock(holder: .some) = $0 { true } else { false } })
      #expect(try await holder.column("SELECT to_regclass('a')") == ["NULL"])
    }
  }

  @Test func `When the holder dies the next runner goes on`() async throws {
    try await MigrationsDatabase.with { database in
      let files = [
        "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\nSELECT pg_sleep(30);\n"
      ]
      let first = try await database.connect()
      let doomed = try migrator(files).up(on: first)
      let admin = try await database.connect()
      try await waitUntil {
        try await !admin.column(
          "SELECT 1 FROM pg_stat_activity WHERE pid = \(first.backendPID) AND query LIKE '%pg_sleep(30)' AND state = 'active'"
        ).isEmpty
      }
      let second = try migrator(slow).up(on: try await database.connect())
      try await admin.run(trusted: "SELECT pg_terminate_backend(\(first.backendPID))")
      let error = await #expect(throws: (any Error).self) { try await doomed.report }
      #expect(error.map { "\($0)".contains("57P01") } == true)
      #expect(try await second.report.migrations.map(\.version) == ["1", "2", "3"])
    }
  }

  @Test func `A waiting runner does not hold up CREATE INDEX CONCURRENTLY`() async throws {
    try await MigrationsDatabase.with { database in
      let migrator = try migrator([
        "1_a.sql": "-- migrate:up\nCREATE TABLE a AS SELECT generate_series(1, 1000) AS id;\n",
        "2_b.sql":
          "-- migrate:up transaction:false\nSELECT pg_sleep(0.5);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n",
      ])
      let reports = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<3 {
          group.addTask {
            let connection = try await database.connect()
            return try await migrator.up(on: connection).report.migrations.count
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(reports == 2)
    }
  }

  @Test func `A migration that releases all advisory locks is told of`() async throws {
    try await MigrationsDatabase.with { database in
      let migrator = try migrator(["1_a.sql": "-- migrate:up\nSELECT pg_advisory_unlock_all();\n"])
      let events = await migrator.up(on: try await database.connect()).allEvents()
      #expect(
        events.contains {
          if case .warning(let text) = $0 { text.contains("did not hold the lock") } else { false }
        }
      )
    }
  }
}

/// Asks until the answer is yes, for half a minute at most.
func waitUntil(_ condition: () async throws -> Bool) async throws {
  for _ in 0..<600 {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(50))
  }
  Issue.record("waited for half a minute in vain")
}
