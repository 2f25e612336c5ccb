internal import Basics
internal import Glibc
public import ImageCodecs

/// The images that a file lists, such as the listing of a bucket that is mounted: their paths, and where it has them
/// classes and ids.
///
/// CSV with a header that names the columns `path`, `class` and `id`, or one JSON object per line with these members; also
/// compressed with gzip or Zstandard. A path is relative to the manifest's folder, or absolute. Without a column of
/// classes the class is the first folder on the way to the file, as in a folder. Images come in the byte order of their
/// paths.
public struct ManifestCollection: ImageCollection {
  /// The manifest.
  public let name: String
  /// The number of images that are there.
  public var count: Int { images.count }
  /// What the user should know though it stops nothing.
  public let warnings: [String]

  private let images: ImageFiles
  /// The class of each image; nil where the manifest has no classes.
  private let classes: [String?]?
  private let missing: [[UInt8]]
  private let content: SourceFingerprint
  private var options: Image.DecodingOptions

  /// Whether a path is not a folder's and its name that of a manifest.
  public static func isManifest(_ path: String) -> Bool {
    Manifest.Format(path) != nil && (try? FileSystem.isFolder(path)) != true
  }

  /// Reads a manifest and looks at every file that it lists; no image is opened yet.
  /// - Parameter allowsNone: takes a manifest without an image.
  /// - Throws: `CollectionError` with file and line for what cannot be read, a path or id that comes twice, and an
  ///   address that is not a path; with code `empty` when no image is there.
  public init(
    path: String,
    options: Image.DecodingOptions = Image.DecodingOptions(),
    allowsNone: Bool = false
  ) throws {
    name = path
    self.options = options
    var manifest = try Manifest(path: path)
    var hash = ContentHash()
    try FileFingerprint.combine(path, into: &hash)
    content = SourceFingerprint(hash)
    let folder = ImageFile.Folder(
      absolute: PathText.bytes(FileSystem.folder(of: FileSystem.absolute(path))),
      resolved: PathText.bytes(FileSystem.folder(of: FileSystem.identity(path)))
    )
    manifest.images.sort { $0.path.lexicographicallyPrecedes($1.path) }
    var (found, classes, missing) = (ImageFiles(folder: folder), [String?](), [[UInt8]]())
    var example: (path: String, line: Int)?
    let start = FileFingerprint.now()
    for image in manifest.images {
      var info = stat()
      let absolute = ImageFile.absolute(image.path, in: folder.absolute)
      guard stat(FileSystem.terminated(absolute), &info) == 0 else {
        missing.append(image.path)
        if example.map({ image.line < $0.line }) ?? true { example = (PathText.text(image.path), image.line) }
        continue
      }
      guard info.st_mode & S_IFMT == S_IFREG else {
        throw CollectionError(
          .unreadable,
          file: path,
          line: image.line,
          "\(PathText.text(image.path)) is not a file. Fix: list files"
        )
      }
      found.append(image.path, FileState(info, listedAt: start), id: image.id)
      if manifest.hasClasses { classes.append(image.label) }
    }
    images = found
    self.classes = manifest.hasClasses ? classes : nil
    self.missing = missing
    warnings =
      example.map {
        [
          "\(path) lists files that are not there or may not be read: \(missing.count), such as \($0.path) (line \($0.line))"
        ]
      } ?? []
    guard allowsNone || !images.isEmpty else {
      throw CollectionError(
        .empty,
        file: path,
        missing.isEmpty ? "it lists no image" : "none of the \(missing.count) files that it lists is there"
      )
    }
  }

  /// What is known of an image without decoding it.
  public func entry(at position: Int) throws -> ImageEntry {
    let file = try file(position)
    return ImageEntry(
      id: position,
      label: classes.map { $0[position] } ?? file.topFolder,
      name: file.path,
      place: .file(file.source)
    )
  }

  /// Reads and decodes an image.
  public func image(at position: Int) throws -> Image {
    let file = try file(position)
    let bytes = try WholeFile.read(PathText.bytes(file.source), limit: options.maximumBytes)
    return try Image(decoding: bytes, name: file.path, options: options)
  }

  /// The memory that an image's header speaks of.
  public func decodingBytes(at position: Int) -> Int {
    guard let file = try? file(position) else { return 0 }
    return WholeFile.decodingBytes(PathText.bytes(file.source), options)
  }

  /// The same images, decoded for a resize and a crop.
  public func covering(_ coverage: Image.DecodingOptions.Coverage) -> any ImageCollection {
    var covering = self
    covering.options.coverage = coverage
    return covering
  }

  /// The images as they were when the manifest was read.
  public func files() -> ImageFiles? { images }

  /// What is listed and not there: a bucket that is not mounted is not an empty one.
  public func unseenPaths() -> [[UInt8]] { missing }

  /// The manifest's content, and sizes and times of modification.
  public func fingerprint() -> SourceFingerprint {
    var hash = ContentHash()
    hash.combine(Array(content.description.utf8))
    for file in images {
      hash.combine(file.pathBytes)
      hash.combine(file.byteCount)
      hash.combine(file.modificationTime)
    }
    return SourceFingerprint(hash)
  }

  private func file(_ position: Int) throws -> ImageFile {
    guard images.indices.contains(position) else {
      throw CollectionError(.outOfRange, file: name, "it has no image \(position); the last is \(count - 1)")
    }
    return images[position]
  }
}

/// What a manifest says.
private struct Manifest {
  struct Listed {
    let path: [UInt8]
    let label: String?
    let id: ImageID?
    let line: Int
  }

  enum Format {
    case csv
    case jsonLines

    /// By a file's name; nil for any other.
    init?(_ path: String) {
      let name = path.lowercased()
      let plain =
        [".gz", ".zst"].first(where: name.hasSuffix).map { name.dropLast($0.utf8.count) } ?? name[...]
      if plain.hasSuffix(".csv") {
        self = .csv
      } else if plain.hasSuffix(".jsonl") || plain.hasSuffix(".ndjson") {
        self = .jsonLines
      } else {
        return nil
      }
    }
  }

  var images: [Listed] = []
  private(set) var hasClasses = false
  private var columns: [String: Int]?
  private var paths: Set<[UInt8]> = []
  private var ids: Set<ImageID> = []

  init(path: String) throws {
    let stream = try ByteStream(path: path, decompresses: true)
    if Format(path) == .jsonLines {
      let records = RecordStream(lines: stream)
      try records.forEach { record, bytes in
        let field = record.fields[0]
        try readObject(UnsafeRawBufferPointer(rebasing: bytes[field.start..<field.end]), records.currentLine)
      }
    } else {
      let records = RecordStream(stream: stream, delimiter: UInt8(ascii: ","))
      try records.forEach { record, bytes in
        let fields = try record.fields.map { field in
          guard let text = field.validText(in: bytes) else {
            throw RowProblem("it is not UTF-8. Fix: write such a path as a file: URI")
          }
          return text
        }
        try readFields(fields, records.currentLine)
      }
    }
  }

  private mutating func readFields(_ fields: [String], _ line: Int) throws {
    guard let columns else {
      let names = fields.map { $0.lowercased().filter { $0 != " " } }
      let known = [
        "path": ["path", "file", "image", "key"], "class": ["class", "label"], "id": ["id", "image_id"],
      ].compactMapValues { words in names.firstIndex(where: words.contains) }
      guard known["path"] != nil else {
        throw RowProblem(
          "the header names no column path. Fix: path,class,id; for a file of vectors, adbvec load"
        )
      }
      columns = known
      hasClasses = known["class"] != nil
      return
    }
    func field(_ name: String) throws -> String? {
      guard let column = columns[name] else { return nil }
      guard column < fields.count else { throw RowProblem("it has \(fields.count) fields, and no \(name)") }
      return fields[column].isEmpty ? nil : fields[column]
    }
    try add(try field("path") ?? "", label: try field("class"), id: try field("id"), line)
  }

  private mutating func readObject(_ text: UnsafeRawBufferPointer, _ line: Int) throws {
    var members: [String: String] = [:]
    do {
      var scanner = JSONScanner(text)
      guard scanner.take("{") else { throw RowProblem("a line is a JSON object {…}") }
      repeat {
        let key = try scanner.string()
        guard scanner.take(":") else { throw RowProblem("a colon was expected behind \"\(key.prefix(24))\"") }
        let name = ["label": "class", "file": "path", "key": "path"][key] ?? key
        guard ["path", "class", "id"].contains(name) else {
          try scanner.skipValue()
          continue
        }
        if name == "class" { hasClasses = true }
        if scanner.isAtString {
          members[name] = try scanner.string()
        } else {
          let word = try scanner.word()
          if word != "null" { members[name] = word }
        }
      } while scanner.take(",")
      guard scanner.take("}") else { throw RowProblem("the JSON object is cut short") }
    } catch let problem as JSONScanner.Problem {
      throw RowProblem(problem.reason)
    }
    try add(members["path"] ?? "", label: members["class"], id: members["id"], line)
  }

  private mutating func add(_ path: String, label: String?, id: String?, _ line: Int) throws {
    guard !path.isEmpty else { throw RowProblem("it has no path") }
    if let mark = path.firstRange(of: "://"), !path[..<mark.lowerBound].contains("/"),
      !path.hasPrefix("file:")
    {
      throw RowProblem(
        "\(path) is an address and not a path. Fix: mount the bucket, and list paths below the mount"
      )
    }
    let bytes = Self.normalised(PathText.bytes(path))
    guard !bytes.contains(0) else { throw RowProblem("its path holds a NUL character") }
    guard paths.insert(bytes).inserted else { throw RowProblem("the path \(path) is listed twice") }
    let row = try id.map({ (text) throws(RowProblem) in try RowProblem.id(text) })
    if let row {
      guard ids.insert(row).inserted else { throw RowProblem("the id \(row) is listed twice") }
    }
    images.append(Listed(path: bytes, label: label, id: row, line: line))
  }

  /// A path without `.` and doubled slashes, so that a file has one.
  private static func normalised(_ path: [UInt8]) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    let parts = path.split(separator: slash).filter { !$0.elementsEqual(".".utf8) }
    return (path.first == slash ? [slash] : []) + Array(parts.joined(separator: [slash]))
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
      throw CollectionError(.labels, file: path, "it is not a regular file")
    }
    let bytes = try WholeFile.read(PathText.bytes(path), limit: 1 << 30)
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
