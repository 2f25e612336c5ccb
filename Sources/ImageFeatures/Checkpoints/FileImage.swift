import Foundation

/// Bytes of a file that stay in place while somebody holds this: a read-only mapping, or memory.
///
/// `@unchecked Sendable`: the bytes are never written after `init`, and freed in `deinit` only.
/// As with every mapping, a file that another process shortens while it is read ends the process (SIGBUS).
final class FileImage: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  private let release: (UnsafeRawBufferPointer) -> Void

  init(mapping path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.unreadable(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(.unreadable, "not a regular file", file: path)
    }
    let size = Int(status.st_size)
    guard size > 0 else { throw CheckpointError(.truncated, "the file is empty", file: path) }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw Self.unreadable(path)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
    release = { munmap(UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count) }
  }

  init(copying source: [UInt8]) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 16)
    memory.copyBytes(from: source)
    bytes = UnsafeRawBufferPointer(memory)
    release = { $0.deallocate() }
  }

  deinit { release(bytes) }

  private static func unreadable(_ path: String) -> CheckpointError {
    CheckpointError(.unreadable, "cannot be read: \(String(cString: strerror(errno)))", file: path)
  }
}

/// A range of a file image.
struct FileRegion: Sendable {
  let image: FileImage
  let range: Range<Int>

  init(_ image: FileImage, _ range: Range<Int>) throws {
    guard range.lowerBound >= 0, range.upperBound <= image.bytes.count else { throw ByteCursor.OutOfBounds() }
    self.image = image
    self.range = range
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(image) {
      try body(UnsafeRawBufferPointer(rebasing: image.bytes[range]))
    }
  }
}
