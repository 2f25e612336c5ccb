internal import Basics
import FoundationEssentials
internal import Glibc
internal import ImageCodecs
internal import Synchronization

/// The few things that the collections ask of the file system.
enum FileSystem {
  /// The last part of a path.
  static func name(of path: String) -> String {
    String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
  }

  /// A path without its last part; empty for a name alone.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// A name in a folder whose path may have any bytes.
  static func path(_ name: String, in folder: String) -> String {
    PathText.text(PathText.bytes(folder) + [UInt8(ascii: "/")] + Array(name.utf8))
  }

  /// What a failed system call means for people.
  static func reason(_ code: Int32) -> String {
    switch code {
    case ENOENT: "there is no such file or folder"
    case EACCES, EPERM: "permission denied; this user may not read it"
    case EISDIR: "it is a folder where a file was expected"
    case EMFILE, ENFILE: "too many open files; raise `ulimit -n`"
    default: "cannot be read: \(String(cString: strerror(code)))"
    }
  }

  /// Whether a path is a folder.
  /// - Throws: `CollectionError` with code `unreadable` when there is nothing.
  static func isFolder(_ path: String) throws -> Bool {
    var info = stat()
    guard stat(terminated(path), &info) == 0 else {
      throw CollectionError(.unreadable, file: path, reason(errno))
    }
    return info.st_mode & S_IFMT == S_IFDIR
  }

  /// The size of a regular file; nil for a pipe or a device.
  /// - Throws: `CollectionError` with code `unreadable` when there is nothing.
  static func regularSize(_ path: String) throws -> Int? {
    var info = stat()
    guard stat(terminated(path), &info) == 0 else {
      throw CollectionError(.unreadable, file: path, reason(errno))
    }
    return info.st_mode & S_IFMT == S_IFREG ? Int(info.st_size) : nil
  }

  /// A path that holds from any working folder; links stay as they are.
  static func absolute(_ path: String) -> String {
    // A text that is a `file:` URI is absolute.
    guard !path.hasPrefix("file:/") else { return path }
    if !path.hasPrefix("/"), let folder = getcwd(nil, 0) {
      defer { free(folder) }
      let bytes = UnsafeRawBufferPointer(start: folder, count: strlen(folder))
      // What Foundation makes of a folder that is not UTF-8 leads nowhere.
      guard String(validating: bytes, as: UTF8.self) != nil else {
        return PathText.text(Array(bytes) + [UInt8(ascii: "/")] + PathText.bytes(path))
      }
    }
    return URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// A path that is the same for every spelling of a file: absolute, behind links.
  static func identity(_ path: String) -> String {
    guard let resolved = realpath(terminated(path), nil) else { return absolute(path) }
    defer { free(resolved) }
    return PathText.text(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
  }

  /// A path as a C string.
  static func terminated(_ path: [UInt8]) -> [CChar] {
    path.map { CChar(bitPattern: $0) } + [0]
  }

  /// The path that a text stands for, as a C string.
  static func terminated(_ path: String) -> [CChar] { terminated(PathText.bytes(path)) }
}

/// A file, or a part of one, read at random places; no position is shared, so that any thread may read.
final class BinaryFile: Sendable {
  /// The file, for messages.
  let path: String
  let size: Int
  /// Where the bytes lie: the descriptor stays open as long as this.
  let descriptor: Int32
  let start: Int
  /// The file that this is a part of, and which closes the descriptor.
  private let whole: BinaryFile?

  /// - Throws: `CollectionError` with code `unreadable`.
  convenience init(path: String) throws {
    let descriptor = open(FileSystem.terminated(path), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CollectionError(.unreadable, file: path, FileSystem.reason(errno)) }
    self.init(owning: descriptor, path: path)
  }

  /// Takes an open file over, and closes it.
  init(owning descriptor: Int32, path: String) {
    self.path = path
    self.descriptor = descriptor
    start = 0
    size = Int(lseek(descriptor, 0, SEEK_END))
    whole = nil
  }

  /// A part of a file, which must lie inside it.
  init(_ range: Range<Int>, of file: BinaryFile, path: String) {
    self.path = path
    descriptor = file.descriptor
    start = file.start + range.lowerBound
    size = range.count
    whole = file
  }

  deinit {
    if whole == nil { close(descriptor) }
  }

  /// Exactly `count` bytes from `offset`.
  /// - Throws: `CollectionError` when they cannot be read or the file ends before them.
  func read(offset: Int, count: Int) throws -> [UInt8] {
    var done = 0
    let place = start + offset
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { room, initialized in
      while done < count {
        let part = pread(descriptor, room.baseAddress.map { $0 + done }, count - done, off_t(place + done))
        if part < 0, errno == EINTR { continue }
        guard part >= 0 else { throw CollectionError(.unreadable, file: path, FileSystem.reason(errno)) }
        guard part > 0 else {
          throw CollectionError(.damaged, file: path, "the file became shorter while it was read")
        }
        done += part
        initialized = done
      }
    }
    return bytes
  }
}

/// A file without a name that is gone with the process: for what is unpacked, and may be larger than memory.
final class TemporaryFile {
  private let descriptor: Int32
  /// How many bytes were written.
  private(set) var size = 0
  private let folder: String

  /// Where such files are made where nothing else is said: in `TMPDIR`, or /tmp.
  static var folder: String {
    let named = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    return named.isEmpty ? "/tmp" : named
  }

  /// - Throws: `CollectionError` with code `unreadable`.
  init(in folder: String = TemporaryFile.folder) throws {
    self.folder = folder
    var name = FileSystem.terminated(folder + "/adbvec-XXXXXX")
    descriptor = mkstemp(&name)
    guard descriptor >= 0 else { throw Self.failure(folder) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(name)
  }

  deinit { close(descriptor) }

  /// - Throws: `CollectionError` with code `unreadable`.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure(folder) }
      done += count
    }
    size += bytes.count
  }

  /// The file for reading; its size is that of now, and what is appended later can be read too.
  func reader(path: String) throws -> BinaryFile {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw Self.failure(folder) }
    return BinaryFile(owning: copy, path: path)
  }

  private static func failure(_ folder: String) -> CollectionError {
    CollectionError(
      .unreadable,
      file: folder,
      "no temporary file can be written: \(String(cString: strerror(errno))). Fix: set TMPDIR to a folder with room"
    )
  }
}

/// Pages of a long list in a file without a name, numbered from 0.
package struct StoredPages: Sendable {
  private var file: PageFile?
  private var places: [Range<Int>] = []
  private let folder: String

  /// No page, and no file before the first.
  /// - Parameter folder: where the file is to be.
  package init(in folder: String = TemporaryFile.folder) { self.folder = folder }

  /// How many there are.
  package var count: Int { places.count }

  /// The bytes of a page that is there.
  package subscript(number: Int) -> [UInt8] { file?.page(at: places[number], number: number) ?? [] }

  /// Adds pages at the end.
  /// - Returns: whether there was room for them in a file.
  package mutating func append(_ pages: [[UInt8]]) -> Bool {
    file = file ?? PageFile(in: folder)
    guard let added = file?.append(pages) else { return false }
    places += added
    return true
  }
}

/// A file of pages, of which those that were read last are kept. What was written does not change, so that copies of a list share it.
private final class PageFile: Sendable {
  private struct State {
    let file: TemporaryFile
    let reader: BinaryFile
    var isFull = false
    var recent: [(offset: Int, bytes: [UInt8])?] = Array(repeating: nil, count: 8)
  }

  /// Not `StateLock`: its generic `withLock` looks up metadata at each call. The two methods that lock are kept out of line for the
  /// same reason as there.
  private let state: Mutex<State>

  /// Nil where no file can be made.
  init?(in folder: String) {
    guard let file = try? TemporaryFile(in: folder), let reader = try? file.reader(path: folder) else {
      return nil
    }
    state = Mutex(State(file: file, reader: reader))
  }

  /// - Returns: where the pages are; nil where there is no room for them.
  @inline(never)
  func append(_ pages: [[UInt8]]) -> [Range<Int>]? {
    state.withLock { state in
      guard !state.isFull else { return nil }
      var (bytes, places) = ([UInt8](), [Range<Int>]())
      for page in pages {
        let start = state.file.size + bytes.count
        places.append(start..<(start + page.count))
        bytes += page
      }
      do {
        try bytes.withUnsafeBytes { try state.file.append($0) }
      } catch {
        state.isFull = true
        return nil
      }
      return places
    }
  }

  /// - Parameter number: pages of neighbouring numbers are kept beside each other.
  @inline(never)
  func page(at place: Range<Int>, number: Int) -> [UInt8] {
    state.withLock { state in
      let slot = number % state.recent.count
      if let recent = state.recent[slot], recent.offset == place.lowerBound { return recent.bytes }
      do {
        let bytes = try state.reader.read(offset: place.lowerBound, count: place.count)
        state.recent[slot] = (place.lowerBound, bytes)
        return bytes
      } catch {
        Self.end(error, state.reader.path)
      }
    }
  }

  /// A list has no way to fail, and its pages are nowhere else: the program ends.
  private static func end(_ error: any Error, _ folder: String) -> Never {
    let reason = (error as? CollectionError)?.reason ?? "\(error)"
    let line = PrintableText.line(
      "error: the list of images in a temporary file in \(folder) is lost (\(reason)). Fix: set TMPDIR to a folder on a local disk"
    )
    // Progress that is on the terminal's last line is drawn over.
    let text = Array(((isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[2K" : "") + line + "\n").utf8)
    _ = write(STDERR_FILENO, text, text.count)
    _exit(EXIT_FAILURE)
  }
}

/// Reads an image's file, or a small one, in one go.
enum WholeFile {
  /// - Throws: `CollectionError` with code `unreadable`, also for more than `limit` bytes.
  static func read(_ path: [UInt8], limit: Int) throws -> [UInt8] {
    do {
      return try Files.read(FileSystem.terminated(path), limit: limit, .regular)
    } catch {
      let reason =
        switch error.reason {
        case .system(let code): FileSystem.reason(code)
        case .notRegular: "it is not a regular file"
        case .tooLarge(let size): "its \(size) bytes are more than the limit of \(limit)"
        }
      throw CollectionError(.unreadable, file: PathText.text(path), reason)
    }
  }

  /// About how many bytes of memory it takes to read and decode an image; 0 where decoding will say what is wrong.
  static func decodingBytes(_ path: [UInt8], _ options: Image.DecodingOptions) -> Int {
    guard let file = try? BinaryFile(path: PathText.text(path)), file.size <= options.maximumBytes else {
      return 0
    }
    func header(_ count: Int) -> ImageHeader? {
      (try? file.read(offset: 0, count: min(file.size, count))).flatMap { try? ImageHeader(decoding: $0) }
    }
    // The beginning says it; for a few formats only the whole file does.
    guard let header = header(256 << 10) ?? header(file.size), header.pixels <= options.maximumPixels else {
      return 0
    }
    return file.size + header.decodedBytes(with: options)
  }
}
