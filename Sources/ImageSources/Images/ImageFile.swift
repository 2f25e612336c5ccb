public import Basics
internal import Glibc

/// An image in a folder: what tells it from others, and whether it has changed.
public struct ImageFile: Sendable, Hashable {
  /// A folder's two names, shared by its images.
  struct Folder: Sendable, Hashable {
    /// Absolute, links as they are.
    let absolute: [UInt8]
    /// Absolute, behind links.
    let resolved: [UInt8]
  }

  /// The path in the folder, as bytes.
  public let pathBytes: [UInt8]
  /// The file's size in bytes.
  public let byteCount: Int
  /// The time of the last modification, in nanoseconds since 1970.
  public let modificationTime: Int
  /// The time of the last change of the file's name, rights or content, in nanoseconds since 1970; 0 where it says nothing, because
  /// another change may have had the same time.
  public let statusChangeTime: Int
  /// Whether the file was modified so shortly before it was listed that another modification may have the same time.
  public let isRecent: Bool
  /// The id that a manifest gives the image's row.
  public let id: ImageID?
  let folder: Folder

  /// The path in the folder, as `PathText` has it.
  public var path: String { PathText.text(pathBytes) }
  /// Where the image can be found again: what a row's `source` column holds.
  public var source: String { PathText.text(Self.absolute(pathBytes, in: folder.absolute)) }
  /// As `source`, by the folder's path behind links.
  public var resolvedSource: String { PathText.text(Self.absolute(pathBytes, in: folder.resolved)) }

  /// The first folder on the way to the file; nil for a file at the top, and for a path that is absolute.
  var topFolder: String? {
    guard let slash = pathBytes.firstIndex(of: UInt8(ascii: "/")), slash > 0 else { return nil }
    return PathText.text(pathBytes[..<slash])
  }

  /// A path of a manifest may be absolute.
  static func absolute(_ path: [UInt8], in folder: [UInt8]) -> [UInt8] {
    path.first == UInt8(ascii: "/") ? path : folder + [UInt8(ascii: "/")] + path
  }

  /// An image of a folder, for lists that come from elsewhere.
  public init(
    folder: String,
    path: String,
    byteCount: Int,
    modificationTime: Int,
    statusChangeTime: Int = 0,
    isRecent: Bool = false,
    id: ImageID? = nil
  ) {
    self.init(
      folder: Folder(absolute: PathText.bytes(folder), resolved: PathText.bytes(folder)),
      path: PathText.bytes(path),
      FileState(
        byteCount: byteCount,
        modificationTime: modificationTime,
        statusChangeTime: statusChangeTime,
        isRecent: isRecent
      ),
      id: id
    )
  }

  init(folder: Folder, path: [UInt8], _ state: FileState, id: ImageID? = nil) {
    pathBytes = path
    (byteCount, modificationTime) = (state.byteCount, state.modificationTime)
    (statusChangeTime, isRecent) = (state.statusChangeTime, state.isRecent)
    self.folder = folder
    self.id = id
  }

  /// The SHA-256 of the content, in hexadecimal digits; nil when the file cannot be read, or is not the one that was
  /// listed any more: its size or time of modification is another.
  public func contentHash() -> String? {
    let descriptor = open(
      FileSystem.terminated(Self.absolute(pathBytes, in: folder.absolute)),
      O_RDONLY | O_CLOEXEC
    )
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: min(max(byteCount + 1, 1 << 12), 1 << 18))
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_size == byteCount,
      FileFingerprint.modificationTime(info) == modificationTime
    else { return nil }
    return hash.hexadecimal()
  }
}

/// What a listing tells of a file.
struct FileState: Sendable, Hashable {
  let byteCount: Int
  let modificationTime: Int
  let statusChangeTime: Int
  let isRecent: Bool

  init(byteCount: Int, modificationTime: Int, statusChangeTime: Int, isRecent: Bool) {
    (self.byteCount, self.modificationTime) = (byteCount, modificationTime)
    (self.statusChangeTime, self.isRecent) = (statusChangeTime, isRecent)
  }

  /// - Parameter listedAt: when the listing began, in nanoseconds since 1970.
  init(_ info: stat, listedAt: Int) {
    byteCount = Int(info.st_size)
    modificationTime = FileFingerprint.modificationTime(info)
    isRecent = Self.isClose(modificationTime, to: listedAt)
    let change = FileFingerprint.statusChangeTime(info)
    statusChangeTime = Self.isClose(change, to: listedAt) ? 0 : change
  }

  private static func isClose(_ time: Int, to listing: Int) -> Bool {
    let age = listing.subtractingReportingOverflow(time)
    return !age.overflow && age.partialValue.magnitude < coarsestClock
  }

  /// FAT keeps times of modification in steps of two seconds, in nanoseconds.
  private static let coarsestClock: UInt = 2_000_000_000
}
