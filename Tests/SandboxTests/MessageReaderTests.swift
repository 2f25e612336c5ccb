import NIOCore
import Testing

@testable import Sandbox

@Suite struct MessageReaderTests {
  private static let create = "CREATE TABLE t (i int) DISTRIBUTED BY (i)"
  private static let created = "CREATE TABLE t (i int) --STRIBUTED BY (i\n"

  /// A session with everything in it; only two of its messages change.
  private static func session(_ sql: String) -> [UInt8] {
    Wire.message("p", Array("md5 DISTRIBUTED".utf8)) + Wire.query(sql)
      + Wire.parse("CREATE TABLE n (i int) DISTRIBUTED BY (i)", sql, types: [23, 1021])
      + Wire.message("B", [0, 0, 0, 0, 0, 0, 0, 0]) + Wire.message("E", [0, 0, 0, 0, 0]) + Wire.message("S")
      + Wire.copyData("CREATE TABLE t (i int) DISTRIBUTED BY (i)\n") + Wire.message("c")
      + Wire.message("F", Array("CREATE TABLE t (i int) DISTRIBUTED BY (i)".utf8)) + Wire.message("X")
  }

  @Test(arguments: [1, 2, 3, 5, 7, 64, Int.max])
  func changesOnlyQueryAndParse(_ piece: Int) {
    #expect(MessageReader.passed(Self.session(Self.create), piece: piece) == Self.session(Self.created))
  }

  @Test func reportsWhatItLeftOut() {
    var reader = MessageReader()
    let sql = Self.create + "; CREATE TABLE u (i int) DISTRIBUTED RANDOMLY"
    #expect(reader.read(ByteBuffer(bytes: Wire.query(sql))).clauses == [.by, .randomly])
  }

  /// A message that does not concern the reader goes on as it comes, at any length.
  @Test func streamsOtherMessages() {
    var reader = MessageReader()
    let header: [UInt8] = [UInt8(ascii: "d"), 0x3F, 0xFF, 0xFF, 0xFF]
    #expect(Array(reader.read(ByteBuffer(bytes: header)).passed.readableBytesView) == header)
    let data = [UInt8](repeating: 7, count: 1000)
    for _ in 0..<5 { #expect(Array(reader.read(ByteBuffer(bytes: data)).passed.readableBytesView) == data) }
  }

  @Test func knowsWhereMessagesEnd() {
    var reader = MessageReader()
    let message = Wire.query(Self.create)
    #expect(reader.isAtBoundary)
    for end in 1..<message.count {
      _ = reader.read(ByteBuffer(bytes: [message[end - 1]]))
      #expect(!reader.isAtBoundary)
    }
    _ = reader.read(ByteBuffer(bytes: message.suffix(1)))
    #expect(reader.isAtBoundary)
  }

  /// Text behind the first NUL, texts without one, and lengths that fit nothing are the server's business.
  @Test(arguments: [
    Wire.message("Q", Array(create.utf8) + [0] + Array(create.utf8) + [0]),
    Wire.message("P", [0] + Array(create.utf8) + [0, 9, 9, 9] + Array(create.utf8)),
  ])
  func readsUpToTheFirstNUL(_ message: [UInt8]) {
    let passed = MessageReader.passed(message)
    #expect(passed.count == message.count)
    #expect(String(decoding: passed, as: UTF8.self).contains(Self.created))
    #expect(String(decoding: passed, as: UTF8.self).contains(Self.create))
  }

  @Test(arguments: [
    Wire.message("Q"), Wire.message("P"), Wire.message("P", Array("name without end".utf8)),
    [81, 0, 0, 0, 3, 1, 2],
    [81, 0xFF, 0xFF, 0xFF, 0xFF] + Wire.query(create), [0, 0, 0, 0, 0, 0], [81], [81, 0, 0],
  ])
  func passesWhatIsBroken(_ bytes: [UInt8]) {
    let expected = bytes.count < 5 ? [] : bytes
    #expect(MessageReader.passed(bytes) == expected)
  }

  @Test func readsATextWithoutNUL() {
    let message = Wire.message("Q", Array(Self.create.utf8))
    #expect(MessageReader.passed(message) == Wire.message("Q", Array(Self.created.utf8)))
  }
}
