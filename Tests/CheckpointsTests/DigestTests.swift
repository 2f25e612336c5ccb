import Basics
import Testing

@testable import Checkpoints

/// What tells weights apart in the recipes that tables record.
struct DigestTests {
  private func digest(_ name: String = "a", _ values: [Float] = [1, 2]) throws -> String {
    try TensorDictionary([name: Tensor(shape: [values.count], values: values)]).digest()
  }

  /// FNV-1a of `a`, then of the bits of 1 and 2: what versions before 0.2 recorded.
  @Test func itBeginsWithWhatEarlierVersionsRecorded() throws {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for part: UInt64 in [0x61, 0x3F80_0000, 0x4000_0000] { hash = (hash ^ part) &* 0x100_0000_01b3 }
    let parts = try digest().split(separator: ".")
    #expect(parts.first.map(String.init) == String(hash, radix: 16))
    #expect(
      parts.last.map(String.init) == SHA256.hexadecimal(of: [0x61, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
    )
    #expect(SHA256.agree(String(hash, radix: 16), try digest()))
  }

  @Test func oneBitMakesAnother() throws {
    let digests = try [
      digest(), digest("b"), digest("a", [1, 2.0000002]), digest("a", [2, 1]), digest("a", [1]),
    ]
    #expect(Set(digests).count == digests.count)
    #expect(Set(digests.map { $0.split(separator: ".").last }).count == digests.count)
    for other in digests.dropFirst() { #expect(!SHA256.agree(digests[0], other)) }
  }
}
