internal import Glibc

/// `FileSystem.read` hides the C library's function of that name inside the type.
private func systemRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(file, buffer, count)
}

/// The few file operations that migrations need, on the C library alone: loading Foundation costs a command that has
/// nothing to do more than its work.
enum FileSystem {
  static func read(_ path: String) throws -> [UInt8] { try read(path, below: Int.max) ?? [] }

  /// The bytes of a file; nil for a file of that size or a larger one.
  static func read(_ path: String, below limit: Int) throws -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("read", path) }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw failure("read", path) }
    guard information.st_mode & S_IFMT != S_IFDIR else {
      errno = EISDIR
      throw failure("read", path)
    }
    let size = Int(information.st_size)
    guard size < limit else { return nil }
    var bytes: [UInt8] = []
    // What is no regular file, such as a pipe, has no size, and gives what it has in parts.
    let isRegular = information.st_mode & S_IFMT == S_IFREG
    while true {
      let wanted = max(size + 1 - bytes.count, 4096)
      let part = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
        var found = -1
        repeat {
          found = systemRead(descriptor, buffer.baseAddress, wanted)
        } while found < 0 && errno == EINTR
        guard found >= 0 else { throw failure("read", path) }
        count = found
      }
      bytes = bytes.isEmpty ? part : bytes + part
      if part.isEmpty || isRegular && part.count < wanted { return bytes }
    }
  }

  /// The names in a folder, in byte order, without those that begin with a dot.
  static func names(in folder: String) throws -> [String] {
    guard let directory = opendir(folder) else { throw failure("open the folder", folder) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.utf8.first != UInt8(ascii: ".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  static func isFolder(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Writes a file that must not be there yet.
  static func create(_ path: String, _ text: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("create", path) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write", path) }
      rest = rest.dropFirst(count)
    }
  }

  static func createFolder(_ path: String) throws {
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      made += part + "/"
      guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw failure("create the folder", path) }
    }
  }

  /// Runs a body while no other process that asks for the same is in its own.
  static func locking<Value>(_ folder: String, _ body: () throws -> Value) throws -> Value {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open the folder", folder) }
    defer { close(descriptor) }
    // A file system without locks still has the exclusive creation of the file's name.
    while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
    return try body()
  }

  static func failure(_ verb: String, _ path: String) -> MigrationError {
    MigrationError(.unreadableFile, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
  }
}
