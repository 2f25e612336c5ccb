internal import Crypto

/// SHA-256 in lower-case hexadecimal.
enum SHA256Hex {
  static func of(_ bytes: some Collection<UInt8>) -> String {
    hexadecimal(SHA256.hash(data: Array(bytes)))
  }

  static func of(_ text: String) -> String { of(Array(text.utf8)) }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    String(unsafeUninitializedCapacity: 2 * SHA256.byteCount) { text in
      for (place, byte) in bytes.enumerated() {
        text[2 * place] = digit(byte >> 4)
        text[2 * place + 1] = digit(byte & 15)
      }
      return 2 * SHA256.byteCount
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
