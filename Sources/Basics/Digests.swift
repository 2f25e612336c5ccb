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
    let digest = digest()
    return String(unsafeUninitializedCapacity: 2 * digest.count) { text in
      for place in text.indices.prefix(2 * digest.count) {
        let half = place % 2 == 0 ? digest[place / 2] >> 4 : digest[place / 2] & 15
        text[place] = (half < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) + half
      }
      return 2 * digest.count
    }
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

  /// Why a file has no digest: the system's word, such as `Permission denied`.
  package struct Unreadable: Error, CustomStringConvertible {
    package let description: String
  }

  /// The digest of a file in hexadecimal digits; memory holds a mebibyte of it.
  package static func hexadecimal(ofFile path: String) throws(Unreadable) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Unreadable(description: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var hash = SHA256()
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { room.deallocate() }
    while true {
      let count = read(descriptor, room.baseAddress, room.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Unreadable(description: String(cString: strerror(errno))) }
      guard count > 0 else { return hash.hexadecimal() }
      hash.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
    }
  }

  /// Whether two recorded digests of weights can be of the same ones: earlier versions recorded beginnings of what is
  /// recorded today.
  package static func agree(_ left: String, _ right: String) -> Bool {
    left.hasPrefix(right) || right.hasPrefix(left)
  }
}

/// MD5 (RFC 1321), for ids that PostgreSQL's `md5()` can compute too; it protects nothing.
package enum MD5 {
  private static let shifts: [UInt32] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
  private static let sines = (1...64).map { UInt32(abs(sin(Double($0))) * 4_294_967_296) }

  /// The 16 bytes of the digest.
  package static func digest(of message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476]
    var padded = message + [0x80]
    padded += [UInt8](repeating: 0, count: (56 - padded.count % 64 + 64) % 64)
    withUnsafeBytes(of: (UInt64(message.count) &* 8).littleEndian) { padded += $0 }
    for start in stride(from: 0, to: padded.count, by: 64) {
      let words = (0..<16).map { word in
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(padded[start + 4 * word + $1]) << UInt32(8 * $1) }
      }
      mix(&state, words)
    }
    return state.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
  }

  private static func mix(_ state: inout [UInt32], _ words: [UInt32]) {
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    for step in 0..<64 {
      let (mixed, word): (UInt32, Int)
      switch step / 16 {
      case 0: (mixed, word) = (b & c | ~b & d, step)
      case 1: (mixed, word) = (d & b | ~d & c, (5 * step + 1) % 16)
      case 2: (mixed, word) = (b ^ c ^ d, (3 * step + 5) % 16)
      default: (mixed, word) = (c ^ (b | ~d), 7 * step % 16)
      }
      let sum = a &+ mixed &+ sines[step] &+ words[word]
      let shift = shifts[step / 16 * 4 + step % 4]
      (a, d, c, b) = (d, c, b, b &+ (sum << shift | sum >> (32 - shift)))
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
  }
}
