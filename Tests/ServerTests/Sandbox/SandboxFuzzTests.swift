import Basics
import Foundation
import PostgresClient
import Sandbox
import Testing
import TestSupport

/// Broken clients, one after another; behind each hundred a good one must still be served.
///
/// The suite tries a few hundred. `ADBVEC_FUZZ=100000` sets the count for a long run.
@Suite struct SandboxFuzzTests {
  private static let count = Environment.variables["ADBVEC_FUZZ"].flatMap { Int($0) } ?? 300

  @Test func servesOnBehindBrokenClients() async throws {
    try await SandboxUnderTest.before { sandbox, _ in
      var dice = SeededGenerator(seed: 20_26)
      for number in 1...Self.count {
        try Self.misbehave(sandbox, &dice)
        if number % 100 == 0 { try await Self.check(sandbox) }
      }
      try await Self.check(sandbox)
      try await eventually("all sessions ended") {
        let events = sandbox.events.all
        let opened = events.count { if case .opened(_) = $0 { true } else { false } }
        let closed = events.count { if case .closed(_) = $0 { true } else { false } }
        return opened == closed ? opened : nil
      }
    }
  }

  /// One client: broken before its startup packet, or behind it, cut off or left to the server.
  private static func misbehave(_ sandbox: SandboxUnderTest, _ dice: inout SeededGenerator) throws {
    let client = try RawClient(port: sandbox.port, seconds: 5)
    var bytes: [UInt8] = []
    if Bool.random(using: &dice) { bytes += RawMessage.startup(user: "adbvec", database: sandbox.database) }
    bytes += (0..<Int.random(in: 1...4, using: &dice)).flatMap { _ in piece(&dice) }
    for _ in 0..<Int.random(in: 0...3, using: &dice) where !bytes.isEmpty {
      bytes[Int.random(in: bytes.indices, using: &dice)] = .random(in: .min ... .max, using: &dice)
    }
    client.send(bytes)
    if Int.random(in: 0..<4, using: &dice) == 0 { _ = client.send(RawMessage.message("X")) }
  }

  private static func piece(_ dice: inout SeededGenerator) -> [UInt8] {
    let sql = "CREATE TABLE t (i int) DISTRIBUTED BY (i); SELECT 'x"
    let length = UInt32.random(in: .min ... .max, using: &dice)
    switch Int.random(in: 0...7, using: &dice) {
    case 0: return RawMessage.query(sql)
    case 1: return RawMessage.message("P", Array("s\0\(sql)\0".utf8))
    case 2: return RawMessage.message("P", Array(sql.utf8))
    case 3: return [UInt8(ascii: "Q")] + RawMessage.bigEndian(length) + Array(sql.utf8)
    case 4: return (0..<64).map { _ in .random(in: .min ... .max, using: &dice) }
    case 5: return RawMessage.bigEndian(8) + RawMessage.bigEndian(80_877_103)
    case 6:
      return RawMessage.bigEndian(16) + RawMessage.bigEndian(80_877_102) + RawMessage.bigEndian(length) + [
        1, 2, 3, 4,
      ]
    default:
      return RawMessage.message(
        ["B", "E", "D", "C", "d", "f", "F", "p", "S", "H", "\0"].randomElement(using: &dice) ?? "S"
      )
    }
  }

  private static func check(_ sandbox: SandboxUnderTest) async throws {
    let connection = try await eventually("a good client is served") { try? await sandbox.connect() }
    #expect(try await connection.run("SELECT 1").count == 1)
    await connection.close()
  }
}
