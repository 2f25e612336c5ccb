internal import Basics
internal import Glibc
public import SQLLexer

/// The few file operations that migrations need, on the C library alone: loading Foundation costs a command that has
/// nothing to do more than its work.
enum FileOperations {
  static func read(_ path: String) throws -> [UInt8] { try read(path, below: Int.max) ?? [] }

  /// The bytes of a file; nil for a file of that size or a larger one.
  /// - Parameter isRegular: that it is a file and no folder or pipe, where that is known.
  static func read(_ path: String, below limit: Int, isRegular: Bool = false) throws -> [UInt8]? {
    do {
      return try Files.read(path, limit: limit - 1, isRegular ? .listed : .any)
    } catch {
      if case .tooLarge = error.reason { return nil }
      throw failure("read", path, error.code)
    }
  }

  /// The names in a folder in their order, without those that begin with a dot, and whether each is known to be a regular
  /// file.
  static func entries(of folder: String) throws -> [(name: String, isRegular: Bool)] {
    var entries: [(name: String, isRegular: Bool)] = []
    do {
      try Files.forEachName(inFolder: folder) { name, type in
        entries.append((String(decoding: name, as: UTF8.self), type == Int32(DT_REG)))
      }
    } catch {
      throw failure("open the folder", folder, error.code)
    }
    return entries.sorted { $0.name < $1.name }
  }

  static func isFolder(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Writes a file that must not be there yet; one that cannot be written whole is taken away again.
  static func create(_ path: String, _ text: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("create", path) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let failure = failure("write", path)
        unlink(path)
        throw failure
      }
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

  static func failure(_ verb: String, _ path: String, _ code: Int32 = errno) -> MigrationError {
    MigrationError(.unreadableFile, "cannot \(verb) \(path): \(String(cString: strerror(code)))")
  }
}

/// A text file, with byte order mark and carriage returns taken off.
public struct SourceFile: Sendable, Hashable {
  /// The name to show in messages: a path, or the name inside the program.
  public let path: String
  /// The text; without the data of large COPYs, where the file was read in parts.
  public let text: SourceText
  /// SHA-256 of the whole text, in hexadecimal.
  let hash: String
  /// The data that was left out of the text.
  let data: [CopyDataFile]

  /// The file's name without folders.
  public var name: String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
  }

  /// A file from its bytes.
  /// - Throws: `MigrationError` with code `unreadableFile` when they are not UTF-8, or hold NUL.
  public init(path: String, bytes: [UInt8]) throws {
    let normalised = Self.normalise(bytes)
    guard normalised.count < UInt32.max else {
      throw MigrationError(
        .unreadableFile,
        "\(path) has more than 4 GiB of SQL beside the data of its COPYs",
        hint: "Fix: split it into several migrations"
      )
    }
    self.path = path
    text = SourceText(utf8: normalised)
    hash = SHA256.hexadecimal(of: normalised)
    data = []
    if let bad = UTF8Check.firstInvalidByte(normalised[...]) {
      throw MigrationError(
        .unreadableFile,
        "this is not UTF-8 text (byte 0x\(String(normalised[bad], radix: 16, uppercase: true)))",
        hint: "save the file as UTF-8",
        at: SourceLocation(file: path, text: SourceText(utf8: Array(normalised[..<bad])), offset: bad)
      )
    }
  }

  /// A file from the disk; the data of a COPY that is larger than memory should hold stays there.
  /// - Parameter isRegular: that it is a file and no folder or pipe, where that is known.
  /// - Throws: `MigrationError` with code `unreadableFile`.
  init(
    reading path: String,
    isRegular: Bool = false,
    inPartsFrom smallest: Int = LargeFile.smallest,
    leavingOut smallestData: Int = LargeFile.smallestData
  ) throws {
    if let bytes = try FileOperations.read(path, below: smallest, isRegular: isRegular) {
      try self.init(path: path, bytes: bytes)
      return
    }
    if let parts = try LargeFile(path).read(leavingOut: smallestData), !parts.data.isEmpty {
      let text = SourceText(utf8: parts.text)
      let places = Script(text).statements.compactMap {
        $0.copyData?.isEmpty == true ? $0.copyData?.lowerBound : nil
      }
      // Data that the lexer finds elsewhere, as in a string, is part of the text after all.
      if parts.data.allSatisfy({ places.contains($0.offset) }) {
        self.init(path: path, text: text, hash: parts.hash, data: parts.data)
        return
      }
    }
    try self.init(path: path, bytes: FileOperations.read(path))
  }

  private init(path: String, text: SourceText, hash: String, data: [CopyDataFile]) {
    self.path = path
    self.text = text
    self.hash = hash
    self.data = data
  }

  /// The place of a byte of the text in the file.
  func location(_ offset: Int) -> SourceLocation {
    let lines = data.lazy.filter { $0.offset <= offset }.reduce(0) { $0 + $1.lines }
    return SourceLocation(file: path, text: text, offset: offset, linesBefore: lines)
  }

  /// Editors on other systems write a byte order mark and CRLF; neither changes what a migration is.
  private static func normalise(_ bytes: [UInt8]) -> [UInt8] {
    let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    guard hasMark || bytes.contains(0x0D) else { return bytes }
    let content = bytes[(hasMark ? 3 : 0)...]
    var kept: [UInt8] = []
    kept.reserveCapacity(content.count)
    for index in content.indices {
      let isBeforeNewline = index + 1 < content.endIndex && content[index + 1] == 0x0A
      if content[index] != 0x0D || !isBeforeNewline { kept.append(content[index]) }
    }
    return kept
  }
}

/// UTF-8 by RFC 3629, without NUL, checked where it stands.
enum UTF8Check {
  static func firstInvalidByte(_ bytes: ArraySlice<UInt8>) -> Int? {
    bytes.withUnsafeBufferPointer { buffer in
      var index = 0
      while index < buffer.count {
        let byte = buffer[index]
        if byte < 0x80 {
          if byte == 0 { return bytes.startIndex + index }
          index += 1
          continue
        }
        let (length, second): (Int, ClosedRange<UInt8>) =
          switch byte {
          case 0xC2...0xDF: (2, 0x80...0xBF)
          case 0xE0: (3, 0xA0...0xBF)
          case 0xE1...0xEC, 0xEE...0xEF: (3, 0x80...0xBF)
          case 0xED: (3, 0x80...0x9F)
          case 0xF0: (4, 0x90...0xBF)
          case 0xF1...0xF3: (4, 0x80...0xBF)
          case 0xF4: (4, 0x80...0x8F)
          default: (0, 0x80...0xBF)
          }
        guard length > 0, index + length <= buffer.count, second.contains(buffer[index + 1]),
          buffer[index + 2..<index + length].allSatisfy({ $0 & 0xC0 == 0x80 })
        else { return bytes.startIndex + index }
        index += length
      }
      return nil
    }
  }
}
