import Foundation
import PostgresClient
import TestSupport
import Testing

/// `adbvec sync --watch`: the real command, a server that goes away, and a system that watches few folders.
@Suite(
  .serialized,
  .enabled(if: OwnServer.isPossible, "no initdb, or no account that PostgreSQL may run as"),
  .enabled(if: Environment.hasData, "../shared/data is not there")
)
struct SyncWatchTests {
  @Test func aRestartOfTheDatabaseIsOutlasted() async throws {
    try await Watching.with { watching in
      try watching.folder.write("a.bmp", 10)
      try watching.start()
      try await watching.wait { try await watching.rows() == 1 }
      try watching.server.stop()
      try watching.folder.write("b.bmp", 20)
      try await watching.wait { try watching.said.contains("The next attempt is in") }
      try watching.server.start()
      try await watching.wait { try await watching.rows() == 2 }
      #expect(watching.isRunning)
    }
  }

  @Test func aFolderThatIsNotThereIsWaitedFor() async throws {
    try await Watching.with { watching in
      try watching.start(on: watching.folder.absolute("mounted/here"))
      try await watching.wait { try watching.said.contains("The next attempt is in") }
      try watching.folder.write("mounted/here/a.bmp", 10)
      try await watching.wait { try await watching.rows() == 1 }
    }
  }

  @Test func aWatchWritesMetricsThatACollectorReads() async throws {
    try await Watching.with { watching in
      try watching.folder.write("a \"1\".bmp", 10)
      let file = watching.folder.absolute("sync.prom")
      try watching.start(more: ["--metrics-file", file])
      try await watching.wait { try await watching.rows() == 1 }
      func metrics() -> String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }
      let label = "source=\"\(watching.folder.path)\""
      try await watching.wait { metrics().contains("adbvec_sync_images{\(label),state=\"current\"} 1\n") }
      #expect(metrics().contains("# TYPE adbvec_sync_images_total counter\n"))
      #expect(metrics().contains("adbvec_sync_images_total{\(label),change=\"added\"} 1\n"))
      #expect(metrics().contains("adbvec_sync_failures_total{\(label)} 0\n"))
      try watching.server.stop()
      try await watching.wait { !metrics().contains("adbvec_sync_failures_total{\(label)} 0\n") }
      try watching.server.start()
      let time = metrics().firstRange(of: "last_success_timestamp_seconds")
      #expect(time != nil)
      for line in metrics().split(separator: "\n") where !line.hasPrefix("#") {
        #expect(
          line.hasPrefix("adbvec_sync_") && Double(line.split(separator: " ").last ?? "") != nil,
          "\(line)"
        )
      }
    }
  }

  /// In a user namespace the limit is the test's own.
  @Test(.enabled(if: Watching.canLimitWatches, "user namespaces are not allowed here"))
  func moreFoldersThanTheSystemWatchesAreLookedAtAgainAndAgain() async throws {
    try await Watching.with { watching in
      for number in 0..<5 { try watching.folder.write("c\(number)/\(number).bmp", UInt8(number * 30)) }
      try watching.start(watches: 2)
      try await watching.wait { try await watching.rows() == 5 }
      #expect(try watching.said.contains("changes are seen only every 1 s: the system watches at most"))
      try watching.folder.write("c4/new.bmp", 200)
      try await watching.wait { try await watching.rows() == 6 }
    }
  }
}

/// A running `sync --watch` that looks at its folder every second.
private final class Watching {
  /// Whether the kernel lets a process limit its own watches.
  static let canLimitWatches: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/unshare")
    process.arguments = ["-Ur", "sh", "-c", "echo 2 > /proc/sys/user/max_inotify_watches"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  let server: OwnServer
  let folder: EditedFolder
  private let errors: TemporaryFile
  private let process = Process()

  private init(_ server: OwnServer) throws {
    self.server = server
    folder = try EditedFolder()
    errors = try TemporaryFile("")
  }

  static func with(_ body: (Watching) async throws -> Void) async throws {
    try await OwnServer.with { server in
      let connection = try await server.connect()
      try await connection.run(
        "CREATE TABLE image_search (id bigint PRIMARY KEY, class text, source text, image_vector real[])"
      )
      await connection.close()
      let watching = try Watching(server)
      defer { if watching.isRunning { watching.process.terminate() } }
      try await body(watching)
    }
  }

  var isRunning: Bool { process.isRunning }

  /// - Parameter watches: how many folders the system lets it watch.
  func start(on path: String? = nil, watches: Int? = nil, more: [String] = []) throws {
    let sync =
      [
        "sync", path ?? folder.path, "--watch", "--interval", "1", "--workers", "1", "--feature", "pooled",
        "--weights", Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors",
        "--database-url", server.url,
      ] + more
    let command = Program.adbvec
    if let watches {
      let limiting = "echo \(watches) > /proc/sys/user/max_inotify_watches && exec \"$0\" \"$@\""
      process.executableURL = URL(filePath: "/usr/bin/unshare")
      process.arguments = ["-Ur", "sh", "-c", limiting, command] + sync
    } else {
      process.executableURL = URL(filePath: command)
      process.arguments = sync
    }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: errors.path)
    try process.run()
  }

  /// What it has said on standard error.
  var said: String {
    get throws { try String(contentsOfFile: errors.path, encoding: .utf8) }
  }

  func rows() async throws -> Int {
    let connection = try await server.connect()
    let rows = try await connection.run("SELECT count(*) FROM image_search")[0].rows
    await connection.close()
    return rows[0][0].flatMap(Int.init) ?? 0
  }

  /// Waits until something is true, for at most two minutes.
  func wait(sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool)
    async throws
  {
    for _ in 0..<1_200 {
      if try await condition() { return }
      guard isRunning else { break }
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("it did not come to that: \(try said)", sourceLocation: sourceLocation)
  }
}
