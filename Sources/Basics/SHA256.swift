internal import CSHA256

/// SHA-256 (FIPS 180-4), with the processor's SHA instructions where it has them.
package struct SHA256 {
  private var hash = adbvec_sha256()

  package init() { adbvec_sha256_init(&hash) }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    adbvec_sha256_update(&hash, bytes.baseAddress, bytes.count)
  }

  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The 32 bytes of the digest of everything so far; more may follow.
  package func digest() -> [UInt8] {
    var copy = hash
    return [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      adbvec_sha256_final(&copy, start)
      count = 32
    }
  }

  /// The digest in 64 lower-case hexadecimal digits.
  package func hexadecimal() -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The digest of some bytes in hexadecimal digits.
  package static func hexadecimal(of bytes: some Collection<UInt8>) -> String {
    var hash = SHA256()
    if bytes.withContiguousStorageIfAvailable({ hash.update(UnsafeRawBufferPointer($0)) }) == nil {
      hash.update(Array(bytes))
    }
    return hash.hexadecimal()
  }

  /// The digest of a text's UTF-8 in hexadecimal digits.
  package static func hexadecimal(of text: String) -> String { hexadecimal(of: text.utf8) }

  /// Whether two recorded digests of weights can be of the same ones: earlier versions recorded beginnings of what is
  /// recorded today.
  package static func agree(_ left: String, _ right: String) -> Bool {
    left.hasPrefix(right) || right.hasPrefix(left)
  }
}
