import FoundationEssentials
internal import Glibc

/// A file, or standard output, written through a buffer.
///
/// A regular file gets its name only when it is whole: until then what stood under the name stays.
final class OutputFile {
  let name: String
  private let descriptor: Int32
  private let ownsDescriptor: Bool
  /// Where the bytes go until the file is whole, and the file that they become; nil for a pipe or a device.
  private var draft: (path: String, target: String)?
  private var buffer: [UInt8] = []

  private static let flushSize = 1 << 18

  /// - Throws: `CollectionError` with code `unreadable`.
  init(path: String) throws {
    name = path == "-" ? "standard output" : path
    ownsDescriptor = path != "-"
    draft = path == "-" ? nil : try Self.draft(of: path)
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
    descriptor = ownsDescriptor ? open(draft?.path ?? path, flags, 0o666) : STDOUT_FILENO
    guard descriptor >= 0 else { throw Self.failure(name) }
    buffer.reserveCapacity(Self.flushSize * 2)
  }

  deinit {
    if ownsDescriptor { close(descriptor) }
    if let draft { unlink(draft.path) }
  }

  /// A name beside the file; nil for what is there and no regular file. A link's target is replaced, not the link.
  private static func draft(of path: String) throws -> (path: String, target: String)? {
    var info = stat()
    var target = path
    if stat(path, &info) == 0 {
      guard info.st_mode & S_IFMT == S_IFREG else { return nil }
      guard access(path, W_OK) == 0 else { throw failure(path) }
      target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }
    return ("\(target).part-\(getpid())", target)
  }

  /// Writes out what is left and gives the file its name.
  func finish() throws {
    try flush()
    guard let draft else { return }
    guard rename(draft.path, draft.target) == 0 else { throw Self.failure(name) }
    self.draft = nil
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
