internal import FoundationEssentials
internal import Glibc
public import ImageCodecs
public import ImageSearch

/// Where the collection's image files are.
public protocol ImageStore: Sendable {
  /// The file of an image; nil when the collection does not hold it (any more).
  ///
  /// Called on a thread that may block.
  func file(of image: ImageRow) async throws -> ImageFile?
  /// Where in the collection an image is, for people: a path below the collection's, never one of the server's disk.
  func place(of image: ImageRow) -> String?
}

extension ImageStore {
  /// The name of the image's file.
  public func place(of image: ImageRow) -> String? { image.fileName }
}

extension ImageRow {
  /// The last part of the source: the name of the image's file.
  var fileName: String? {
    source.map { source in
      let slash = source.utf8.lastIndex(of: UInt8(ascii: "/"))
      return String(source[(slash.map(source.utf8.index(after:)) ?? source.startIndex)...])
    }
  }
}

/// An image file of the collection, opened: it stays the same file while it is read, even when its name leads elsewhere later.
public struct ImageFile: Sendable {
  private enum Content: Sendable {
    case bytes([UInt8])
    case file(OpenFile)
  }

  private let content: Content
  /// Tells this file's content from another's, also from that of an earlier file of the same name.
  public let version: String

  /// A file held in memory.
  ///
  /// - Parameter version: Changes whenever the bytes do.
  public init(bytes: [UInt8], version: String) {
    content = .bytes(bytes)
    self.version = version
  }

  fileprivate init(_ file: OpenFile, version: String) {
    content = .file(file)
    self.version = version
  }

  /// The length in bytes.
  public var size: Int {
    switch content {
    case .bytes(let bytes): bytes.count
    case .file(let file): file.size
    }
  }

  /// The whole content.
  ///
  /// - Throws: ``BackendError`` with `.unreadableImage` when the file became shorter meanwhile.
  public func bytes() throws -> [UInt8] { try bytes(0..<size) }

  /// A part of the content, cut at its end.
  ///
  /// - Throws: As ``bytes()``.
  public func bytes(_ range: Range<Int>) throws -> [UInt8] {
    let range = range.clamped(to: 0..<size)
    switch content {
    case .bytes(let bytes): return Array(bytes[range])
    case .file(let file): return try file.read(range)
    }
  }
}

/// A collection whose images cannot be shown: the page shows placeholders.
public struct NoImages: ImageStore {
  /// A store without images.
  public init() {}

  /// Always nil.
  public func file(of image: ImageRow) -> ImageFile? { nil }
}

/// The images of a folder, found by the relative path that the loader wrote as their source.
///
/// What the loader reads is shown, and nothing else: files with an image's extension, by names that do not begin with a
/// dot, behind symbolic links too. A path with `..` finds nothing.
public struct ImageFolder: ImageStore {
  /// The folder.
  public let path: String
  /// The most bytes that a file may have to be served.
  public let maximumBytes: Int
  private let extensions: Set<String>

  /// The images below `path`.
  ///
  /// - Parameter extensions: Of the files that are images, in lower case.
  public init(
    _ path: String,
    maximumBytes: Int = 64 << 20,
    extensions: Set<String> = ImageFormat.fileExtensions
  ) {
    self.path = path
    self.maximumBytes = maximumBytes
    self.extensions = extensions
  }

  /// The image's path in the folder.
  public func place(of image: ImageRow) -> String? { image.source }

  /// The file at the image's source; nil when there is none, it is not a regular file, or the path leads elsewhere.
  public func file(of image: ImageRow) -> ImageFile? {
    image.source.flatMap { file(at: Array($0.utf8)) }
  }

  /// The file at a relative path, in bytes: a name need not be UTF-8.
  func file(at relativePath: [UInt8]) -> ImageFile? {
    guard isInside(relativePath) else { return nil }
    return OpenFile.image(
      at: Array(path.utf8) + [UInt8(ascii: "/")] + relativePath,
      maximumBytes: maximumBytes
    )
  }

  /// Whether the loader's walk through the folder could have found this path.
  private func isInside(_ path: [UInt8]) -> Bool {
    let parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty && $0.first != UInt8(ascii: ".") && !$0.contains(0) }),
      let dot = path.lastIndex(of: UInt8(ascii: "."))
    else { return false }
    return extensions.contains(String(decoding: path[(dot + 1)...], as: UTF8.self).lowercased())
  }
}

/// A regular file that is open for reading.
final class OpenFile: Sendable {
  private let descriptor: CInt
  let size: Int

  private init(_ descriptor: CInt, size: Int) {
    self.descriptor = descriptor
    self.size = size
  }

  deinit { close(descriptor) }

  /// The regular file at a path with at most `maximumBytes` bytes; nil for anything else.
  static func image(at path: [UInt8], maximumBytes: Int) -> ImageFile? {
    // A pipe without a writer must not hold up the thread.
    let descriptor = open(path.map { CChar(bitPattern: $0) } + [0], O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maximumBytes
    else {
      close(descriptor)
      return nil
    }
    return ImageFile(OpenFile(descriptor, size: Int(status.st_size)), version: version(of: status))
  }

  /// What changes when the file at a path is replaced or written to; nil when there is none.
  static func version(at path: String) -> String? {
    var status = stat()
    return stat(path, &status) == 0 ? version(of: status) : nil
  }

  private static func version(of status: stat) -> String {
    let (written, changed) = (status.st_mtim, status.st_ctim)
    return [
      Int(status.st_dev), Int(status.st_ino), Int(status.st_size), written.tv_sec, written.tv_nsec,
      changed.tv_sec,
      changed.tv_nsec,
    ]
    .map { String(UInt64(bitPattern: Int64($0)), radix: 36) }.joined(separator: "-")
  }

  func read(_ range: Range<Int>) throws -> [UInt8] {
    var filled = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
      while filled < range.count, let base = buffer.baseAddress {
        let count = pread(descriptor, base + filled, range.count - filled, off_t(range.lowerBound + filled))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        filled += count
      }
      initialized = filled
    }
    guard bytes.count == range.count else {
      throw BackendError(.unreadableImage, "the image's file became shorter while it was read")
    }
    return bytes
  }
}
