import Foundation

/// Reads a small file in one go.
enum WholeFile {
  /// - Throws: `CollectionError` with code `unreadable`, also for more than `limit` bytes.
  static func read(_ path: [UInt8], limit: Int) throws -> [UInt8] {
    let name = FileSystem.text(path)
    let descriptor = open(FileSystem.terminated(path), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CollectionError(.unreadable, file: name, FileSystem.reason(errno)) }
    defer { close(descriptor) }
    var info = stat()
    fstat(descriptor, &info)
    guard info.st_size <= limit else {
      throw CollectionError(
        .unreadable,
        file: name,
        "its \(info.st_size) bytes are more than the limit of \(limit)"
      )
    }
    var bytes = [UInt8](repeating: 0, count: Int(info.st_size) + 1)
    var count = 0
    while count < bytes.count {
      let room = bytes.count - count
      let part = bytes.withUnsafeMutableBytes {
        Foundation.read(descriptor, $0.baseAddress.map { $0 + count }, room)
      }
      if part < 0, errno == EINTR { continue }
      guard part >= 0 else { throw CollectionError(.unreadable, file: name, FileSystem.reason(errno)) }
      if part == 0 { break }
      count += part
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}
