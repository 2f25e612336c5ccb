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
  @Test func socketsMoveWhenThePathIsTooLongForASocket() {
    #expect(ServerHome(path: "/home/u/adbvec").sockets == "/home/u/adbvec/run")
    let long = ServerHome(path: "/" + String(repeating: "x", count: 100))
    #expect(long.sockets.hasPrefix("/tmp/adbvec-"))
    #expect(long.sockets == ServerHome(path: long.path).sockets)
  }

  @Test func optionsForTheServerSurviveTheShell() {
    #expect(PrivateServer.shellQuoted("it's") == "'it'\\''s'")
  }
}
