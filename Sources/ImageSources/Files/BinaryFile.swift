import Foundation

/// A file read at random places; no position is shared, so that any thread may read.
final class BinaryFile: Sendable {
  let path: String
  let size: Int
  private let descriptor: Int32

  /// - Throws: `CollectionError` with code `unreadable`.
  init(path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CollectionError(.unreadable, file: path, FileSystem.reason(errno)) }
    size = Int(lseek(descriptor, 0, SEEK_END))
  }

  deinit {
    close(descriptor)
  }

  /// Exactly `count` bytes from `offset`.
  /// - Throws: `CollectionError` when they cannot be read or the file ends before them.
  func read(offset: Int, count: Int) throws -> [UInt8] {
    var done = 0
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { room, initialized in
      while done < count {
        let part = pread(descriptor, room.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
        if part < 0, errno == EINTR { continue }
        guard part >= 0 else { throw CollectionError(.unreadable, file: path, FileSystem.reason(errno)) }
        guard part > 0 else {
          throw CollectionError(.damaged, file: path, "the file became shorter while it was read")
        }
        done += part
        initialized = done
      }
    }
    return bytes
  }
}
