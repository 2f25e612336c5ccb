#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Files that appear under their name only when they are whole; until then whatever stood there stays.
package enum AtomicFile {
  /// Why a file cannot be written, on one line.
  package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file.
    package let path: String
    /// Why.
    package let reason: String

    /// `cannot write PATH: REASON`.
    package var description: String { "cannot write \(path): \(reason)" }
  }

  /// Why a file of this name could not be written now; nil when nothing stands in the way.
  package static func problem(writing path: String) -> Failure? {
    guard !path.isEmpty else { return Failure(path: "\"\"", reason: "the name is empty") }
    var information = stat()
    if stat(path, &information) == 0 {
      if information.st_mode & S_IFMT == S_IFDIR { return failure(path, EISDIR) }
      if access(path, W_OK) != 0 { return failure(path, errno) }
      // A pipe or a device is written as it is.
      if information.st_mode & S_IFMT != S_IFREG { return nil }
    } else if errno != ENOENT {
      return failure(path, errno)
    }
    let folder = folder(of: target(of: path))
    guard stat(folder, &information) == 0 else {
      return Failure(path: path, reason: "the folder \(folder) does not exist")
    }
    if information.st_mode & S_IFMT != S_IFDIR { return failure(path, ENOTDIR) }
    guard access(folder, W_OK | X_OK) == 0 else {
      return Failure(path: path, reason: "the folder \(folder) is not writable")
    }
    return nil
  }

  /// Writes all bytes to a draft beside the file and renames it. A link's target is replaced, not the link; a pipe or a
  /// device is written as it is.
  /// - Throws: `AtomicFile.Failure`.
  package static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    if let problem = problem(writing: path) { throw problem }
    var information = stat()
    let exists = stat(path, &information) == 0
    if exists, information.st_mode & S_IFMT != S_IFREG {
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw failure(path, errno) }
      let problem = writeAll(bytes, to: descriptor)
      let closed = close(descriptor) == 0 ? 0 : errno
      if let code = problem ?? (closed == 0 ? nil : closed) { throw failure(path, code) }
      return
    }
    let target = target(of: path)
    let draft = "\(target).part-\(getpid())"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(path, errno) }
    if exists { fchmod(descriptor, information.st_mode & 0o777) }
    var problem = writeAll(bytes, to: descriptor)
    if close(descriptor) != 0, problem == nil { problem = errno }
    if problem == nil, rename(draft, target) != 0 { problem = errno }
    guard let problem else { return }
    unlink(draft)
    throw failure(path, problem)
  }

  /// Writes all bytes, as the other `write` does.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    try bytes.withUnsafeBytes { try write($0, to: path) }
  }

  /// Writes a text in UTF-8, as the other `write` does.
  package static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }

  /// The error number; nil when all is written.
  private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
    var rest = bytes[...]
    while !rest.isEmpty {
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      #elseif canImport(Musl)
        let count = Musl.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      #else
        let count = Darwin.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      #endif
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return errno }
      rest = rest.dropFirst(count)
    }
    return nil
  }

  /// What a path leads to when it is a link.
  private static func target(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func failure(_ path: String, _ code: Int32) -> Failure {
    Failure(path: path, reason: String(cString: strerror(code)))
  }
}
