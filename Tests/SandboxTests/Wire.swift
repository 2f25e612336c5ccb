import NIOCore

@testable import Sandbox

/// Messages as a client sends them.
enum Wire {
  static func query(_ sql: String) -> [UInt8] { message("Q", Array(sql.utf8) + [0]) }

  static func parse(_ name: String = "", _ sql: String, types: [UInt32] = []) -> [UInt8] {
    let tail = bigEndian(UInt16(types.count)) + types.flatMap(bigEndian)
    return message("P", Array(name.utf8) + [0] + Array(sql.utf8) + [0] + tail)
  }

  static func copyData(_ data: String) -> [UInt8] { message("d", Array(data.utf8)) }

  static func message(_ type: Character, _ body: [UInt8] = []) -> [UInt8] {
    [type.asciiValue ?? 0] + bigEndian(UInt32(body.count + 4)) + body
  }

  static func startup(_ parameters: [(String, String)], version: UInt32 = 3 << 16) -> [UInt8] {
    let text = parameters.map { "\($0.0)\0\($0.1)\0" }.joined() + "\0"
    return packet(bigEndian(version) + Array(text.utf8))
  }

  static let sslRequest = packet(bigEndian(UInt32(80_877_103)))
  static let gssRequest = packet(bigEndian(UInt32(80_877_104)))
  static let cancel = packet(bigEndian(UInt32(80_877_102)) + [0, 0, 1, 2, 9, 8, 7, 6])

  static func packet(_ body: [UInt8]) -> [UInt8] { bigEndian(UInt32(body.count + 4)) + body }

  static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}

extension MessageReader {
  /// What the server sees of a session that the client sends in pieces of a length.
  static func passed(_ bytes: [UInt8], piece: Int = .max, limits: ReadingLimits = ReadingLimits()) -> [UInt8]
  {
    var reader = MessageReader(limits: limits)
    return bytes.pieces(piece).flatMap { reader.read(ByteBuffer(bytes: $0)).passed.readableBytesView }
  }
}

extension [UInt8] {
  /// The bytes cut into pieces of a length.
  func pieces(_ length: Int) -> [[UInt8]] {
    stride(from: 0, to: count, by: Swift.min(length, Swift.max(count, 1))).map {
      Array(self[$0..<Swift.min(count, $0 + Swift.min(length, count))])
    }
  }
}
