internal import Crypto

/// SHA-256 in lower-case hexadecimal.
enum SHA256Hex {
  static func of(_ bytes: some Collection<UInt8>) -> String {
    hexadecimal(SHA256.hash(data: Array(bytes)))
  }

  static func of(_ text: String) -> String { of(Array(text.utf8)) }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
