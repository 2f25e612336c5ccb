internal import Basics
import FoundationEssentials
internal import Glibc
public import ImageCodecs

/// An ordered set of labelled images, each decoded only when it is asked for.
///
/// Positions count from 0 and are the images' ids: they do not change while the files stay as they are.
public protocol ImageCollection: Sendable {
  /// Where the images come from, for messages.
  var name: String { get }
  /// How many images there are, the unreadable ones among them counted.
  var count: Int { get }
  /// What the user should know though it stops nothing.
  var warnings: [String] { get }
  /// What is known of an image without decoding it.
  /// - Throws: `CollectionError`.
  func entry(at position: Int) throws -> ImageEntry
  /// The coarser class that an image's class belongs to; nil where the collection knows none.
  /// - Throws: `CollectionError`.
  func coarseLabel(at position: Int) throws -> String?
  /// Reads and decodes an image.
  /// - Throws: `CollectionError` or `ImageError`, naming the file.
  func image(at position: Int) throws -> Image
  /// About how many bytes of memory the decoding of an image takes at its peak; from its header alone. 0 for little, and where
  /// the decoder will say what is wrong.
  func decodingBytes(at position: Int) -> Int
  /// The images as files that are known by their paths; nil where images are known by their positions.
  /// - Throws: `CollectionError`.
  func files() throws -> ImageFiles?
  /// The same collection for images that will be resized and cropped: with `Image.DecodingOptions.Fidelity.fast` only what that
  /// needs is decoded.
  func covering(_ coverage: Image.DecodingOptions.Coverage) -> any ImageCollection
  /// Paths that the list of files does not speak of, because they could not be read: images may be there, or below.
  func unseenPaths() -> [[UInt8]]
  /// What tells this collection's content from another's.
  /// - Throws: `CollectionError`.
  func fingerprint() throws -> SourceFingerprint
}

extension ImageCollection {
  /// The absolute path behind links, which is the same from any working folder.
  public var identity: String { FileSystem.identity(name) }

  /// Images are known by their positions.
  public func files() -> ImageFiles? { nil }

  /// Images without files are small.
  public func decodingBytes(at position: Int) -> Int { 0 }

  /// Images without files are small.
  public func covering(_ coverage: Image.DecodingOptions.Coverage) -> any ImageCollection { self }

  /// Everything was read.
  public func unseenPaths() -> [[UInt8]] { [] }

  /// There are none.
  public var warnings: [String] { [] }

  /// None is known.
  public func coarseLabel(at position: Int) throws -> String? { nil }
}

/// What is known of an image without decoding it.
public struct ImageEntry: Sendable, Hashable {
  /// The 0-based position in its collection.
  public let id: Int
  /// The class; nil where the collection has none for it.
  public let label: String?
  /// File name, or file and record number, for messages.
  public let name: String
  /// Where the image can be found again.
  public let place: ImagePlace

  /// An entry from its parts.
  public init(id: Int, label: String?, name: String, place: ImagePlace) {
    self.id = id
    self.label = label
    self.name = name
    self.place = place
  }
}

/// Finds out what a path holds.
public enum ImageSource {
  /// Opens a folder of images, a list of images in CSV or JSON lines, one image, or CIFAR as it is downloaded: binary
  /// files or Python's pickles, one, a folder or the archive.
  ///
  /// What a file is, its first bytes say. A folder is CIFAR when it holds files by CIFAR's names, or `.bin` files whose
  /// records are all CIFAR's.
  /// - Parameters:
  ///   - labels: a CSV file `path,label` for a folder of images.
  ///   - options: how images are decoded.
  /// - Throws: `CollectionError` when it is none of these.
  public static func open(
    _ path: String,
    labels: String? = nil,
    options: Image.DecodingOptions = Image.DecodingOptions()
  ) throws -> any ImageCollection {
    let path = path.utf8.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard try FileSystem.isFolder(path) else {
      guard ManifestCollection.isManifest(path) else { return try openFile(path, options) }
      guard labels == nil else {
        throw CollectionError(
          .labels,
          file: path,
          "it names the classes itself; leave the file with classes out"
        )
      }
      return try ManifestCollection(path: path, options: options)
    }
    let binary = try CIFARFiles.binaryFiles(in: path)
    if binary.contains(where: { CIFARFiles.isOfficial($0) }) { return try CIFARCollection(path: path) }
    if !binary.isEmpty, let records = try? CIFARCollection(path: path) { return records }
    if binary.isEmpty, CIFARFiles.holdsPickles(path) { return try CIFARCollection(path: path) }
    do {
      return try FolderCollection(path: path, labels: labels.map(LabelFile.init), options: options)
    } catch let error as CollectionError where error.code == .empty && !binary.isEmpty {
      // Without images the .bin files were meant, and what is wrong with them is of more use.
      return try CIFARCollection(path: path)
    } catch let error as CollectionError where error.code == .empty {
      guard let inside = dataSet(in: path) else { throw error }
      throw CollectionError(.empty, file: path, "there is no image in this folder. Fix: name \(inside)")
    }
  }

  /// A data set in the folder into which it was downloaded, unpacked or not.
  private static func dataSet(in folder: String) -> String? {
    ["cifar-100-python", "cifar-100-binary", "cifar-10-batches-py", "cifar-10-batches-bin"]
      .flatMap { [$0, $0 + ".tar.gz"] }
      .map { FileSystem.path($0, in: folder) }
      .first { (try? FileSystem.isFolder($0)) != nil }
  }

  private static func openFile(
    _ path: String,
    _ options: Image.DecodingOptions
  ) throws -> any ImageCollection {
    guard try FileSystem.regularSize(path) != nil else {
      throw CollectionError(
        .unreadable,
        file: path,
        "images are read from regular files; this is a pipe or a device"
      )
    }
    let file = try BinaryFile(path: path)
    let head = try file.read(offset: 0, count: min(file.size, 512))
    if ImageFormat(signatureOf: head) != nil { return try SingleImage(path: path, options: options) }
    switch FileKind(head) {
    case .pickle?: return try CIFARCollection(path: path)
    case .tar?: return try CIFARCollection(CIFARFiles(archive: path))
    case .gzip?, .zstandard?: return try openCompressed(path)
    case let kind?: throw CollectionError(.unknownFormat, file: path, kind.refusal(of: path, asImages: true))
    case nil:
      // Of CIFAR is what is named so, or has its length.
      guard path.hasSuffix(".bin") || CIFARFormat.all.contains(where: { file.size % $0.recordBytes == 0 }),
        file.size > 0
      else { throw unknown(path, head) }
      return try CIFARCollection(path: path)
    }
  }

  private static func openCompressed(_ path: String) throws -> any ImageCollection {
    let stream = try ByteStream(path: path, decompresses: true)
    _ = try stream.require(512)
    guard stream.availableCount > 0 else { throw unknown(path, []) }
    guard stream.withAvailable({ TarArchive.isHeader($0) }) else {
      throw CollectionError(
        .unknownFormat,
        file: path,
        "it is one compressed file, not an archive. Fix: decompress it, then name what it holds"
      )
    }
    return try CIFARCollection(CIFARFiles(archive: path))
  }

  private static func unknown(_ path: String, _ head: [UInt8]) -> CollectionError {
    guard !head.isEmpty else { return CollectionError(.empty, file: path, "there is nothing in it") }
    let formats = FolderCollection.extensions.sorted().joined(separator: ", ")
    let isText = !head.contains { $0 < 0x20 && !(0x09...0x0D).contains($0) }
    let reason =
      isText || head.starts(with: NumPyHeader.magic)
      ? "it is \(isText ? "text" : "a NumPy array"), not an image. Fix: for a file of vectors, adbvec load"
      : "it is neither an image (\(formats)) nor CIFAR, by its first bytes. Fix: name an image or a folder of images"
    return CollectionError(.unknownFormat, file: path, reason)
  }
}

/// One image file; its id is 0 and it has no class.
struct SingleImage: ImageCollection {
  let name: String
  let count = 1
  private let file: ImageFile
  private var options: Image.DecodingOptions

  /// - Throws: `CollectionError` with code `unreadable`.
  init(path: String, options: Image.DecodingOptions) throws {
    name = path
    self.options = options
    var info = stat()
    guard stat(FileSystem.terminated(path), &info) == 0 else {
      throw CollectionError(.unreadable, file: path, FileSystem.reason(errno))
    }
    func parts(_ path: String) -> (folder: [UInt8], name: [UInt8]) {
      let bytes = PathText.bytes(path)
      let slash = bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0
      return (Array(bytes[..<slash]), Array(bytes[(slash + 1)...]))
    }
    let absolute = parts(FileSystem.absolute(path))
    let folder = ImageFile.Folder(
      absolute: absolute.folder,
      resolved: parts(FileSystem.identity(path)).folder
    )
    file = ImageFile(folder: folder, path: absolute.name, FileState(info, listedAt: FileFingerprint.now()))
  }

  func entry(at position: Int) throws -> ImageEntry {
    try check(position)
    return ImageEntry(id: 0, label: nil, name: name, place: .file(file.source))
  }

  func image(at position: Int) throws -> Image {
    try check(position)
    let bytes = try WholeFile.read(PathText.bytes(name), limit: options.maximumBytes)
    return try Image(decoding: bytes, name: name, options: options)
  }

  func files() -> ImageFiles? { ImageFiles(CollectionOfOne(file)) }

  func decodingBytes(at position: Int) -> Int { WholeFile.decodingBytes(PathText.bytes(name), options) }

  func covering(_ coverage: Image.DecodingOptions.Coverage) -> any ImageCollection {
    var covering = self
    covering.options.coverage = coverage
    return covering
  }

  func fingerprint() -> SourceFingerprint {
    var hash = ContentHash()
    hash.combine(file.pathBytes)
    hash.combine(file.byteCount)
    hash.combine(file.modificationTime)
    return SourceFingerprint(hash)
  }

  private func check(_ position: Int) throws {
    guard position == 0 else {
      throw CollectionError(.outOfRange, file: name, "it has no image \(position); it is one image")
    }
  }
}

/// Why a collection or a feature source cannot be read: one line that names the file and says what to do.
public struct CollectionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, as it is written here.
    public let description: String

    /// The file or folder does not exist, or cannot be opened or read.
    public static let unreadable = Code(description: "unreadable")
    /// There is nothing to load in it.
    public static let empty = Code(description: "empty")
    /// It is none of the formats that are read here.
    public static let unknownFormat = Code(description: "unknownFormat")
    /// It breaks its format's rules, or ends too early.
    public static let damaged = Code(description: "damaged")
    /// Position outside the collection.
    public static let outOfRange = Code(description: "outOfRange")
    /// A label file does not fit the collection.
    public static let labels = Code(description: "labels")
  }

  /// The kind of failure.
  public let code: Code
  /// The file or folder it is about.
  public let file: String
  /// The line, counted from 1, in a text file.
  public let line: Int?
  /// What is wrong and what to do.
  public let reason: String

  /// An error of a kind, about a file.
  public init(_ code: Code, file: String, line: Int? = nil, _ reason: String) {
    self.code = code
    self.file = file
    self.line = line
    self.reason = reason
  }

  /// `file:line: reason`.
  public var description: String {
    let place = line.map { ":\($0)" } ?? ""
    return "\(file)\(place): \(reason)"
  }
}

extension CollectionError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.description) }
}
