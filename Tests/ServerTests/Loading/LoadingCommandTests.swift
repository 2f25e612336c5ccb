import Foundation
import PostgresClient
import TestSupport
import Testing

/// The real command and the real server, broken in the middle of a load: going on ends with exactly the right rows.
@Suite(
  .serialized,
  .enabled(if: OwnServer.isPossible, "no initdb, or no account that PostgreSQL may run as")
)
struct LoadingCommandTests {
  @Test(arguments: ["insert", "copy"])
  func aKilledToolLeavesWhatItCommitted(method: String) async throws {
    try await OwnServer.with { server in
      try await CommandLoad.with(method: method, on: server) { load in
        var kills = 0
        while kills < 4 {
          let before = try await load.committed()
          let process = try kills == 0 ? load.start(rate: 50) : load.start(rate: 50, "--resume")
          try await load.waitForRows(beyond: before, process)
          try await Task.sleep(for: .milliseconds(Int.random(in: 0...80)))
          kill(process.processIdentifier, SIGKILL)
          process.waitUntilExit()
          #expect(process.terminationReason == .uncaughtSignal)
          kills += 1
        }
        #expect(try await load.committed() < CommandLoad.rows, "every kill landed in the middle")
        try await end(load)
      }
    }
  }

  @Test func controlCSaysHowToGoOn() async throws {
    try await OwnServer.with { server in
      try await CommandLoad.with(method: "copy", on: server) { load in
        let process = try load.start(rate: 100)
        try await load.waitForRows(beyond: 200, process)
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        let rows = try await load.committed()
        #expect(try load.said == "error: stopped (\(rows) rows are committed; go on with --resume)\n")
        try await end(load)
      }
    }
  }

  /// Batches commit without waiting for the disk, and this server hardly ever writes by itself: the crash takes committed
  /// batches back, which the load must notice. Where the server happened to write just then, it is crashed again.
  @Test(arguments: ["insert", "copy"])
  func aServerThatCrashesAndComesBackLosesNothing(method: String) async throws {
    try await OwnServer.with { server in
      let connection = try await server.connect()
      for setting in [
        "wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'", "bgwriter_lru_maxpages = 0",
        "autovacuum = off",
      ] { try await connection.run(trusted: "ALTER SYSTEM SET \(setting)") }
      try await connection.run("SELECT pg_reload_conf()")
      await connection.close()
      var hasLost = false
      for _ in 0..<5 where !hasLost {
        try await CommandLoad.with(method: method, on: server) { load in
          let process = try load.start(rate: 300)
          try await load.waitForRows(beyond: 1000, process)
          try server.crash()
          process.waitUntilExit()
          let said = try load.said
          #expect(process.terminationStatus == 0, "\(said)")
          hasLost = said.contains("lost its last commits")
        }
      }
      #expect(hasLost)
    }
  }

  /// A crash empties an UNLOGGED table and keeps the journal of its load.
  @Test(arguments: ["insert", "copy"])
  func anUnloggedTableThatACrashEmptiedIsFilledAgain(method: String) async throws {
    try await OwnServer.with { server in
      try await CommandLoad.with(method: method, on: server) { load in
        let connection = try await server.connect()
        try await connection.run("ALTER TABLE image_search SET UNLOGGED")
        await connection.close()
        let process = try load.start(rate: 300)
        try await load.waitForRows(beyond: 1000, process)
        try server.crash()
        process.waitUntilExit()
        let said = try load.said
        #expect(process.terminationStatus == 1, "\(said)")
        #expect(
          said.contains("emptied the table, which is UNLOGGED. Fix: --resume loads the missing rows again")
        )
        try await end(load)
      }
    }
  }

  @Test(.enabled(if: TinyDisk.isPossible, "only root can mount a small disk"))
  func aFullDiskStopsTheLoad() async throws {
    try await OwnServer.with { server in
      try await TinyDisk.with { space in
        let connection = try await server.connect()
        try await connection.run(trusted: "CREATE TABLESPACE tiny LOCATION '\(space)'")
        let ballast = URL(filePath: space).deletingLastPathComponent().appending(path: "ballast")
        try Data(count: (8 << 20) - (192 << 10)).write(to: ballast)
        try await CommandLoad.with(method: "copy", placement: "TABLESPACE tiny", on: server) { load in
          let process = try load.start()
          process.waitUntilExit()
          #expect(process.terminationStatus == 1)
          let rows = try await load.committed()
          #expect(rows > 0 && rows < CommandLoad.rows)
          let said = try load.said
          #expect(said.contains("53100") && said.contains("\(rows) rows are committed; go on"))
          try FileManager.default.removeItem(at: ballast)
          try await end(load)
        }
        try await connection.run("DROP TABLE image_search")
        try await connection.run("DROP TABLESPACE tiny")
        await connection.close()
      }
    }
  }

  private func end(_ load: CommandLoad) async throws {
    let process = try load.start(rate: 1_000_000, "--resume")
    process.waitUntilExit()
    let said = try load.said
    #expect(process.terminationStatus == 0, "\(said)")
  }
}
