internal import Basics

/// SHA-256 in lower-case hexadecimal.
enum SHA256Hex {
  static func of(_ bytes: some Collection<UInt8>) -> String { SHA256.hexadecimal(of: bytes) }

  static func of(_ text: String) -> String { SHA256.hexadecimal(of: text) }
}
