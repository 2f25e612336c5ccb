import NIOCore
import Testing

@testable import Sandbox

/// Texts that are too long to be collected.
@Suite struct LargeMessageTests {
  private static let clause = "CREATE TABLE t (i int) DISTRIBUTED BY (i);"
  private static let commented = "CREATE TABLE t (i int) --STRIBUTED BY (i\n;"

  private static let limits = ReadingLimits(collected: 256, held: 5_000)

  private static let long = [
    ("numbers", "INSERT INTO t VALUES (ARRAY[" + String(repeating: "0.125,", count: 400) + "1]::real[]);"),
    ("string", "INSERT INTO t VALUES ('" + String(repeating: "it''s ", count: 400) + "');"),
    ("escapes", "INSERT INTO t VALUES (E'" + String(repeating: "\\'\\\\ ", count: 400) + "');"),
    ("dollars", "SELECT $a$" + String(repeating: "$a '$ ", count: 400) + "$a$;"),
    ("identifier", "SELECT \"" + String(repeating: "a\"\";' ", count: 400) + "\";"),
    ("comment", "/*" + String(repeating: " /* ' */ ", count: 400) + "*/"),
    ("statements", String(repeating: "INSERT INTO t VALUES (1, 'x'); ", count: 100)),
  ]

  /// The clauses around and behind a long text are found, and those inside its quotes are not.
  @Test(arguments: long.indices, [47, 50, 1_000])
  func findsClausesAround(_ index: Int, piece: Int) {
    let text = Self.long[index].1
    let sent = Wire.parse("p", Self.clause + text + Self.clause, types: [1]) + Wire.message("S")
    let expected = Wire.parse("p", Self.commented + text + Self.commented, types: [1]) + Wire.message("S")
    #expect(MessageReader.passed(sent, piece: piece, limits: Self.limits) == expected)
  }

  /// What waits inside the reader does not grow with the message.
  @Test(arguments: long.indices)
  func holdsLittleBack(_ index: Int) {
    var reader = MessageReader(limits: Self.limits)
    var held = 0
    var most = 0
    for piece in Wire.query(Self.long[index].1).pieces(100) {
      held += piece.count - reader.read(ByteBuffer(bytes: piece)).passed.readableBytes
      most = max(most, held)
    }
    #expect(held == 0)
    let isComment = Self.long[index].0 == "comment"
    #expect(most <= (isComment ? Self.limits.held : 300), "\(Self.long[index].0)")
  }

  /// Above the limit a text passes unread, and the message behind it is read again.
  @Test func givesUpOnAnEndlessComment() {
    let text = "/*" + String(repeating: " ", count: Self.limits.held + 2_000) + "*/" + Self.clause
    let sent = Wire.query(text) + Wire.query(Self.clause)
    let expected = Wire.query(text) + Wire.query(Self.commented)
    #expect(MessageReader.passed(sent, piece: 100, limits: Self.limits) == expected)
  }
}
