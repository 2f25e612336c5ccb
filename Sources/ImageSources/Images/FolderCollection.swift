internal import Basics
import FoundationEssentials
internal import Glibc
public import ImageCodecs

/// The images in a folder and everything below it.
///
/// Files are known by their extension. Ids count them in the byte order of their paths relative to the folder. The
/// class is the first sub-folder on the way to the file, as torchvision's ImageFolder has it; images at the top have
/// none. Symbolic links are followed. Left out are names that start with a dot (AppleDouble files and `.thumbnails`
/// among them), the folders of `leftOutFolders`, and what cannot be read; the last is told in `warnings`.
public struct FolderCollection: ImageCollection {
  /// The folder.
  public let name: String
  /// The number of files with an image's extension.
  public var count: Int { images.count }
  /// What the user should know though it stops nothing.
  public let warnings: [String]

  private let images: ImageFiles
  private let unseen: [[UInt8]]
  private let root: [UInt8]
  private let labels: LabelFile?
  private var options: Image.DecodingOptions

  /// The extensions of the formats that can be decoded, lower case.
  public static let extensions = ImageFormat.fileExtensions

  /// Folders that other programs make and that hold copies or leavings: Synology's and QNAP's thumbnails and bins,
  /// macOS archives, the bins of Windows.
  static let leftOutFolders: Set<String> = [
    "@eaDir", "@Recycle", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information", "__MACOSX",
  ]

  /// Lists a folder; no image is opened yet.
  /// - Parameters:
  ///   - labels: classes by relative path, in place of the sub-folders.
  ///   - allowsNone: takes a folder without an image.
  /// - Throws: `CollectionError` with code `unreadable`, or `empty` when no image is there.
  public init(
    path: String,
    labels: LabelFile? = nil,
    options: Image.DecodingOptions = Image.DecodingOptions(),
    allowsNone: Bool = false
  ) throws {
    name = path
    root = PathText.bytes(path)
    self.labels = labels
    self.options = options
    let folder = ImageFile.Folder(
      absolute: PathText.bytes(FileSystem.absolute(path)),
      resolved: PathText.bytes(FileSystem.identity(path))
    )
    var walk = FolderWalk(root: root, folder: folder)
    try walk.visit([])
    images = walk.found
    unseen = walk.leftOut.unseen
    warnings = walk.leftOut.warnings(path) + Self.warnings(labels, images, folder: path)
    guard allowsNone || !images.isEmpty else {
      let others = walk.leftOut.files.isEmpty ? "" : "; \(walk.leftOut.fileSummary)"
      throw CollectionError(
        .empty,
        file: path,
        "there is no image in this folder (\(Self.extensions.sorted().joined(separator: ", ")))\(others)"
      )
    }
  }

  private static func warnings(_ labels: LabelFile?, _ images: ImageFiles, folder: String) -> [String] {
    let unmatched = labels?.paths.subtracting(images.lazy.map(\.path)) ?? []
    guard let example = unmatched.min() else { return [] }
    return ["paths in the labels that \(folder) does not have: \(unmatched.count), such as \(example)"]
  }

  /// What is known of an image without decoding it.
  public func entry(at position: Int) throws -> ImageEntry {
    let file = try file(position)
    return ImageEntry(
      id: position,
      label: labels.map { $0[file.path] } ?? file.topFolder,
      name: file.path,
      place: .file(file.source)
    )
  }

  /// Reads and decodes an image.
  public func image(at position: Int) throws -> Image {
    let file = try file(position)
    let bytes = try WholeFile.read(absolute(file), limit: options.maximumBytes)
    return try Image(decoding: bytes, name: file.path, options: options)
  }

  /// The memory that an image's header speaks of.
  public func decodingBytes(at position: Int) -> Int {
    images.indices.contains(position) ? WholeFile.decodingBytes(absolute(images[position]), options) : 0
  }

  /// The same images, decoded for a resize.
  public func covering(_ coverage: Image.DecodingOptions.Coverage) -> any ImageCollection {
    var covering = self
    covering.options.coverage = coverage
    return covering
  }

  /// The images as they were when the folder was listed.
  public func files() -> ImageFiles? { images }

  /// Files and folders that could not be read, and links that lead nowhere.
  public func unseenPaths() -> [[UInt8]] { unseen }

  /// Paths, sizes, times of modification and the classes' file; no image is read.
  public func fingerprint() -> SourceFingerprint {
    var hash = ContentHash()
    if let labels { hash.combine(Array(labels.fingerprint.description.utf8)) }
    for file in images {
      hash.combine(file.pathBytes)
      hash.combine(file.byteCount)
      hash.combine(file.modificationTime)
    }
    return SourceFingerprint(hash)
  }

  private func absolute(_ file: ImageFile) -> [UInt8] {
    root + [UInt8(ascii: "/")] + file.pathBytes
  }

  private func file(_ position: Int) throws -> ImageFile {
    guard images.indices.contains(position) else {
      throw CollectionError(
        .outOfRange,
        file: name,
        "it has no image \(position); the last is \(count - 1)"
      )
    }
    return images[position]
  }
}

/// What a walk did not take.
private struct LeftOut {
  /// How many files there are of each extension that is not read; no extension is the empty text.
  var files: [String: Int] = [:]
  /// Links that lead nowhere.
  var danglingLinks = 0
  /// Pipes, sockets and devices by an image's name.
  var pipes = 0
  /// The paths of both: nobody knows what is behind them.
  var unseen: [[UInt8]] = []
  /// Folders and files that may not be read, the first of them with the reason.
  var unreadable = 0
  var example: String?

  mutating func add(unreadable path: [UInt8], _ code: Int32) {
    unreadable += 1
    unseen.append(path)
    example = example ?? "\(PathText.text(path)) (\(FileSystem.reason(code)))"
  }

  func warnings(_ folder: String) -> [String] {
    var warnings: [String] = []
    if unreadable > 0, let example {
      warnings.append("left out of \(folder): \(unreadable) that cannot be read, such as \(example)")
    }
    if danglingLinks > 0 {
      warnings.append(
        "left out of \(folder): \(danglingLinks == 1 ? "1 link that leads" : "\(danglingLinks) links that lead") nowhere"
      )
    }
    if pipes > 0 {
      warnings.append("left out of \(folder): \(pipes) that are not files but pipes, sockets or devices")
    }
    if !files.isEmpty { warnings.append("left out of \(folder): \(fileSummary)") }
    return warnings
  }

  /// `5 files of other formats (psd 3, svg 2)`.
  var fileSummary: String {
    let sorted = files.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let total = files.values.reduce(0, +)
    let names = sorted.prefix(8).map { "\($0.key.isEmpty ? "no extension" : $0.key) \($0.value)" }
    return "\(total) \(total == 1 ? "file" : "files") of other formats (\(names.joined(separator: ", "))"
      + (sorted.count > 8 ? ", …)" : ")")
  }
}

/// Collects the images below a folder.
private struct FolderWalk {
  let root: [UInt8]
  var found: ImageFiles
  var leftOut = LeftOut()
  /// Device and inode of the folders on the way down: a link back to one of them is not followed.
  private var open: Set<[UInt64]> = []
  /// When the walk began, in nanoseconds since 1970.
  private let start = FileFingerprint.now()

  init(root: [UInt8], folder: ImageFile.Folder) {
    self.root = root
    found = ImageFiles(folder: folder)
  }

  mutating func visit(_ relative: [UInt8]) throws {
    let slash = UInt8(ascii: "/")
    let absolute = relative.isEmpty ? root : root + [slash] + relative
    guard let identity = identity(absolute) else {
      // What is not there is not empty.
      guard !relative.isEmpty else {
        throw CollectionError(.unreadable, file: PathText.text(root), FileSystem.reason(errno))
      }
      leftOut.add(unreadable: relative, errno)
      return
    }
    guard open.insert(identity).inserted else { return }
    defer { open.remove(identity) }
    var names = FolderNames()
    do {
      try Files.forEachName(inFolder: FileSystem.terminated(absolute)) { name, type in
        names.append(name, isFolder: isFolder(name, type, in: absolute))
      }
    } catch {
      guard !relative.isEmpty else {
        throw CollectionError(.unreadable, file: PathText.text(root), FileSystem.reason(error.code))
      }
      leftOut.add(unreadable: relative, error.code)
      return
    }
    for index in names.sorted() {
      let (name, isFolder) = names[Int(index)]
      let path = relative.isEmpty ? name : relative + [slash] + name
      if isFolder {
        if !FolderCollection.leftOutFolders.contains(String(decoding: name, as: UTF8.self)) {
          try visit(path)
        }
      } else {
        take(path, name)
      }
    }
  }

  /// Whether a name is a folder's, or a link's to one; files are told apart without asking for each, where the file system says
  /// what they are.
  private func isFolder(_ name: UnsafeRawBufferPointer, _ type: Int32, in folder: [UInt8]) -> Bool {
    guard [Int32(DT_LNK), Int32(DT_UNKNOWN)].contains(type) else { return type == Int32(DT_DIR) }
    var info = stat()
    return stat(FileSystem.terminated(folder + [UInt8(ascii: "/")] + name), &info) == 0
      && info.st_mode & S_IFMT == S_IFDIR
  }

  private mutating func take(_ path: [UInt8], _ name: [UInt8]) {
    var info = stat()
    guard stat(FileSystem.terminated(root + [UInt8(ascii: "/")] + path), &info) == 0 else {
      if errno == ENOENT || errno == ELOOP {
        leftOut.danglingLinks += 1
        leftOut.unseen.append(path)
      } else {
        leftOut.add(unreadable: path, errno)
      }
      return
    }
    switch info.st_mode & S_IFMT {
    case S_IFREG where Self.isImage(name): found.append(path, FileState(info, listedAt: start))
    case S_IFREG: leftOut.files[Self.extension(of: name) ?? "", default: 0] += 1
    // What has become a folder since the name was read is for the next walk.
    case S_IFDIR: leftOut.unseen.append(path)
    default: if Self.isImage(name) { leftOut.pipes += 1 }
    }
  }

  private static func isImage(_ name: [UInt8]) -> Bool {
    Self.extension(of: name).map(FolderCollection.extensions.contains) ?? false
  }

  private static func `extension`(of name: [UInt8]) -> String? {
    name.lastIndex(of: UInt8(ascii: ".")).map {
      String(decoding: name[($0 + 1)...], as: UTF8.self).lowercased()
    }
  }

  private func identity(_ folder: [UInt8]) -> [UInt64]? {
    var info = stat()
    guard stat(FileSystem.terminated(folder), &info) == 0 else { return nil }
    return [UInt64(info.st_dev), UInt64(info.st_ino)]
  }
}

/// The names in a folder, packed.
private struct FolderNames {
  /// The names one behind the other, a slash behind those of folders.
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  mutating func append(_ name: UnsafeRawBufferPointer, isFolder: Bool) {
    bytes += name
    if isFolder { bytes.append(UInt8(ascii: "/")) }
    ends.append(bytes.count)
  }

  subscript(index: Int) -> (name: [UInt8], isFolder: Bool) {
    let name = bytes[bounds(index)]
    let isFolder = name.last == UInt8(ascii: "/")
    return (Array(isFolder ? name.dropLast() : name), isFolder)
  }

  /// The names' numbers in the order of their bytes: a folder's images come where its name and a slash do, so that all paths of a
  /// walk are in the order of their bytes.
  func sorted() -> [Int32] {
    bytes.withUnsafeBytes { bytes in
      ends.indices.map { Int32(truncatingIfNeeded: $0) }.sorted { left, right in
        bytes[bounds(Int(left))].lexicographicallyPrecedes(bytes[bounds(Int(right))])
      }
    }
  }

  private func bounds(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }
}
