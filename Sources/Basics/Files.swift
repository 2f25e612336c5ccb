package import Glibc

/// Why a file or a folder cannot be read.
package struct FileError: Error, Hashable, CustomStringConvertible {
  package enum Reason: Hashable, Sendable {
    /// A system call failed with this number.
    case system(Int32)
    /// It is a folder, a pipe or a device.
    case notRegular
    /// It has this many bytes, more than were allowed.
    case tooLarge(Int)
  }

  package let path: String
  package let reason: Reason

  init(_ reason: Reason, _ path: UnsafePointer<CChar>) {
    self.reason = reason
    self.path = String(cString: path)
  }

  /// The system's number for it.
  package var code: Int32 {
    switch reason {
    case .system(let code): code
    case .notRegular: EINVAL
    case .tooLarge: EFBIG
    }
  }

  package var description: String {
    switch reason {
    case .system(let code): "\(path) cannot be read: \(String(cString: strerror(code)))"
    case .notRegular: "\(path) is not a regular file"
    case .tooLarge(let size): "the \(size) bytes of \(path) are more than the limit"
    }
  }
}

/// Files and folders read on the C library alone. A path is a C string, because it may have any bytes; a call that a signal
/// interrupted is made again.
package enum Files {
  /// What may be at a path.
  package enum Kind {
    /// A file, or what has no size, such as a pipe, and is read to its end regardless of the limit.
    case any
    /// A regular file; anything else is refused.
    case regular
    /// A regular file that a listing gave as one. A small one is read without asking for its size: there may be thousands.
    case listed
  }

  /// The bytes of a file.
  /// - Parameter limit: how many bytes it may have, so that a surprise is an error and not a full memory.
  package static func read(
    _ path: UnsafePointer<CChar>,
    limit: Int = .max,
    _ kind: Kind = .any
  ) throws(FileError) -> [UInt8] {
    let descriptor = try opened(path)
    defer { close(descriptor) }
    if kind == .listed, let bytes = try readSmall(descriptor, path) {
      guard bytes.count <= limit else { throw FileError(.tooLarge(bytes.count), path) }
      return bytes
    }
    let status = try status(descriptor, path)
    guard status.st_mode & S_IFMT != S_IFREG else {
      return try readRegular(descriptor, path, size: Int(status.st_size), limit: limit)
    }
    guard kind == .any else { throw FileError(.notRegular, path) }
    var bytes: [UInt8] = []
    try readRest(descriptor, path, partSize: 1 << 16) { bytes += $0 }
    return bytes
  }

  /// Lends a file's content in parts.
  /// - Returns: what the system says of the file that was read, once it is read.
  package static func forEachPart(
    of path: UnsafePointer<CChar>,
    size: Int,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) -> stat {
    let descriptor = try opened(path)
    defer { close(descriptor) }
    try readRest(descriptor, path, partSize: size, body)
    return try status(descriptor, path)
  }

  /// Lends each name in a folder, unsorted, those left out that start with a dot, with what readdir says that it names (`DT_REG`,
  /// `DT_UNKNOWN` …).
  package static func forEachName(
    inFolder path: UnsafePointer<CChar>,
    _ body: (UnsafeRawBufferPointer, Int32) -> Void
  ) throws(FileError) {
    guard let stream = opendir(path) else { throw FileError(.system(errno), path) }
    defer { closedir(stream) }
    while true {
      // The end of a folder and a failure differ in this number alone.
      errno = 0
      guard let entry = readdir(stream) else { break }
      let type = Int32(entry.pointee.d_type)
      withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        let name = UnsafeRawBufferPointer(rebasing: bytes.prefix { $0 != 0 })
        if name.first != UInt8(ascii: ".") { body(name, type) }
      }
    }
    guard errno == 0 else { throw FileError(.system(errno), path) }
  }

  private static func opened(_ path: UnsafePointer<CChar>) throws(FileError) -> Int32 {
    while true {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      if descriptor >= 0 { return descriptor }
      guard errno == EINTR else { throw FileError(.system(errno), path) }
    }
  }

  private static func status(_ descriptor: Int32, _ path: UnsafePointer<CChar>) throws(FileError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(.system(errno), path) }
    return status
  }

  /// A regular file whole; nil, and at its beginning, where it is not small.
  private static func readSmall(
    _ descriptor: Int32,
    _ path: UnsafePointer<CChar>
  ) throws(FileError) -> [UInt8]? {
    var problem: Int32 = 0
    let bytes = withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 16) { room -> [UInt8]? in
      let count = readPart(descriptor, room)
      if count >= 0, count < room.count { return [UInt8](room[..<count]) }
      if count < 0 || lseek(descriptor, 0, SEEK_SET) != 0 { problem = errno }
      return nil
    }
    guard problem == 0 else { throw FileError(.system(problem), path) }
    return bytes
  }

  private static func readRegular(
    _ descriptor: Int32,
    _ path: UnsafePointer<CChar>,
    size: Int,
    limit: Int
  ) throws(FileError) -> [UInt8] {
    guard size <= limit else { throw FileError(.tooLarge(size), path) }
    var problem: Int32 = 0
    // A byte more than there should be, to see the end.
    var bytes = [UInt8](unsafeUninitializedCapacity: size + 1) { room, count in
      let room = UnsafeMutableRawBufferPointer(room)
      while count <= size {
        let part = readPart(descriptor, UnsafeMutableRawBufferPointer(rebasing: room[count...]))
        if part < 0 { problem = errno }
        guard part > 0 else { break }
        count += part
        if count == size { break }
      }
    }
    guard problem == 0 else { throw FileError(.system(problem), path) }
    // It became longer, or, as the files of /proc, does not say how long it is.
    if bytes.count > size { try readRest(descriptor, path, partSize: 1 << 16) { bytes += $0 } }
    guard bytes.count <= limit else { throw FileError(.tooLarge(bytes.count), path) }
    return bytes
  }

  private static func readRest(
    _ descriptor: Int32,
    _ path: UnsafePointer<CChar>,
    partSize: Int,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: partSize, alignment: 16)
    defer { room.deallocate() }
    while true {
      let count = readPart(descriptor, room)
      guard count >= 0 else { throw FileError(.system(errno), path) }
      if count == 0 { return }
      body(UnsafeRawBufferPointer(rebasing: room[..<count]))
    }
  }

  private static func readPart(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Int {
    while true {
      // The type's own `read` hides the C library's.
      let count = Glibc.read(descriptor, room.baseAddress, room.count)
      if count >= 0 || errno != EINTR { return count }
    }
  }
}
