import FoundationEssentials
internal import Glibc

/// Tells a source's content from another's, so that a load goes on only where it stopped on the same data.
public struct SourceFingerprint: Sendable, Hashable, CustomStringConvertible {
  /// 32 hexadecimal digits.
  public let description: String

  /// A fingerprint that was written down.
  public init(_ text: String) {
    description = text
  }

  init(_ hash: ContentHash) {
    description = hash.hexadecimal
  }
}

/// A 128-bit hash for telling contents apart, made of two lanes of the wyhash mixing step (128-bit multiply, fold).
/// Not for cryptography.
struct ContentHash {
  private var low: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var high: UInt64 = 0xD1B5_4A32_D192_ED03
  private var length: UInt64 = 0

  mutating func combine(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset + 16 <= bytes.count {
      let first = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let second = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
      mix(first, second)
      offset += 16
    }
    var tail: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &tail) { $0.copyMemory(from: .init(rebasing: bytes[offset...])) }
    mix(UInt64(littleEndian: tail.0), UInt64(littleEndian: tail.1) ^ UInt64(bytes.count) &<< 1)
    length &+= UInt64(bytes.count)
  }

  mutating func combine(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { combine($0) }
  }

  mutating func combine(_ number: Int) {
    mix(UInt64(bitPattern: Int64(number)), 0x5851_F42D_4C95_7F2D)
  }

  private mutating func mix(_ first: UInt64, _ second: UInt64) {
    low = Self.fold(low ^ first, 0xA076_1D64_78BD_642F ^ second)
    high = Self.fold(high ^ second, 0xE703_7ED1_A0B4_28DB ^ first) &+ low
  }

  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }

  var hexadecimal: String {
    let words = [Self.fold(low ^ length, 0x8EBC_6AF0_9C88_C6E3), Self.fold(high, low | 1)]
    return words.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

/// What a file adds to a fingerprint.
///
/// Up to 64 MiB the whole content; of a larger file its size, its time of modification, and 64 KiB at each of 256
/// evenly spaced places, so that a load of gigabytes starts at once.
enum FileFingerprint {
  private static let wholeLimit = 64 << 20
  private static let pieceSize = 64 << 10
  private static let pieces = 256

  static func combine(_ path: String, into hash: inout ContentHash) throws {
    let file = try BinaryFile(path: path)
    hash.combine(file.size)
    if file.size <= wholeLimit {
      for offset in stride(from: 0, to: file.size, by: pieceSize) {
        hash.combine(try file.read(offset: offset, count: min(pieceSize, file.size - offset)))
      }
    } else {
      for piece in 0..<pieces {
        let offset = (file.size - pieceSize) / (pieces - 1) * piece
        hash.combine(try file.read(offset: offset, count: pieceSize))
      }
      hash.combine(modificationTime(path))
    }
  }

  /// Nanoseconds since 1970.
  static func modificationTime(_ path: String) -> Int {
    var info = stat()
    guard stat(FileSystem.terminated(path), &info) == 0 else { return 0 }
    return modificationTime(info)
  }

  /// Nanoseconds since 1970.
  static func modificationTime(_ info: stat) -> Int { nanoseconds(info.st_mtim) }

  /// When the file's name, rights or content last changed, in nanoseconds since 1970.
  static func statusChangeTime(_ info: stat) -> Int { nanoseconds(info.st_ctim) }

  /// The time by the clock that files are stamped with, in nanoseconds since 1970.
  static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return nanoseconds(time)
  }

  private static func nanoseconds(_ time: timespec) -> Int {
    Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec)
  }
}

/// What a listing tells of a file: its size in bytes, and times in nanoseconds since 1970.
package struct FileState: Sendable, Hashable {
  let byteCount: Int
  let modificationTime: Int
  let statusChangeTime: Int
  let isRecent: Bool

  /// - Parameter statusChangeTime: 0 where it says nothing.
  package init(
    byteCount: Int,
    modificationTime: Int,
    statusChangeTime: Int = 0,
    isRecent: Bool = false
  ) {
    (self.byteCount, self.modificationTime) = (byteCount, modificationTime)
    (self.statusChangeTime, self.isRecent) = (statusChangeTime, isRecent)
  }

  /// - Parameter listedAt: when the listing began, in nanoseconds since 1970.
  init(_ info: stat, listedAt: Int) {
    byteCount = Int(info.st_size)
    modificationTime = FileFingerprint.modificationTime(info)
    isRecent = Self.isClose(modificationTime, to: listedAt)
    let change = FileFingerprint.statusChangeTime(info)
    statusChangeTime = Self.isClose(change, to: listedAt) ? 0 : change
  }

  private static func isClose(_ time: Int, to listing: Int) -> Bool {
    let age = listing.subtractingReportingOverflow(time)
    return !age.overflow && age.partialValue.magnitude < coarsestClock
  }

  /// FAT keeps times of modification in steps of two seconds, in nanoseconds.
  private static let coarsestClock: UInt = 2_000_000_000
}
