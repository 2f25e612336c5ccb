internal import Foundation

/// Where the collection's image files are.
public protocol ImageStore: Sendable {
  /// The file of an image; nil when the collection does not hold it (any more).
  ///
  /// Called on a thread that may block.
  func file(of image: CollectionImage) async throws -> ImageFile?
}

/// An image file of the collection.
public struct ImageFile: Sendable, Hashable {
  /// The file's bytes.
  public var bytes: [UInt8]
  /// Changes whenever the bytes may have changed.
  public var version: String

  /// A file from its bytes.
  public init(bytes: [UInt8], version: String) {
    self.bytes = bytes
    self.version = version
  }
}

/// A collection whose images cannot be shown: the page shows placeholders.
public struct NoImages: ImageStore {
  /// A store without images.
  public init() {}

  /// Always nil.
  public func file(of image: CollectionImage) -> ImageFile? { nil }
}

/// The images of a folder, found by the relative path that the loader wrote as their source.
///
/// Each part of a path is opened below the part before it, without following symbolic links, so neither `..` nor a
/// link nor a file that is swapped meanwhile leads out of the folder.
public struct ImageFolder: ImageStore {
  /// The folder.
  public let path: String
  /// The most bytes that a file may have to be served.
  public let maximumBytes: Int

  /// The images below `path`.
  public init(_ path: String, maximumBytes: Int = 64 << 20) {
    self.path = path
    self.maximumBytes = maximumBytes
  }

  /// The file at the image's source; nil when there is none, it is no regular file, or the path leads elsewhere.
  public func file(of image: CollectionImage) -> ImageFile? {
    guard let source = image.source, let parts = Self.parts(of: source) else { return nil }
    return read(parts)
  }

  /// The parts of a relative path; nil for one that could lead out of its folder.
  static func parts(of source: String) -> [String]? {
    let parts = source.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let safe = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }
    return safe ? parts : nil
  }

  private func read(_ parts: [String]) -> ImageFile? {
    var descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    for (index, part) in parts.enumerated() where descriptor >= 0 {
      let isLast = index == parts.count - 1
      let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (isLast ? 0 : O_DIRECTORY)
      let next = openat(descriptor, part, flags)
      close(descriptor)
      descriptor = next
    }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return contents(of: descriptor)
  }

  private func contents(of descriptor: CInt) -> ImageFile? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maximumBytes
    else { return nil }
    let size = Int(status.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      while filled < size, let base = buffer.baseAddress {
        let count = Foundation.read(descriptor, base + filled, size - filled)
        guard count > 0 else { break }
        filled += count
      }
    }
    guard bytes.count == size else { return nil }
    let time = status.st_mtim
    return ImageFile(bytes: bytes, version: "\(status.st_ino)-\(size)-\(time.tv_sec)-\(time.tv_nsec)")
  }
}
