import Basics
import NIOCore
import Testing

@testable import Sandbox

/// Broken streams of all kinds: no crash, no byte lost or added, and no byte changed outside a clause.
@Suite struct MachineFuzzTests {
  @Test(arguments: 0..<8)
  func survives(_ seed: UInt64) {
    var dice = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let bytes = BrokenStream.make(&dice)
      var stream = ClientStream(limits: ReadingLimits(collected: 128, held: 512))
      var input = Wire.startup([("user", "u")]) + bytes
      var output: [UInt8] = []
      while !input.isEmpty {
        let piece = input.prefix(Int.random(in: 1...400, using: &dice))
        input.removeFirst(piece.count)
        for case .forward(let buffer) in stream.read(ByteBuffer(bytes: piece)) {
          output += buffer.readableBytesView
        }
      }
      let sent = Wire.startup([("user", "u")]) + bytes
      #expect(output.count <= sent.count)
      #expect(zip(output, sent).allSatisfy { $0 == $1 || Self.written.contains($0) })
    }
  }

  /// The only bytes that the reader ever writes: comments, and what stands for a clause or a column.
  private static let written = Set("--\n 0::int4SET WITHOUT OIDS".utf8)
}

/// Messages, cut, repeated, mixed and with bytes overwritten.
enum BrokenStream {
  static func make(_ dice: inout SeededGenerator) -> [UInt8] {
    var bytes = (0..<Int.random(in: 1...6, using: &dice)).flatMap { _ in message(&dice) }
    for _ in 0..<Int.random(in: 0...4, using: &dice) where !bytes.isEmpty {
      let index = Int.random(in: bytes.indices, using: &dice)
      switch Int.random(in: 0...3, using: &dice) {
      case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &dice)
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(0, at: index)
      default: bytes.removeSubrange(index...)
      }
    }
    return bytes
  }

  private static func message(_ dice: inout SeededGenerator) -> [UInt8] {
    let sql = Samples.sql.randomElement(using: &dice) ?? ""
    switch Int.random(in: 0...6, using: &dice) {
    case 0: return Wire.query(sql)
    case 1: return Wire.parse("s", sql)
    case 2: return Wire.query(String(repeating: sql, count: 8))
    case 3: return Wire.copyData(sql)
    case 4:
      return (0..<Int.random(in: 0...80, using: &dice)).map { _ in .random(in: .min ... .max, using: &dice) }
    case 5: return [UInt8(ascii: "Q")] + Wire.bigEndian(UInt32.random(in: .min ... .max, using: &dice))
    default: return Wire.message("S")
    }
  }
}
