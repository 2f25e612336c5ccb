import Foundation

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
    guard stat(path, &info) == 0 else { return 0 }
    return Int(info.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(info.st_mtim.tv_nsec)
  }
}
