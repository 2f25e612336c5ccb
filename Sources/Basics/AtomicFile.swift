internal import Glibc

/// Files that appear under their name only when they are whole; until then the earlier file stays.
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
    if stat(cPath(path), &information) == 0 {
      if information.st_mode & S_IFMT == S_IFDIR { return failure(path, EISDIR) }
      if access(cPath(path), W_OK) != 0 { return failure(path, errno) }
      // A pipe or a device is written as it is.
      if information.st_mode & S_IFMT != S_IFREG { return nil }
    } else if errno != ENOENT {
      return failure(path, errno)
    }
    let folder = folder(of: target(of: path))
    let shown = PathText.text(folder.dropLast().map { UInt8(bitPattern: $0) })
    guard stat(folder, &information) == 0 else {
      return Failure(path: path, reason: "the folder \(shown) does not exist")
    }
    if information.st_mode & S_IFMT != S_IFDIR { return failure(path, ENOTDIR) }
    guard access(folder, W_OK | X_OK) == 0 else {
      return Failure(path: path, reason: "the folder \(shown) is not writable")
    }
    return nil
  }

  /// Writes all bytes to a draft and gives it the file's name. A link's target is replaced, not the link; a pipe or a
  /// device is written as it is.
  /// - Parameter mode: who may do what with a new file, before the umask; one that is there keeps its mode.
  /// - Throws: `AtomicFile.Failure`.
  package static func write(_ bytes: UnsafeRawBufferPointer, to path: String, mode: UInt32 = 0o666) throws {
    if let problem = problem(writing: path) { throw problem }
    var information = stat()
    if stat(cPath(path), &information) == 0, information.st_mode & S_IFMT != S_IFREG {
      let descriptor = open(cPath(path), O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw failure(path, errno) }
      let problem = writeAll(bytes, to: descriptor)
      let closed = close(descriptor) == 0 ? 0 : errno
      if let code = problem ?? (closed == 0 ? nil : closed) { throw failure(path, code) }
      return
    }
    let draft = try Draft(of: path, mode: mode)
    if let code = writeAll(bytes, to: draft.descriptor) { throw failure(path, code) }
    try draft.finish()
  }

  /// Writes all bytes, as the other `write` does.
  package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o666) throws {
    try bytes.withUnsafeBytes { try write($0, to: path, mode: mode) }
  }

  /// Writes a text in UTF-8, as the other `write` does.
  package static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }

  /// The error number; nil when all is written.
  private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return errno }
      rest = rest.dropFirst(count)
    }
    return nil
  }

  /// The path that a text stands for, as a C string.
  fileprivate static func cPath(_ path: String) -> [CChar] {
    PathText.bytes(path).map { CChar(bitPattern: $0) } + [0]
  }

  /// What a path leads to when it is a link, as a C string.
  fileprivate static func target(of path: String) -> [CChar] {
    guard let resolved = realpath(cPath(path), nil) else { return cPath(path) }
    defer { free(resolved) }
    return Array(UnsafeBufferPointer(start: resolved, count: strlen(resolved) + 1))
  }

  fileprivate static func folder(of path: [CChar]) -> [CChar] {
    let slash = CChar(bitPattern: UInt8(ascii: "/"))
    guard let end = path.lastIndex(of: slash) else { return [CChar(bitPattern: UInt8(ascii: ".")), 0] }
    return end == 0 ? [slash, 0] : Array(path[..<end]) + [0]
  }

  fileprivate static func failure(_ path: String, _ code: Int32) -> Failure {
    Failure(path: path, reason: String(cString: strerror(code)))
  }
}

extension AtomicFile {
  /// A file that is written before it has its name: a hard end of the process leaves nothing of it behind, where the
  /// file system can keep files without a name.
  package final class Draft {
    /// Where the bytes go; closed with this.
    package let descriptor: Int32
    private let path: String
    /// The file that it becomes.
    private let target: [CChar]
    /// A name beside it.
    private let name: [CChar]
    private var isNamed: Bool
    /// Tells apart the drafts of this process, some of which may become one file.
    private static let made = StateLock(0)

    #if os(Linux)
      /// `O_TMPFILE`, whose parts Swift does not import.
      private static let nameless = 0o20_000_000 | O_DIRECTORY
    #endif

    /// - Throws: `AtomicFile.Failure`.
    package init(of path: String, mode: UInt32 = 0o666) throws {
      self.path = path
      let target = AtomicFile.target(of: path)
      let number = Self.made.withLock { made in
        made += 1
        return made
      }
      self.target = target
      name = Array(target.dropLast()) + Array(".part-\(getpid())-\(number)".utf8CString)
      var opened: Int32 = -1
      #if os(Linux)
        // It gets its name through /proc.
        if access("/proc/self/fd", X_OK) == 0 {
          opened = open(AtomicFile.folder(of: target), O_WRONLY | Self.nameless | O_CLOEXEC, mode)
        }
      #endif
      isNamed = opened < 0
      if isNamed { opened = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode) }
      descriptor = opened
      guard opened >= 0 else { throw AtomicFile.failure(path, errno) }
      var information = stat()
      if stat(target, &information) == 0 { fchmod(descriptor, information.st_mode & 0o777) }
    }

    deinit {
      close(descriptor)
      if isNamed { unlink(name) }
    }

    /// Gives the file its name, in place of what stood there.
    /// - Throws: `AtomicFile.Failure`.
    package func finish() throws {
      #if os(Linux)
        if !isNamed {
          unlink(name)
          let link = "/proc/self/fd/\(descriptor)"
          guard linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 else {
            throw AtomicFile.failure(path, errno)
          }
          isNamed = true
        }
      #endif
      guard rename(name, target) == 0 else { throw AtomicFile.failure(path, errno) }
      isNamed = false
    }
  }
}
