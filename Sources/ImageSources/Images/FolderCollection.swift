import Foundation
public import ImageCodecs

/// The images in a folder and everything below it.
///
/// Files are known by their extension. Ids count them in the byte order of their paths relative to the folder. The
/// class is the first sub-folder on the way to the file, as torchvision's ImageFolder has it; images at the top have
/// none. Names that start with a dot are left out.
public struct FolderCollection: ImageCollection {
  /// The folder.
  public let name: String
  /// The number of files with an image's extension.
  public var count: Int { paths.count }

  /// Relative paths as bytes: a file's name need not be UTF-8.
  private let paths: [[UInt8]]
  private let root: [UInt8]
  private let absoluteRoot: String
  private let labels: LabelFile?
  private let options: Image.DecodingOptions
  /// What the user should know though it stops nothing.
  public let warnings: [String]

  /// The extensions of the formats that can be decoded, lower case.
  public static let extensions: Set<String> = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"]

  /// Lists a folder; no image is opened yet.
  /// - Parameter labels: classes by relative path, in place of the sub-folders.
  /// - Throws: `CollectionError` with code `unreadable`, or `empty` when no image is there.
  public init(
    path: String,
    labels: LabelFile? = nil,
    options: Image.DecodingOptions = Image.DecodingOptions()
  ) throws {
    name = path
    root = Array(path.utf8)
    absoluteRoot = FileSystem.absolute(path)
    self.labels = labels
    self.options = options
    var walk = FolderWalk(root: root)
    try walk.visit([])
    paths = walk.found.sorted { $0.lexicographicallyPrecedes($1) }
    warnings = Self.warnings(labels, paths, folder: path)
    guard !paths.isEmpty else {
      throw CollectionError(
        .empty,
        file: path,
        "there is no image in this folder (\(Self.extensions.sorted().joined(separator: ", ")))"
      )
    }
  }

  private static func warnings(_ labels: LabelFile?, _ paths: [[UInt8]], folder: String) -> [String] {
    let unmatched = labels?.paths.subtracting(paths.map(FileSystem.text)) ?? []
    guard let example = unmatched.min() else { return [] }
    return ["paths in the labels that \(folder) does not have: \(unmatched.count), such as \(example)"]
  }

  /// What is known of an image without decoding it.
  public func entry(at position: Int) throws -> ImageEntry {
    let path = try relativePath(position)
    let text = FileSystem.text(path)
    let parts = path.split(separator: UInt8(ascii: "/"))
    let place = ImagePlace.file(absoluteRoot + "/" + text)
    let folder = parts.count > 1 ? FileSystem.text(Array(parts[0])) : nil
    return ImageEntry(id: position, label: labels.map { $0[text] } ?? folder, name: text, place: place)
  }

  /// Reads and decodes an image.
  public func image(at position: Int) throws -> Image {
    let path = try relativePath(position)
    let bytes = try WholeFile.read(absolute(path), limit: options.maximumBytes)
    return try Image(decoding: bytes, name: FileSystem.text(path), options: options)
  }

  /// Paths, sizes, times of modification and the classes' file; no image is read.
  public func fingerprint() throws -> SourceFingerprint {
    var hash = ContentHash()
    if let labels { hash.combine(Array(labels.fingerprint.description.utf8)) }
    for path in paths {
      var info = stat()
      guard stat(FileSystem.terminated(absolute(path)), &info) == 0 else {
        throw CollectionError(.unreadable, file: FileSystem.text(path), FileSystem.reason(errno))
      }
      hash.combine(path)
      hash.combine(Int(info.st_size))
      hash.combine(Int(info.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(info.st_mtim.tv_nsec))
    }
    return SourceFingerprint(hash)
  }

  private func absolute(_ path: [UInt8]) -> [UInt8] {
    root + [UInt8(ascii: "/")] + path
  }

  private func relativePath(_ position: Int) throws -> [UInt8] {
    guard paths.indices.contains(position) else {
      throw CollectionError(
        .outOfRange,
        file: name,
        "it has no image \(position); the last is \(count - 1)"
      )
    }
    return paths[position]
  }
}

/// Collects the images below a folder.
private struct FolderWalk {
  let root: [UInt8]
  var found: [[UInt8]] = []
  /// Device and inode of the folders on the way down: a link back to one of them is not followed.
  private var open: Set<[UInt64]> = []

  init(root: [UInt8]) {
    self.root = root
  }

  mutating func visit(_ folder: [UInt8]) throws {
    let slash = UInt8(ascii: "/")
    let absolute = folder.isEmpty ? root : root + [slash] + folder
    guard let identity = identity(absolute), open.insert(identity).inserted else { return }
    defer { open.remove(identity) }
    for name in try FileSystem.names(inFolder: absolute) {
      let path = folder.isEmpty ? name : folder + [slash] + name
      var info = stat()
      guard stat(FileSystem.terminated(root + [slash] + path), &info) == 0 else { continue }
      switch info.st_mode & S_IFMT {
      case S_IFDIR: try visit(path)
      case S_IFREG where isImage(name): found.append(path)
      default: break
      }
    }
  }

  private func identity(_ folder: [UInt8]) -> [UInt64]? {
    var info = stat()
    guard stat(FileSystem.terminated(folder), &info) == 0 else { return nil }
    return [UInt64(info.st_dev), UInt64(info.st_ino)]
  }

  private func isImage(_ name: [UInt8]) -> Bool {
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return FolderCollection.extensions.contains(FileSystem.text(Array(name[(dot + 1)...])).lowercased())
  }
}

/// Classes of images by relative path, from a CSV file with the columns `path,label`.
///
/// A first line of exactly `path,label` or `file,label` is a header.
public struct LabelFile: Sendable {
  private let labels: [String: String]
  /// What tells this file's content from another's.
  let fingerprint: SourceFingerprint

  /// Reads the file.
  /// - Throws: `CollectionError` with code `unreadable`, or `labels` for a line without two fields or a path named twice.
  public init(path: String) throws {
    guard try FileSystem.regularSize(path) != nil else {
      throw CollectionError(.labels, file: path, "it is no regular file")
    }
    let bytes = try WholeFile.read(Array(path.utf8), limit: 1 << 30)
    var hash = ContentHash()
    hash.combine(bytes)
    fingerprint = SourceFingerprint(hash)
    var known: [String: String] = [:]
    var scanner = DelimitedScanner(delimiter: UInt8(ascii: ","))
    var line = 1
    try bytes.withUnsafeBytes { raw in
      let mark = raw.starts(with: ByteOrderMark.bytes) ? ByteOrderMark.bytes.count : 0
      var rest = UnsafeRawBufferPointer(rebasing: raw[mark...])
      while !rest.isEmpty {
        let record = try scanner.record(in: rest, final: true, file: path, line: line)
        guard let record else { break }
        let fields = try record.fields.map { field in
          guard let text = field.validText(in: rest) else {
            throw CollectionError(.labels, file: path, line: line, "it is not UTF-8")
          }
          return text
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[record.end...])
        defer { line += record.lines }
        if fields.count == 1, fields[0].isEmpty { continue }
        guard fields.count == 2 else {
          throw CollectionError(
            .labels,
            file: path,
            line: line,
            "expected path,label and found \(fields.count) fields"
          )
        }
        if line == 1, fields[1].lowercased() == "label" { continue }
        guard known.updateValue(fields[1], forKey: fields[0]) == nil else {
          throw CollectionError(.labels, file: path, line: line, "the path \(fields[0]) is named twice")
        }
      }
    }
    labels = known
  }

  /// The paths that the file names.
  var paths: Set<String> { Set(labels.keys) }

  /// The class of an image, nil when the file does not name it.
  public subscript(path: String) -> String? { labels[path] }
}
