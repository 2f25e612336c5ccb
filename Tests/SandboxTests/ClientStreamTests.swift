import NIOCore
import Testing

@testable import Sandbox

/// From the first byte: encryption refused, startup and cancel packets passed, everybody else turned away.
@Suite struct ClientStreamTests {
  private typealias Action = ClientStream.Action

  private static let startup = Wire.startup([
    ("user", "adbvec"), ("options", "-c search_path=DISTRIBUTED"), ("replication", "database"),
  ])

  @Test func refusesEncryptionThenConnects() {
    var stream = ClientStream()
    #expect(read(&stream, Wire.sslRequest) == [.answer(ByteBuffer(string: "N"))])
    #expect(read(&stream, Wire.gssRequest) == [.answer(ByteBuffer(string: "N"))])
    #expect(read(&stream, Self.startup) == [.connect(isCancel: false), forward(Self.startup)])
    #expect(stream.isAtBoundary)
  }

  @Test func waitsForWholePackets() {
    var stream = ClientStream()
    let bytes = Wire.sslRequest + Self.startup
    let actions = bytes.flatMap { read(&stream, [$0]) }
    #expect(actions == [.answer(ByteBuffer(string: "N")), .connect(isCancel: false), forward(Self.startup)])
  }

  @Test func readsMessagesBehindTheStartup() {
    var stream = ClientStream()
    let sql = "CREATE TABLE t (i int) DISTRIBUTED BY (i)"
    let seen = Wire.query("CREATE TABLE t (i int) --STRIBUTED BY (i\n")
    #expect(
      read(&stream, Self.startup + Wire.query(sql))
        == [.connect(isCancel: false), forward(Self.startup), .leftOut(.by), forward(seen)]
    )
  }

  @Test func passesACancelRequest() {
    var stream = ClientStream()
    #expect(read(&stream, Wire.cancel) == [.connect(isCancel: true), forward(Wire.cancel)])
    #expect(!stream.isAtBoundary)
  }

  /// Versions are the server's business too; 3.2 has longer cancel keys.
  @Test(arguments: [0x2_0000, 0x3_0002, 0x3_270F] as [UInt32])
  func passesAnyVersion(_ version: UInt32) {
    var stream = ClientStream()
    let packet = Wire.startup([("user", "u")], version: version)
    #expect(read(&stream, packet) == [.connect(isCancel: false), forward(packet)])
  }

  private static let strangers: [(bytes: [UInt8], refusal: Refusal)] = [
    ([0x16, 3, 1, 2, 0, 1], .encrypted), (Array("GET / HTTP/1.1\r\n".utf8), .notPostgres),
    ([0, 0, 0, 7, 0, 3, 0], .notPostgres), ([0, 0, 0x27, 0x11, 0, 3, 0, 0], .notPostgres),
    ([0xFF, 0xFF, 0xFF, 0xFF], .notPostgres),
  ]

  @Test(arguments: Self.strangers)
  func turnsAway(_ bytes: [UInt8], _ refusal: Refusal) {
    var stream = ClientStream()
    #expect(read(&stream, bytes) == [.refuse(refusal)])
    #expect(read(&stream, Self.startup).isEmpty)
  }

  @Test func answersEachRequestOnce() {
    var stream = ClientStream()
    #expect(
      read(&stream, Wire.sslRequest + Wire.sslRequest)
        == [.answer(ByteBuffer(string: "N")), .refuse(.repeatedRequest)]
    )
  }

  private func read(_ stream: inout ClientStream, _ bytes: [UInt8]) -> [ClientStream.Action] {
    stream.read(ByteBuffer(bytes: bytes))
  }

  private func forward(_ bytes: [UInt8]) -> ClientStream.Action { .forward(ByteBuffer(bytes: bytes)) }
}
