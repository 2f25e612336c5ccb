import Foundation

/// Reading a whole file with a limit, so that a surprise (a device, a huge file) is an error and not a full memory.
enum FileBytes {
  static func read(_ path: String, limit: Int) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path) }
    defer { close(descriptor) }
    let size = try regularSize(of: descriptor, path)
    guard size <= limit else {
      throw ImageError(.tooLarge, "\(size) bytes are more than the limit of \(limit)", file: path)
    }
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let got = Foundation.read(descriptor, buffer.baseAddress?.advanced(by: count), size - count)
        if got < 0, errno == EINTR { continue }
        failed = got < 0
        guard got > 0 else { break }
        count += got
      }
    }
    guard !failed else { throw unreadable(path) }
    return bytes
  }

  private static func regularSize(of descriptor: Int32, _ path: String) throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ImageError(.unreadable, "not a regular file", file: path)
    }
    return Int(status.st_size)
  }

  private static func unreadable(_ path: String) -> ImageError {
    ImageError(.unreadable, "cannot be read: \(String(cString: strerror(errno)))", file: path)
  }
}
