import CSHA256
import Testing

@testable import Basics

/// Serialized: the portable path is chosen for the whole process.
@Suite(.serialized) struct SHA256Tests {
  /// FIPS 180-4's examples and NIST's long ones.
  static let vectors: [(text: String, count: Int, digest: String)] = [
    ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
        + "nopqrstu", 1,
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ]

  @Test(arguments: [false, true])
  func givesThePublishedDigests(portable: Bool) {
    adbvec_sha256_use_portable(portable ? 1 : 0)
    defer { adbvec_sha256_use_portable(0) }
    for (text, count, digest) in Self.vectors {
      #expect(SHA256.hexadecimal(of: String(repeating: text, count: count)) == digest)
    }
  }

  @Test func partsAndInstructionSetsAgree() {
    var generator = SystemRandomNumberGenerator()
    for length in Array(0...200) + [1000, 4096, 70_001] {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
      adbvec_sha256_use_portable(1)
      let portable = SHA256.hexadecimal(of: bytes)
      adbvec_sha256_use_portable(0)
      var hash = SHA256()
      var rest = bytes[...]
      while !rest.isEmpty {
        let part = rest.prefix(Int.random(in: 1...150, using: &generator))
        hash.update(Array(part))
        rest = rest.dropFirst(part.count)
      }
      #expect(hash.hexadecimal() == portable)
      #expect(hash.hexadecimal() == portable, "a digest may be asked for again")
    }
  }
}

struct MD5Tests {
  /// The suite of RFC 1321, A.5.
  @Test(arguments: [
    ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
    ("abc", "900150983cd24fb0d6963f7d28e17f72"), ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    (
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"
    ),
    (
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "57edf4a22be3c955ac49da2e2107b67a"
    ),
    (String(repeating: "a", count: 55), "ef1772b6dff9a122358552954ad0df65"),
    (String(repeating: "a", count: 56), "3b0c8ac703f828b04c6c197006d17218"),
    (String(repeating: "a", count: 64), "014842d480b571495a4a0363793f7367"),
    (String(repeating: "a", count: 1000), "cabe45dcc9ae5b66ba86600cca6b8ba8"),
  ])
  func givesThePublishedDigests(text: String, digest: String) {
    let digits = MD5.digest(of: Array(text.utf8)).flatMap { [$0 >> 4, $0 & 15] }.map { String($0, radix: 16) }
    #expect(digits.joined() == digest)
  }
}
