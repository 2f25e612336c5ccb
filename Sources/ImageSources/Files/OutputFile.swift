internal import Basics
internal import Glibc

/// A file, or standard output, written through a buffer.
///
/// A regular file gets its name only when it is whole: until then what stood under the name stays.
final class OutputFile {
  let name: String
  private let descriptor: Int32
  private let ownsDescriptor: Bool
  /// Where the bytes go until the file is whole; nil for a pipe or a device.
  private var draft: AtomicFile.Draft?
  private var buffer: [UInt8] = []

  private static let flushSize = 1 << 18

  /// - Throws: `CollectionError` with code `unreadable`.
  init(path: String) throws {
    name = path == "-" ? "standard output" : path
    let draft = try path == "-" ? nil : Self.draft(of: path)
    self.draft = draft
    ownsDescriptor = path != "-" && draft == nil
    descriptor =
      draft?.descriptor
      ?? (ownsDescriptor ? open(FileSystem.terminated(path), O_WRONLY | O_CLOEXEC) : STDOUT_FILENO)
    guard descriptor >= 0 else { throw Self.failure(name) }
    buffer.reserveCapacity(Self.flushSize * 2)
  }

  deinit {
    if ownsDescriptor { close(descriptor) }
  }

  /// Nil for what is there and no regular file.
  private static func draft(of path: String) throws -> AtomicFile.Draft? {
    var info = stat()
    if stat(FileSystem.terminated(path), &info) == 0 {
      guard info.st_mode & S_IFMT == S_IFREG else { return nil }
      guard access(FileSystem.terminated(path), W_OK) == 0 else { throw failure(path) }
    }
    return try naming { try AtomicFile.Draft(of: path) }
  }

  private static func naming<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as AtomicFile.Failure {
      throw CollectionError(.unreadable, file: error.path, "cannot be written: \(error.reason)")
    }
  }

  /// Writes out what is left and gives the file its name.
  func finish() throws {
    try flush()
    try Self.naming { try draft?.finish() }
    draft = nil
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

  private func flush() throws {
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
