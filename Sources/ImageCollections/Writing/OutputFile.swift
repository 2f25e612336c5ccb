import Foundation

/// A file, or standard output, written through a buffer.
final class OutputFile {
  let name: String
  private let descriptor: Int32
  private let ownsDescriptor: Bool
  private var buffer: [UInt8] = []

  private static let flushSize = 1 << 18

  /// - Throws: `CollectionError` with code `unreadable`.
  init(path: String) throws {
    name = path == "-" ? "standard output" : path
    ownsDescriptor = path != "-"
    descriptor = ownsDescriptor ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) : STDOUT_FILENO
    guard descriptor >= 0 else { throw Self.failure(name) }
    buffer.reserveCapacity(Self.flushSize * 2)
  }

  deinit {
    if ownsDescriptor { close(descriptor) }
  }

  /// Hands the buffer to `body` to append to.
  func append(_ body: (inout [UInt8]) -> Void) throws {
    body(&buffer)
    if buffer.count >= Self.flushSize { try flush() }
  }

  func append(_ text: String) throws {
    try append { $0.append(contentsOf: text.utf8) }
  }

  /// Replaces bytes at the start, in a regular file.
  func rewriteStart(_ bytes: [UInt8]) throws {
    try flush()
    guard bytes.withUnsafeBytes({ pwrite(descriptor, $0.baseAddress, $0.count, 0) }) == bytes.count else {
      throw Self.failure(name)
    }
  }

  func flush() throws {
    var done = 0
    while done < buffer.count {
      let count = buffer.withUnsafeBytes { bytes in
        write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure(name) }
      done += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private static func failure(_ name: String) -> CollectionError {
    CollectionError(.unreadable, file: name, "cannot be written: \(String(cString: strerror(errno)))")
  }
}
