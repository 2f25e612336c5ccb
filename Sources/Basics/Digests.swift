internal import CSHA256
internal import Glibc

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
    Hexadecimal.text(of: digest())
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

  /// The digest of a file in hexadecimal digits; memory holds a mebibyte of it.
  package static func hexadecimal(ofFile path: String) throws(FileError) -> String {
    var hash = SHA256()
    _ = try Files.forEachPart(of: path, size: 1 << 20) { hash.update($0) }
    return hash.hexadecimal()
  }

  /// Whether two recorded digests of weights can be of the same ones: earlier versions recorded beginnings of what is
  /// recorded today.
  package static func agree(_ left: String, _ right: String) -> Bool {
    left.hasPrefix(right) || right.hasPrefix(left)
  }
}

/// FNV-1a of 64 bits: the same number in every version and on every machine.
package struct FNV1a {
  /// The hash of everything so far.
  package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  /// The hash of a text's UTF-8.
  package init(_ text: String) { for byte in text.utf8 { update(UInt64(byte)) } }

  package mutating func update(_ element: UInt64) { value = (value ^ element) &* 0x100_0000_01B3 }

  /// Takes in the bits of each number: one call for all weights of a tensor.
  package mutating func update(_ numbers: [Float]) {
    for number in numbers { update(UInt64(number.bitPattern)) }
  }
}

/// Bytes in lower-case hexadecimal digits.
private enum Hexadecimal {
  static func text(of bytes: [UInt8]) -> String {
    String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
      for (place, byte) in bytes.enumerated() {
        text[2 * place] = digit(byte >> 4)
        text[2 * place + 1] = digit(byte & 15)
      }
      return 2 * bytes.count
    }
  }

  private static func digit(_ half: UInt8) -> UInt8 {
    half &+ (half < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
  }
}

/// MD5 (RFC 1321), for ids that PostgreSQL's `md5()` can compute too; it protects nothing.
package enum MD5 {
  private static let shifts: [UInt32] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
  private static let sines = (1...64).map { UInt32(abs(sin(Double($0))) * 4_294_967_296) }

  /// The 16 bytes of the digest.
  package static func digest(of message: [UInt8]) -> [UInt8] {
    var state = SIMD4<UInt32>(0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476)
    let whole = message.count & ~63
    var rest = Array(message[whole...]) + [0x80]
    rest += [UInt8](repeating: 0, count: (56 - rest.count % 64 + 64) % 64)
    withUnsafeBytes(of: (UInt64(message.count) &* 8).littleEndian) { rest += $0 }
    sines.withUnsafeBufferPointer { sines in
      shifts.withUnsafeBufferPointer { shifts in
        message.withUnsafeBytes { mix(&state, $0[..<whole], sines, shifts) }
        rest.withUnsafeBytes { mix(&state, $0[...], sines, shifts) }
      }
    }
    return (0..<4).flatMap { withUnsafeBytes(of: state[$0].littleEndian, Array.init) }
  }

  /// Takes in whole blocks of 64 bytes.
  private static func mix(
    _ state: inout SIMD4<UInt32>,
    _ bytes: Slice<UnsafeRawBufferPointer>,
    _ sines: UnsafeBufferPointer<UInt32>,
    _ shifts: UnsafeBufferPointer<UInt32>
  ) {
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 64) {
      var (a, b, c, d) = (state[0], state[1], state[2], state[3])
      func turn(_ step: Int, _ mixed: UInt32, _ word: Int) {
        let value = bytes.base.loadUnaligned(fromByteOffset: start + 4 * (word & 15), as: UInt32.self)
        let sum = a &+ mixed &+ sines[step] &+ UInt32(littleEndian: value)
        let shift = shifts[step / 16 * 4 + step % 4]
        (a, d, c, b) = (d, c, b, b &+ (sum &<< shift | sum &>> (32 &- shift)))
      }
      for step in 0..<16 { turn(step, b & c | ~b & d, step) }
      for step in 16..<32 { turn(step, d & b | ~d & c, 5 * step + 1) }
      for step in 32..<48 { turn(step, b ^ c ^ d, 3 * step + 5) }
      for step in 48..<64 { turn(step, c ^ (b | ~d), 7 * step) }
      state &+= SIMD4(a, b, c, d)
    }
  }
}
