import Foundation
import Migrations
import PostgresClient
import TestSupport
import Testing

/// Faults that take a server, a program or a disk with them: on a server of their own.
@Suite(
  .serialized,
  .enabled(
    if: OwnServer.isPossible,
    "no PostgreSQL programs: set ADBVEC_PG_BIN, or run 'adbvec db fetch'"
  )
)
struct MigrationsFaultTests {
  /// As long as the database says, so that a fault surely meets it and the next run need not wait.
  private static let nap = "SELECT pg_sleep(current_setting('adbvec.nap')::float8)"
  private let slow = [
    "1_a.sql":
      "-- migrate:up\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n-- migrate:down\nDROP TABLE a;\n",
    "2_b.sql":
      "-- migrate:up transaction:false\nINSERT INTO a VALUES (2);\n\(Self.nap);\nINSERT INTO a VALUES (3);\n-- migrate:down\nSELECT 1;\n",
    "3_c.sql":
      "-- migrate:up\nINSERT INTO a VALUES (4);\n\(Self.nap);\n-- migrate:down\nSELECT 1;\n",
  ]
  private static let complete = ["1", "2", "3", "4"]

  /// How long sessions sleep from now on.
  private func setNap(_ seconds: Int, _ server: OwnServer) async throws {
    let connection = try await server.connect()
    let database = try await connection.column("SELECT current_database()")[0]
    try await connection.run(trusted: "ALTER DATABASE \"\(database)\" SET adbvec.nap = '\(seconds)'")
    await connection.close()
  }

  private func rows(_ server: OwnServer) async throws -> [String] {
    try await server.connect().column("SELECT id FROM a ORDER BY 1")
  }

  /// Waits until a statement with this text is running.
  private func waitFor(_ text: String, _ server: OwnServer) async throws -> Int32 {
    let observer = try await server.connect()
    var found: Int32 = 0
    try await waitUntil {
      let pids = try await observer.column(
        "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '\(text)%' AND pid <> pg_backend_pid()"
      )
      found = pids.first.flatMap { Int32($0) } ?? 0
      return found != 0
    }
    await observer.close()
    return found
  }

  @Test(arguments: ["INSERT INTO a VALUES (2)", "SELECT pg_sleep"])
  func `After kill -9 of the tool the next run completes what is missing`(statement: String) async throws {
    try await OwnServer.with { server in
      let folder = try server.write(slow)
      // The killed program's statement goes on for so long.
      try await setNap(5, server)
      let process = try server.start(["migrate", "up", "--migrations", folder])
      if statement.hasPrefix("SELECT") {
        _ = try await waitFor(statement, server)
      } else {
        try await Task.sleep(for: .milliseconds(300))
      }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      try await setNap(0, server)
      let migrator = try migrator(slow)
      _ = try await migrator.up(on: try await server.connect()).report
      #expect(try await rows(server) == Self.complete)
    }
  }

  @Test func `Ctrl-C ends the statement on the server, and the next run goes on from there`() async throws {
    try await OwnServer.with { server in
      try await setNap(60, server)
      let process = try server.start(["migrate", "up", "--migrations", try server.write(slow)])
      let backend = try await waitFor("SELECT pg_sleep", server)
      kill(process.processIdentifier, SIGINT)
      process.waitUntilExit()
      #expect(process.terminationStatus == 130)
      let observer = try await server.connect()
      try await waitUntil {
        try await observer.column(
          "SELECT 1 FROM pg_stat_activity WHERE pid = \(backend) AND state = 'active'"
        )
        .isEmpty
      }
      let status = try await migrator(slow).status(on: observer)
      #expect(status.migrations.map(\.state) == [.applied, .partial, .pending])
      #expect(status.migrations[1].record?.statementsDone == 1)
    }
  }

  @Test func `After kill -9 of the backend the next run completes what is missing`() async throws {
    try await OwnServer.with { server in
      let migrator = try migrator(slow)
      for _ in 0..<2 {
        try await setNap(60, server)
        let run = migrator.up(on: try await server.connect())
        let backend = try await waitFor("SELECT pg_sleep", server)
        kill(backend, SIGKILL)
        await #expect(throws: (any Error).self) { try await run.report }
        try await Migrator.wait(for: server.settings, milliseconds: 30_000)
        try await setNap(0, server)
        // The first time the second file is half-way, the second time the third.
        _ = try? await migrator.up(MigrationTarget(version: "2"), on: try await server.connect()).report
      }
      _ = try await migrator.up(on: try await server.connect()).report
      #expect(try await rows(server) == Self.complete)
    }
  }

  @Test func `After a restart of the server half-way the next run completes what is missing`() async throws {
    try await OwnServer.with { server in
      let migrator = try migrator(slow)
      try await setNap(60, server)
      let run = migrator.up(on: try await server.connect())
      _ = try await waitFor("SELECT pg_sleep", server)
      try server.restart()
      try await setNap(0, server)
      await #expect(throws: (any Error).self) { try await run.report }
      let status = try await migrator.status(on: try await server.connect())
      #expect(status.migrations.map(\.state) == [.applied, .partial, .pending])
      _ = try await migrator.up(on: try await server.connect()).report
      #expect(try await rows(server) == Self.complete)
    }
  }

  @Test func `After a crash of the server its history tells what its schema holds`() async throws {
    try await OwnServer.with { server in
      var files = ["21_nap.sql": "-- migrate:up\n\(Self.nap);\n"]
      for number in 1...20 {
        files["\(number)_t.sql"] = "-- migrate:up\nCREATE TABLE t\(number) (id int);\n"
      }
      let migrator = try migrator(files)
      try await setNap(60, server)
      let run = migrator.up(on: try await server.connect())
      _ = try await waitFor("SELECT pg_sleep", server)
      // The commits so far have not waited for the disk, so some of the last may be gone.
      try server.crash()
      await #expect(throws: (any Error).self) { try await run.report }
      try await setNap(0, server)
      let connection = try await server.connect()
      let applied = try await migrator.status(on: connection).migrations.filter { $0.state == .applied }
      let tables = try await connection.column(
        "SELECT tablename FROM pg_tables WHERE tablename ~ '^t[0-9]' ORDER BY substr(tablename, 2)::int"
      )
      #expect(tables == applied.map { "t\($0.id)" })
      _ = try await migrator.up(on: connection).report
      #expect(
        try await connection.column("SELECT count(*) FROM pg_tables WHERE tablename ~ '^t[0-9]'") == ["20"]
      )
    }
  }

  @Test(.enabled(if: TinyDisk.isPossible, "mounting a small tmpfs needs root"))
  func `A full disk fails the file and leaves nothing of it`() async throws {
    try await OwnServer.with { server in
      try await TinyDisk.with { disk in
        let connection = try await server.connect()
        try await connection.run(trusted: "CREATE TABLESPACE tiny LOCATION '\(disk)'")
        let migrator = try migrator([
          "1_a.sql":
            "-- migrate:up\nCREATE TABLE a (id int, note text) TABLESPACE tiny;\nINSERT INTO a SELECT n, repeat('x', 500) FROM generate_series(1, 100000) n;\n"
        ])
        let error = await #expect(throws: MigrationError.self) {
          try await migrator.up(on: connection).report
        }
        #expect(error?.sqlState == "53100")
        #expect(error?.location?.description == "1_a.sql:3:1")
        #expect(try await connection.column("SELECT to_regclass('a')") == ["NULL"])
        #expect(try await migrator.status(on: connection).migrations.map(\.state) == [.failed])
        try await connection.run("DROP TABLESPACE tiny")
      }
    }
  }

  @Test(.enabled(if: PgBouncer.isPossible, "pgbouncer is missing"), arguments: ["transaction", "session"])
  func `Behind pgbouncer files with a transaction run, others are refused with advice`(mode: String)
    async throws
  {
    try await OwnServer.with { server in
      try await PgBouncer.with(server.address, mode: mode) { pooler in
        let settings = pooler.settings
        let files = [
          "1_a.sql": slow["1_a.sql"] ?? "", "4_d.sql": "-- migrate:up\nINSERT INTO a VALUES (9);\n",
        ]
        let applied = try await withThrowingTaskGroup(of: [String].self) { group in
          for _ in 0..<4 {
            group.addTask {
              let connection = try await PostgresConnection.connect(settings)
              return try await migrator(files).up(on: connection).report.migrations.map(\.version)
            }
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == ["1", "4"])
        #expect(try await server.connect().advisoryLocks() == ["0"])
        let stepwise = try migrator(files.merging(["5_e.sql": slow["2_b.sql"] ?? ""]) { $1 })
        let error = await #expect(throws: MigrationError.self) {
          try await stepwise.up(on: try await PostgresConnection.connect(settings)).report
        }
        #expect(error?.code == .unsuitableConnection)
        #expect(error?.hint?.contains("server itself") == true)
      }
    }
  }
}
