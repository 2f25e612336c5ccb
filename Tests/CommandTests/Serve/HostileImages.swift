import Foundation

/// Images that nobody sends by mistake.
enum HostileImages {
  static let all: [Data] = {
    let white = 0xFF as UInt8
    var images = [
      // Forty million pixels of one colour: wide, high and square; eight and sixteen bits.
      png(width: 40_000_000, height: 1, depth: 8), png(width: 1, height: 40_000_000, depth: 8),
      png(width: 6_300, height: 6_300, depth: 8), png(width: 6_300, height: 6_300, depth: 16),
      png(width: 2_147_483_647, height: 2_147_483_647, depth: 16),
      png(width: 65_500, height: 65_500, depth: 8),
    ]
    images.append(images[2].prefix(images[2].count / 2))
    images.append(images[0].prefix(40))
    // JPEG: start, a frame of 65,500 by 65,500 with three components, nothing behind.
    let frame: [UInt8] = [
      white, 0xD8, white, 0xC0, 0, 17, 8, white, 0xDC, white, 0xDC, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1,
    ]
    images.append(Data(frame))
    images.append(Data(frame + [UInt8](repeating: 0, count: 1 << 20)))
    // GIF of 65,535 by 65,535; BMP, WebP and TIFF that promise as much.
    images.append(
      Data(
        Array("GIF89a".utf8) + [white, white, white, white, 0x80, 0, 0] + [UInt8](repeating: 0, count: 64)
      )
    )
    images.append(
      Data(
        Array("BM".utf8) + [UInt8](repeating: 0, count: 8) + [
          54, 0, 0, 0, 40, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 24, 0,
        ]
      )
    )
    images.append(
      Data(
        Array("RIFF".utf8) + [30, 0, 0, 0] + Array("WEBPVP8L".utf8) + [
          17, 0, 0, 0, 0x2F, white, white, white, 0x0F,
        ]
          + [UInt8](repeating: 0, count: 32)
      )
    )
    images.append(
      Data(
        Array("II".utf8) + [42, 0, 8, 0, 0, 0, 4, 0] + tag(256, 200_000) + tag(257, 200_000) + tag(258, 16)
          + tag(277, 4) + [0, 0, 0, 0]
      )
    )
    images.append(Data(repeating: white, count: 15 << 20))
    return images
  }()

  private static func tag(_ tag: UInt16, _ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: tag.littleEndian, Array.init) + [4, 0, 1, 0, 0, 0]
      + withUnsafeBytes(of: value.littleEndian, Array.init)
  }

  /// An image of zeros in RGBA, as small as deflate makes it: stored once, then copies of the byte before.
  static func png(width: Int, height: Int, depth: UInt8) -> Data {
    func big(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian, Array.init) }
    func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
      big(body.count) + Array(name.utf8) + body + big(Int(crc(Array(name.utf8) + body)))
    }
    let (row, overflows) = (width * 4 * Int(depth) / 8 + 1).multipliedReportingOverflow(by: height)
    let zeros = overflows || row > 400_000_000 ? 1 << 20 : row
    return Data(
      [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
        + chunk("IHDR", big(width) + big(height) + [depth, 6, 0, 0, 0])
        + chunk("IDAT", deflated(zeros: zeros)) + chunk("IEND", [])
    )
  }

  /// RFC 1950 and 1951: a fixed block with a literal zero and matches of 258 bytes at distance 1, whose codes are eight
  /// bits (285 is 11000101) and five zeros.
  private static func deflated(zeros count: Int) -> [UInt8] {
    var bytes: [UInt8] = [0x78, 0x01]
    var (bits, used): (UInt64, UInt64) = (0, 0)
    func put(_ value: UInt64, _ length: UInt64) {
      bits |= value << used
      used += length
      while used >= 8 {
        bytes.append(UInt8(truncatingIfNeeded: bits))
        bits >>= 8
        used -= 8
      }
    }
    put(0b011, 3)
    put(0b0000_1100, 8)
    for _ in 0..<(count - 1) / 258 { put(0b1_0100_011, 8); put(0, 5) }
    for _ in 0..<(count - 1) % 258 { put(0b0000_1100, 8) }
    put(0, 7)
    if used > 0 { put(0, 8 - used) }
    // Adler-32 of zeros: the first sum stays 1, the second counts them.
    let sum = UInt32(count % 65_521) << 16 | 1
    return bytes + withUnsafeBytes(of: sum.bigEndian, Array.init)
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    var value: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
    return ~value
  }
}
